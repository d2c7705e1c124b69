package robust

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/certs"
	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

// TestTLSOnEveryAddress: tls-port is served on all addresses of bind, as port is, and one with a dash may be missing.
func TestTLSOnEveryAddress(t *testing.T) {
	hosts := []string{"127.0.0.1", "127.0.0.2", "[::1]"}
	for i, host := range hosts {
		l, err := net.Listen("tcp", host+":0")
		if err != nil && i == 1 {
			t.Skipf("the loopback interface has one address here: %v", err)
		}
		if err != nil {
			hosts = hosts[:i]
			break
		}
		l.Close()
	}
	id, port := certs.NewAuthority(t).Issue(t, "127.0.0.1"), freePort(t)
	start(t, "", "--bind", "127.0.0.1", "127.0.0.2", "-203.0.113.7", "-::1", // the third is nobody's
		"--tls-port", fmt.Sprint(port), "--tls-cert-file", id.CertFile, "--tls-key-file", id.KeyFile, "--tls-auth-clients", "no")
	for _, host := range hosts {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: replyMax}, "tcp", fmt.Sprint(host, ":", port), &tls.Config{RootCAs: id.By.Pool, ServerName: "localhost"})
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		conn.SetDeadline(time.Now().Add(replyMax))
		c := &client{wire.New(conn), t}
		c.want("PONG", "PING")
		c.Close()
	}
}

// TestNoSuchAddress starts with addresses that are none: the message is about the address, not about the directory.
func TestNoSuchAddress(t *testing.T) {
	for _, args := range [][]string{{"--raft-bind", "nosuch..host"}, {"--raft-bind", "127.0.0.1 127.0.0.2"}, {"--cluster-announce-ip", "a!b"}} {
		out := lastLine(refused(t, t.TempDir(), args...))
		if !strings.Contains(out, "an address for the other members") || strings.Contains(out, "damaged") {
			t.Errorf("%v: %s", args, out)
		}
	}
}

// TestNoSuchMember: what can never be an address of a member is refused, and not waited for.
func TestNoSuchMember(t *testing.T) {
	for _, c := range [][]string{
		{"--join", "nonsense", `join: "nonsense" is not host:port`}, {"--join", "127.0.0.1:1,127.0.0.1:99999", `"127.0.0.1:99999" is not`},
		{"--join", "127.0.0.1:0", "is not"}, {"--join", ":7001", "is not"}, {"--initial-cluster", "a,b,c", `initial-cluster: "a" is not`},
		{"--initial-cluster", "127.0.0.1:1,127.0.0.1:1", "does not name this node"},
	} {
		if out := lastLine(refused(t, t.TempDir(), c[:2]...)); !strings.Contains(out, c[2]) {
			t.Errorf("%v: %s", c[:2], out)
		}
	}
}

// TestJoinsItself: a node that is told to join itself says so.
func TestJoinsItself(t *testing.T) {
	port := freePort(t)
	srv, err := process.Launch(command(), port, t.TempDir(), "--join", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Kill()
	if err := srv.WaitReady(startMax); !errors.Is(err, process.ErrNotReady) || !strings.Contains(lastLine(srv.Tail()), "join names this node itself") {
		t.Error(err)
	}
}

// TestNoUsers: a node does not start as if it knew users that it does not.
func TestNoUsers(t *testing.T) {
	for _, args := range [][]string{{"--aclfile", "users.acl"}, {"--user", "default off"}} {
		if out := lastLine(refused(t, t.TempDir(), args...)); !strings.Contains(out, "requirepass") {
			t.Errorf("%v: %s", args, out)
		}
	}
}
