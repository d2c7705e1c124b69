package raftwire

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/lni/dragonboat/v4/config"
	pb "github.com/lni/dragonboat/v4/raftpb"

	"github.com/redoubt-db/redoubt/test/certs"
)

// member is a node at ip whose certificate by signed, and which trusts those that trusts signed.
func member(t *testing.T, by *certs.Authority, ip string, trusts *certs.Authority) config.NodeHostConfig {
	t.Helper()
	id, c := by.Issue(t, ip), plain()
	c.MutualTLS, c.CAFile, c.CertFile, c.KeyFile = true, trusts.File, id.CertFile, id.KeyFile
	return c
}

func TestEncrypted(t *testing.T) {
	ca := certs.NewAuthority(t)
	a, b := open(t, member(t, ca, "127.0.0.1", ca)), open(t, member(t, ca, "127.0.0.1", ca))
	c := connect(t, a, b)
	for _, size := range []int{1, 15 << 10, 17 << 10, readBuffer, 5 << 20, 1} {
		sent := batchOf(size)
		if err := c.SendMessageBatch(sent); err != nil {
			t.Fatal(err)
		}
		if got := b.next(t); !bytes.Equal(payloadOf(&got), payloadOf(&sent)) {
			t.Errorf("a message of %d arrived as another", size)
		}
	}
	s, err := a.GetSnapshotConnection(t.Context(), b.address())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendChunk(pb.Chunk{ShardID: 1, ReplicaID: 2, Data: make([]byte, 2<<20)}); err != nil {
		t.Fatal(err)
	}
	if s.Close(); len(b.chunks) != 1 {
		t.Errorf("%d chunks have arrived, want 1", len(b.chunks))
	}
}

// TestStrangersAreRefused: no message of theirs arrives, and the node that refused them says so.
func TestStrangersAreRefused(t *testing.T) {
	ca, other := certs.NewAuthority(t), certs.NewAuthority(t)
	for _, c := range []struct {
		name     string
		from, to config.NodeHostConfig
		log      string // of the one that is connected to
	}{
		{"signed by somebody else", member(t, other, "127.0.0.1", ca), member(t, ca, "127.0.0.1", ca), "unknown authority"},
		{"a server signed by somebody else", member(t, ca, "127.0.0.1", ca), member(t, other, "127.0.0.1", ca), "bad certificate"},
		{"a server of another host", member(t, ca, "127.0.0.1", ca), member(t, ca, "127.0.0.2", ca), "bad certificate"},
		{"not encrypted", plain(), member(t, ca, "127.0.0.1", ca), "first record does not look like a TLS handshake"},
		{"encrypted, to one that is not", member(t, ca, "127.0.0.1", ca), plain(), errMagic.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := open(t, c.from), open(t, c.to)
			conn, err := a.GetConnection(t.Context(), b.address())
			await(func() bool {
				if err == nil { // TLS 1.3 tells a client that it was refused after it has written
					err = conn.SendMessageBatch(batchOf(1))
				}
				return err != nil && strings.Contains(b.log.String(), c.log)
			})
			if err == nil {
				t.Error("the connection is good")
			}
			if !strings.Contains(b.log.String(), c.log) {
				t.Errorf("the log says\n%s", b.log)
			}
			if len(b.messages) > 0 {
				t.Error("a message arrived")
			}
			if conn != nil {
				conn.Close()
			}
		})
	}
}

// TestCertificatesAreReadAnew replaces all files of two nodes that run; what is wrong with a file is told, and what was read before stays in use.
func TestCertificatesAreReadAnew(t *testing.T) {
	ca, next := certs.NewAuthority(t), certs.NewAuthority(t)
	var ids []*certs.Identity
	var nodes []*node
	for range 2 {
		id, c := ca.Issue(t, "127.0.0.1"), plain()
		c.MutualTLS, c.CAFile, c.CertFile, c.KeyFile = true, ca.File, id.CertFile, id.KeyFile
		ids, nodes = append(ids, id), append(nodes, open(t, c))
	}
	a, b := nodes[0], nodes[1]
	deliver := func() {
		t.Helper()
		c := connect(t, a, b)
		if err := c.SendMessageBatch(batchOf(1)); err != nil {
			t.Fatal(err)
		}
		b.next(t)
	}
	deliver()
	trusted, err := os.ReadFile(next.File)
	if err == nil {
		err = os.WriteFile(ca.File, trusted, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		id.Renew(t, next, "127.0.0.1")
	}
	deliver()
	if err := os.WriteFile(ids[1].KeyFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	deliver()
	if !strings.Contains(b.log.String(), "cannot be read; those read before stay in use") {
		t.Errorf("the log says\n%s", b.log)
	}
}
