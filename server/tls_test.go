package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/certs"
	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const here = "127.0.0.1"

// secureNode is a node with a port for TLS, on which clients show certificates of the authority that its own is by.
type secureNode struct {
	*testNode
	*testClient // over the plain port
	id          *certs.Identity
	port        string
}

func startSecure(t *testing.T) *secureNode {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	id := certs.NewAuthority(t).Issue(t, here)
	n := startNode(t, "--tls-port", strconv.Itoa(port), "--tls-cert-file", id.CertFile, "--tls-key-file", id.KeyFile, "--tls-ca-cert-file", id.By.File)
	return &secureNode{n, n.dial(t), id, here + ":" + strconv.Itoa(port)}
}

// as is how a client speaks TLS that trusts an authority and shows a certificate, if any.
func as(shows *certs.Identity, trusts *x509.CertPool) *tls.Config {
	c := &tls.Config{RootCAs: trusts}
	if shows != nil {
		c.Certificates = []tls.Certificate{shows.Pair}
	}
	return c
}

// ping is one new connection, and what becomes of it.
func (n *secureNode) ping(config *tls.Config) (resumed bool, err error) {
	c, err := tls.Dial("tcp", n.port, config)
	if err != nil {
		return false, err
	}
	defer c.Close()
	w := wire.New(c)
	w.Deadline(time.Now().Add(groupPatience))
	r, err := w.Do("PING")
	if err == nil && r.Text != "PONG" {
		err = fmt.Errorf("PING = %s", r)
	}
	return c.ConnectionState().DidResume, err
}

func (n *secureNode) served(t *testing.T, what string, want bool, config *tls.Config) {
	t.Helper()
	if _, err := n.ping(config); (err == nil) != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestTLSChanges: new connections are accepted by what CONFIG SET has made of the settings. Files that cannot be used are refused as Redis refuses them, and then
// all is as it was.
func TestTLSChanges(t *testing.T) {
	n := startSecure(t)
	first, other := n.id.By, certs.NewAuthority(t)
	mine, theirs := first.Issue(t, here), other.Issue(t, here)
	for _, c := range []struct{ set, culprit string }{
		{"tls-cert-file /none", "tls-cert-file"},
		{"tls-key-file " + n.id.CertFile, "tls-key-file"},
		{"maxclients 999 tls-key-file /none tls-cert-file " + theirs.CertFile, "tls-key-file"},
		{"tls-cert-file " + theirs.CertFile, "tls-cert-file"}, // whose key is another
		{`tls-cert-file ""`, "tls-cert-file"},
		{"tls-ca-cert-file /none", "tls-ca-cert-file"},
		{"tls-ca-cert-file " + n.id.KeyFile, "tls-ca-cert-file"},
		{`tls-ca-cert-file ""`, "tls-ca-cert-file"},
		{"tls-protocols TLSv9", "tls-protocols"},
		{"tls-client-cert-file /none tls-client-key-file /none", "tls-client-cert-file"},
	} {
		before := n.do("CONFIG GET tls-*")
		n.want("CONFIG SET "+c.set, "(error) ERR CONFIG SET failed (possibly related to argument '"+c.culprit+"') - Unable to update TLS configuration. Check server logs.")
		n.want("CONFIG GET tls-*", before)
		n.served(t, "after "+c.set, true, as(mine, first.Pool))
	}
	if got := n.do("CONFIG GET maxclients"); got != "1) \"maxclients\"\n2) \"10000\"" {
		t.Errorf("of a refused CONFIG SET something is in force: %s", got)
	}

	old := as(mine, first.Pool)
	old.MaxVersion = tls.VersionTLS12
	n.served(t, "TLSv1.2", true, old)
	n.want("CONFIG SET tls-protocols TLSv1.3", "OK")
	n.served(t, "TLSv1.2 where it is not spoken", false, old)
	n.want(`CONFIG SET tls-protocols ""`, "OK")
	n.served(t, "TLSv1.2 again", true, old)

	n.served(t, "nobody", false, as(nil, first.Pool))
	n.want("CONFIG SET tls-auth-clients optional", "OK")
	n.served(t, "nobody where certificates are optional", true, as(nil, first.Pool))
	n.served(t, "a stranger where certificates are optional", false, as(theirs, first.Pool))
	n.want("CONFIG SET tls-auth-clients yes", "OK")
	n.served(t, "nobody again", false, as(nil, first.Pool))

	n.id.Renew(t, other, here)
	n.served(t, "before the new certificate is read", true, as(mine, first.Pool))
	n.want("CONFIG SET tls-cert-file "+n.id.CertFile, "OK") // the same name
	n.served(t, "who does not trust the new certificate", false, as(mine, first.Pool))
	n.served(t, "who does", true, as(mine, other.Pool))

	again := as(mine, other.Pool)
	again.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for _, want := range []bool{false, true} {
		if resumed, err := n.ping(again); err != nil || resumed != want {
			t.Errorf("a session was resumed: %v, %v, want %v", resumed, err, want)
		}
	}
	n.want("CONFIG SET tls-ca-cert-file "+other.File, "OK")
	n.served(t, "who is not trusted any more, by an old session", false, again)
	n.served(t, "who is trusted now", true, as(theirs, other.Pool))
}

// TestTLSWithoutPort: without a port for TLS nobody needs the files yet, and Redis does not look at them.
func TestTLSWithoutPort(t *testing.T) {
	c := startNode(t).dial(t)
	c.want("CONFIG SET tls-cert-file /none tls-protocols TLSv9", "OK")
	c.want("CONFIG GET tls-protocols", "1) \"tls-protocols\"\n2) \"TLSv9\"")
}

// TestTLSRotation replaces authority and certificates a few times under clients: neither who is connected notices, nor who connects meanwhile.
func TestTLSRotation(t *testing.T) {
	const rounds, clients = 4, 3
	n := startSecure(t)
	n.want("SET k v", "OK")
	var now atomic.Pointer[tls.Config] // what clients that connect go by
	now.Store(as(n.id.By.Issue(t, here), n.id.By.Pool))
	ended := make(chan struct{})
	var all sync.WaitGroup
	var done [clients]atomic.Int64
	for i := range clients {
		all.Go(func() { n.stayAndReturn(t, &now, &done[i], ended) })
	}
	// settle returns when every client goes by what was stored before.
	settle := func() {
		t.Helper()
		for i := range done {
			before := done[i].Load()
			holds(t, "a client connects", func() bool { return done[i].Load() >= before+2 || t.Failed() })
		}
	}
	bundle := filepath.Join(t.TempDir(), "both.pem")
	for range rounds {
		last, next := n.id.By, certs.NewAuthority(t)
		joinFiles(t, bundle, last.File, next.File)
		n.want("CONFIG SET tls-ca-cert-file "+bundle, "OK")
		both, err := readCA(bundle)
		if err != nil {
			t.Fatal(err)
		}
		now.Store(as(next.Issue(t, here), both))
		n.id.Renew(t, next, here)
		settle()
		n.want("CONFIG SET tls-cert-file "+n.id.CertFile+" tls-key-file "+n.id.KeyFile, "OK")
		settle()
		n.want("CONFIG SET tls-ca-cert-file "+next.File, "OK")
		n.served(t, "who was trusted before", false, as(last.Issue(t, here), next.Pool))
	}
	close(ended)
	all.Wait()
}

// stayAndReturn asks on one connection all the time, and on a new one each time; done counts the latter.
func (n *secureNode) stayAndReturn(t *testing.T, by *atomic.Pointer[tls.Config], done *atomic.Int64, ended <-chan struct{}) {
	c, err := tls.Dial("tcp", n.port, by.Load())
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	stays := wire.New(c)
	for {
		select {
		case <-ended:
			return
		default:
		}
		stays.Deadline(time.Now().Add(groupPatience))
		if r, err := stays.Do("GET", "k"); err != nil || r.Text != "v" {
			t.Errorf("who is connected: %v, %v", r, err)
			return
		}
		if _, err := n.ping(by.Load()); err != nil {
			t.Errorf("who connects: %v", err)
			return
		}
		done.Add(1)
	}
}

func joinFiles(t *testing.T, to string, from ...string) {
	t.Helper()
	var text []byte
	for _, file := range from {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
