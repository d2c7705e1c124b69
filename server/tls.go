package server

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"github.com/redoubt-db/redoubt/conf"
)

// listenTLS opens tls-port, if there is one. Its connections live on a loop of their own.
func (n *network) listenTLS() error {
	view := n.srv.conf.View()
	port := view.Int("tls-port")
	if port == 0 {
		return nil
	}
	config, err := tlsConfig(view)
	if err != nil {
		return err
	}
	l := newLoop(n.srv, len(n.srv.loops))
	l.secure = true
	l.goroutine(n.ended)
	n.srv.loops = append(n.srv.loops, l)
	for _, host := range bindHosts(view.List("bind")) {
		addr := net.JoinHostPort(host.name, strconv.Itoa(int(port)))
		ln, err := net.Listen(family(host.name), addr)
		if err != nil && host.optional {
			continue
		}
		if err != nil {
			return fmt.Errorf("Could not create TLS listening socket %s: %w", addr, err)
		}
		n.tls = append(n.tls, tls.NewListener(ln, config))
	}
	for _, ln := range n.tls {
		go n.accept(l, ln, overTLS)
	}
	return nil
}

// family keeps all of IPv6 from meaning all of IPv4 too, which is an address of its own in bind.
func family(host string) string {
	switch ip := net.ParseIP(host); {
	case ip == nil:
		return "tcp"
	case ip.To4() != nil:
		return "tcp4"
	}
	return "tcp6"
}

func tlsConfig(view *conf.View) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(view.String("tls-cert-file"), view.String("tls-key-file"))
	if err != nil {
		return nil, fmt.Errorf("Failed to configure TLS: tls-cert-file and tls-key-file: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if file := view.String("tls-ca-cert-file"); file != "" {
		if config.ClientCAs, err = readCA(file); err != nil {
			return nil, fmt.Errorf("Failed to configure TLS: %w", err)
		}
	}
	switch view.String("tls-auth-clients") {
	case "yes":
		config.ClientAuth = tls.RequireAndVerifyClientCert
	case "optional":
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}
