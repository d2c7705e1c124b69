// Package certs makes certificates for tests.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const lasting = time.Hour // before now and after

// Authority signs certificates.
type Authority struct {
	File string // its own certificate
	Pool *x509.CertPool

	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// Identity is a certificate and its key.
type Identity struct {
	CertFile, KeyFile string
	Pair              tls.Certificate
	By                *Authority
}

// NewAuthority is one that nobody knows yet.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{File: filepath.Join(t.TempDir(), "ca.pem"), Pool: x509.NewCertPool()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	var der []byte
	a.key, der = a.sign(t, template)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.Pool.AddCert(a.cert)
	writePEM(t, a.File, "CERTIFICATE", der)
	return a
}

// sign makes a certificate with a key of its own, which is also the authority's if that has none yet.
func (a *Authority) sign(t testing.TB, template *x509.Certificate) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	template.NotBefore, template.NotAfter = time.Now().Add(-lasting), time.Now().Add(lasting)
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

// Issue makes a certificate for an address, and for localhost, in files of its own.
func (a *Authority) Issue(t testing.TB, ip string) *Identity {
	t.Helper()
	dir := t.TempDir()
	id := &Identity{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), By: a}
	id.Renew(t, a, ip)
	return id
}

// Renew puts another certificate, by any authority, into the files.
func (id *Identity) Renew(t testing.TB, by *Authority, ip string) {
	t.Helper()
	key, der := by.sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.ParseIP(ip)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, id.CertFile, "CERTIFICATE", der)
	writePEM(t, id.KeyFile, "PRIVATE KEY", keyDER)
	id.By, id.Pair = by, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
