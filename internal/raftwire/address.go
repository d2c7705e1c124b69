package raftwire

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ValidAddress tells whether an address is a port behind a host name or an IP address, which dragonboat's own check
// takes of version 4 only.
func ValidAddress(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, hostLetters) != "" {
			return false
		}
	}
	return true
}

// hostLetters are those of host names, and the underscore that container networks allow themselves.
const hostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// listenOn returns the addresses of a host: Go would listen on the first alone.
func listenOn(ctx context.Context, address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || net.ParseIP(host) != nil {
		return []string{address}, err
	}
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip4", host)
	if err != nil {
		return nil, err
	}
	var all []string
	seen := map[string]bool{}
	for _, ip := range ips {
		if a := net.JoinHostPort(ip.String(), port); !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	return all, nil
}
