package server

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/test/certs"
	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

// memberOptions makes the files of a member at 127.0.0.1, and the options that name them.
func memberOptions(t *testing.T, ca *certs.Authority) (options []string) {
	t.Helper()
	id := ca.Issue(t, "127.0.0.1")
	return []string{"--tls-cluster", "yes", "--tls-ca-cert-file", ca.File, "--tls-cert-file", id.CertFile, "--tls-key-file", id.KeyFile}
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
	ca := certs.NewAuthority(t)
	var nodes []*groupNode
	for i := range 3 {
		n := newGroupNode(t)
		options := append(memberOptions(t, ca), "--port", "0", "--tls-port", strconv.Itoa(n.port))
		if nodes = append(nodes, n); i > 0 {
			options = append(options, "--join", nodes[0].addr())
		}
		n.open(t, options...)
		if t.Failed() {
			t.FailNow()
		}
		t.Cleanup(func() { n.Close() })
	}
	ours := viewOf(t, memberOptions(t, ca)...)
	serveOverTLS(t, ours, nodes)
	n := nodes[0]
	for what, view := range map[string]*conf.View{"without TLS": viewOf(t), "with another's certificate": viewOf(t, memberOptions(t, certs.NewAuthority(t))...)} {
		if _, err := askHello(view, n.addr(), introduction{}); err == nil {
			t.Errorf("a node %s was answered", what)
		}
	}
	strange, err := peerTLS(viewOf(t, memberOptions(t, certs.NewAuthority(t))...), n.where.raft)
	if err != nil {
		t.Fatal(err)
	}
	for what, config := range map[string]*tls.Config{"none": {}, "another's": strange} {
		config.InsecureSkipVerify = true
		if err := knock(t, n.where.raft, config); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the Raft transport takes a certificate of %s: %v", what, err)
		}
	}
	good, err := peerTLS(ours, n.where.raft)
	if err != nil {
		t.Fatal(err)
	}
	if err := knock(t, n.where.raft, good); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the Raft transport refuses a member: %v", err)
	}
}

// serveOverTLS has a group of three vote, and each of them serve a client with a certificate.
func serveOverTLS(t *testing.T, ours *conf.View, nodes []*groupNode) {
	t.Helper()
	holds(t, "three voters", func() bool { return len(nodes[0].replica.Membership().Voters) == 3 })
	for i, line := range []string{"SET k v", "GET k", "GET k"} {
		conn, err := dialMember(t.Context(), ours, nodes[i].addr())
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
			ca := certs.NewAuthority(t)
			var nodes []*groupNode
			var all []string
			for range 3 {
				n := newGroupNode(t)
				nodes, all = append(nodes, n), append(all, n.addr())
			}
			var opening sync.WaitGroup
			for _, n := range nodes {
				options := append(memberOptions(t, ca), "--tls-port", strconv.Itoa(n.port), "--initial-cluster", strings.Join(all, ","), "--port", "0")
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
			serveOverTLS(t, viewOf(t, memberOptions(t, ca)...), nodes)
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
