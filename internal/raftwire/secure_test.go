package raftwire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/config"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// authority signs certificates.
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

// member is a node at ip whose certificate a signed, and which trusts those that trusts signed.
func (a *authority) member(t *testing.T, ip string, trusts *authority) config.NodeHostConfig {
	t.Helper()
	key, der := a.sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(ip)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := plain()
	c.MutualTLS, c.CAFile, c.CertFile, c.KeyFile = true, trusts.file, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, c.CertFile, "CERTIFICATE", der)
	writePEM(t, c.KeyFile, "PRIVATE KEY", keyDER)
	return c
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEncrypted(t *testing.T) {
	ca := newAuthority(t)
	a, b := open(t, ca.member(t, "127.0.0.1", ca)), open(t, ca.member(t, "127.0.0.1", ca))
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
	ca, other := newAuthority(t), newAuthority(t)
	for _, c := range []struct {
		name     string
		from, to config.NodeHostConfig
		log      string // of the one that is connected to
	}{
		{"signed by somebody else", other.member(t, "127.0.0.1", ca), ca.member(t, "127.0.0.1", ca), "unknown authority"},
		{"a server signed by somebody else", ca.member(t, "127.0.0.1", ca), other.member(t, "127.0.0.1", ca), "bad certificate"},
		{"a server of another host", ca.member(t, "127.0.0.1", ca), ca.member(t, "127.0.0.2", ca), "bad certificate"},
		{"not encrypted", plain(), ca.member(t, "127.0.0.1", ca), "first record does not look like a TLS handshake"},
		{"encrypted, to one that is not", ca.member(t, "127.0.0.1", ca), plain(), errMagic.Error()},
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
