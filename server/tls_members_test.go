package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

// authority signs certificates for members at 127.0.0.1.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	var der []byte
	a.key, der = a.sign(t, template)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// sign makes a certificate with a key of its own, which is also the authority's if that has none yet.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

// member makes the files of a member, and the options that name them.
func (a *authority) member(t *testing.T) (options []string) {
	t.Helper()
	key, der := a.sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", keyDER)
	return []string{"--tls-cluster", "yes", "--tls-ca-cert-file", a.file, "--tls-cert-file", certFile, "--tls-key-file", keyFile}
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func viewOf(t *testing.T, options ...string) *conf.View {
	t.Helper()
	set, _, err := conf.Load(options, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return set.View()
}

// TestMembersOverTLS forms three nodes that offer nothing but TLS, and refuses who has no certificate of theirs.
func TestMembersOverTLS(t *testing.T) {
	ca := newAuthority(t)
	var nodes []*groupNode
	for i := range 3 {
		n := newGroupNode(t)
		options := append(ca.member(t), "--port", "0", "--tls-port", strconv.Itoa(n.port))
		if nodes = append(nodes, n); i > 0 {
			options = append(options, "--join", nodes[0].addr())
		}
		n.open(t, options...)
		if t.Failed() {
			t.FailNow()
		}
		t.Cleanup(func() { n.Close() })
	}
	member := viewOf(t, ca.member(t)...)
	serveOverTLS(t, member, nodes)
	n := nodes[0]
	for what, view := range map[string]*conf.View{"without TLS": viewOf(t), "with another's certificate": viewOf(t, newAuthority(t).member(t)...)} {
		if _, err := askHello(view, n.addr(), introduction{}); err == nil {
			t.Errorf("a node %s was answered", what)
		}
	}
	strange, err := peerTLS(viewOf(t, newAuthority(t).member(t)...), n.where.raft)
	if err != nil {
		t.Fatal(err)
	}
	for what, config := range map[string]*tls.Config{"none": {}, "another's": strange} {
		config.InsecureSkipVerify = true
		if err := knock(t, n.where.raft, config); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the Raft transport takes a certificate of %s: %v", what, err)
		}
	}
	good, err := peerTLS(member, n.where.raft)
	if err != nil {
		t.Fatal(err)
	}
	if err := knock(t, n.where.raft, good); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the Raft transport refuses a member: %v", err)
	}
}

// serveOverTLS has a group of three vote, and each of them serve a client with a certificate.
func serveOverTLS(t *testing.T, member *conf.View, nodes []*groupNode) {
	t.Helper()
	holds(t, "three voters", func() bool { return len(nodes[0].replica.Membership().Voters) == 3 })
	for i, line := range []string{"SET k v", "GET k", "GET k"} {
		conn, err := dialMember(t.Context(), member, nodes[i].addr())
		if err != nil {
			t.Fatal(err)
		}
		c := wire.New(conn)
		c.Deadline(time.Now().Add(groupPatience))
		if r, err := c.Do(strings.Fields(line)...); err != nil || r.Text != []string{"OK", "v", "v"}[i] {
			t.Errorf("node %d: %s = %s, %v", i, line, r, err)
		}
		c.Close()
	}
}

// TestInitialClusterOverTLS starts three at once with the same words: they wait for each other on the ports for TLS.
func TestInitialClusterOverTLS(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "beside plain ports"}[plain], func(t *testing.T) {
			ca := newAuthority(t)
			var nodes []*groupNode
			var all []string
			for range 3 {
				n := newGroupNode(t)
				nodes, all = append(nodes, n), append(all, n.addr())
			}
			var opening sync.WaitGroup
			for _, n := range nodes {
				options := append(ca.member(t), "--tls-port", strconv.Itoa(n.port), "--initial-cluster", strings.Join(all, ","), "--port", "0")
				if plain {
					port, err := process.FreePort()
					if err != nil {
						t.Fatal(err)
					}
					options = append(options, "--port", strconv.Itoa(port))
				}
				opening.Go(func() { n.open(t, options...) })
			}
			opening.Wait()
			if t.Failed() {
				t.FailNow()
			}
			for _, n := range nodes {
				t.Cleanup(func() { n.Close() })
			}
			serveOverTLS(t, viewOf(t, ca.member(t)...), nodes)
		})
	}
}

// knock connects and waits a moment for the other side's verdict on the certificate.
func knock(t *testing.T, address string, config *tls.Config) error {
	t.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

func TestAddressesOfMembers(t *testing.T) {
	for _, c := range []struct{ options, listen, client, err string }{
		{"--port 7000", "127.0.0.1:17000", "127.0.0.1:7000", ""},
		{"--port 7000 --bind 0.0.0.0", "127.0.0.1:17000", "127.0.0.1:7000", ""},
		{"--port 7000 --raft-bind 127.0.0.2", "127.0.0.2:17000", "127.0.0.1:7000", ""},
		{"--port 7000 --tls-port 7001", "127.0.0.1:17000", "127.0.0.1:7000", ""},
		{"--port 7000 --tls-cluster yes", "", "", "tls-cluster needs"},
		{"--port 7000 --tls-port 7001 --tls-cluster yes --tls-cert-file c --tls-key-file k", "", "", "tls-cluster needs"},
		{"--port 7000 --tls-port 7001 --tls-cluster yes --tls-cert-file c --tls-key-file k --tls-ca-cert-file a", "127.0.0.1:17000", "127.0.0.1:7001", ""},
		{"--port 0 --tls-port 7001 --tls-cluster yes --tls-cert-file c --tls-key-file k --tls-ca-cert-file a", "127.0.0.1:17001", "127.0.0.1:7001", ""},
	} {
		got, err := ownAddresses(viewOf(t, strings.Fields(c.options)...))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.options, err, c.err)
			}
		} else if err != nil || got.listen != c.listen || got.client != c.client {
			t.Errorf("%s: listens at %s, clients at %s (%v), want %s and %s", c.options, got.listen, got.client, err, c.listen, c.client)
		}
	}
}
