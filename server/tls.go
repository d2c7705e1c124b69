package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/conf"
)

// listenTLS opens tls-port, if there is one. Its connections live on a loop of their own.
func (n *network) listenTLS() error {
	view := n.srv.conf.View()
	port := view.Int("tls-port")
	if port == 0 {
		return nil
	}
	if err := n.srv.secure.prepare(view); err != nil {
		return err
	}
	n.srv.secure.use()
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
		n.tls = append(n.tls, &secureListener{ln, &n.srv.secure})
	}
	for _, ln := range n.tls {
		go n.accept(l, ln, overTLS)
	}
	return nil
}

// secureListener accepts connections by what CONFIG SET has last made of the settings. Those that are there keep theirs.
type secureListener struct {
	net.Listener
	secure *secure
}

// Accept does not wait for the handshake.
func (l *secureListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(c, l.secure.now.Load()), nil
}

// secure is what TLS connections of clients are accepted with. Each configuration has keys of its own for session tickets, so that nobody comes back by one
// whose certificate would not be taken any more.
type secure struct {
	now  atomic.Pointer[tls.Config]
	next *tls.Config // under conf.Set's lock, but at the start
}

// prepare reads what the settings name; use puts it in force.
func (s *secure) prepare(view *conf.View) (err error) {
	s.next, err = tlsConfig(view)
	return err
}

func (s *secure) use() { s.now.Store(s.next) }

// isTLS tells the directives at whose change Redis, too, reads all files again, even if a name is as it was.
func isTLS(name string) bool { return strings.HasPrefix(name, "tls-") }

// reviewTLS reads what the settings would name, and leaves what is in force if they cannot be read. Without a port for TLS nobody needs them yet.
func (srv *Server) reviewTLS(next *conf.View) error {
	if next.Int("tls-port") == 0 {
		return nil
	}
	err := srv.secure.prepare(next)
	switch certFile, keyFile := next.String("tls-client-cert-file"), next.String("tls-client-key-file"); {
	case err != nil:
	case next.Bool("tls-cluster"):
		_, err = clientTLS(next)
	case certFile != "" && keyFile != "":
		_, err = tls.LoadX509KeyPair(certFile, keyFile)
	}
	if err != nil {
		srv.log.Warn("CONFIG SET: TLS stays as it was", "err", err)
		return errors.New("Unable to update TLS configuration. Check server logs.")
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
	for _, name := range []string{"tls-cert-file", "tls-key-file"} {
		if view.String(name) == "" {
			return nil, fmt.Errorf("Failed to configure TLS: no %s is configured", name)
		}
	}
	cert, err := tls.LoadX509KeyPair(view.String("tls-cert-file"), view.String("tls-key-file"))
	if err != nil {
		return nil, fmt.Errorf("Failed to configure TLS: tls-cert-file and tls-key-file: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if config.ClientCAs, err = authorities(view); err == nil {
		config.MinVersion, config.MaxVersion, err = tlsVersions(view.String("tls-protocols"))
	}
	if err != nil {
		return nil, fmt.Errorf("Failed to configure TLS: %w", err)
	}
	config.SessionTicketsDisabled = !view.Bool("tls-session-caching")
	switch view.String("tls-auth-clients") {
	case "yes":
		config.ClientAuth = tls.RequireAndVerifyClientCert
	case "optional":
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}

// authorities are those by which clients' certificates are checked. There must be some where certificates are asked for: else Go would take the
// system's, and whoever bought a certificate anywhere would be let in.
func authorities(view *conf.View) (*x509.CertPool, error) {
	var files []string
	if file := view.String("tls-ca-cert-file"); file != "" {
		files = append(files, file)
	}
	if dir := view.String("tls-ca-cert-dir"); dir != "" {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("tls-ca-cert-dir: %w", err)
		}
		for _, e := range entries {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	pool := x509.NewCertPool()
	for i, file := range files {
		pem, err := os.ReadFile(file)
		if named := i == 0 && file == view.String("tls-ca-cert-file"); named && err != nil {
			return nil, fmt.Errorf("tls-ca-cert-file: %w", err)
		} else if !pool.AppendCertsFromPEM(pem) && named {
			return nil, fmt.Errorf("tls-ca-cert-file: %s holds no certificate", file)
		}
	}
	if view.String("tls-auth-clients") != "no" && pool.Equal(x509.NewCertPool()) {
		return nil, errors.New("tls-auth-clients needs certificates of authorities: name them by tls-ca-cert-file or tls-ca-cert-dir, or say tls-auth-clients no")
	}
	return pool, nil
}

// tlsVersions reads tls-protocols; none is all that are safe.
func tlsVersions(text string) (least, most uint16, err error) {
	known := map[string]uint16{"tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13}
	for _, name := range strings.Fields(text) {
		v, ok := known[strings.ToLower(name)]
		if !ok {
			return 0, 0, fmt.Errorf("tls-protocols: %q is not spoken; TLSv1.2 and TLSv1.3 are", name)
		}
		if least == 0 || v < least {
			least = v
		}
		most = max(most, v)
	}
	if least == 0 {
		least = tls.VersionTLS12
	}
	return least, most, nil
}
