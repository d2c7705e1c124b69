package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/replica"
)

// This file is tls-cluster: members speak TLS among themselves, on the Raft transport and where they ask each other who
// they are, and both sides show a certificate of tls-ca-cert-file.

// membersPort is the client port at which other members ask this node: tls-port with tls-cluster.
func membersPort(view *conf.View) int64 {
	if view.Bool("tls-cluster") {
		return view.Int("tls-port")
	}
	return view.Int("port")
}

// raftTLS names the files of the Raft transport; nil without tls-cluster.
func raftTLS(view *conf.View) (*replica.TLS, error) {
	if !view.Bool("tls-cluster") {
		return nil, nil
	}
	files := &replica.TLS{CA: view.String("tls-ca-cert-file"), Certificate: view.String("tls-cert-file"), Key: view.String("tls-key-file")}
	if view.Int("tls-port") == 0 || files.CA == "" || files.Certificate == "" || files.Key == "" {
		return nil, errors.New("tls-cluster needs tls-port, tls-cert-file, tls-key-file and tls-ca-cert-file: members show each other certificates")
	}
	return files, nil
}

// peerTLS is how a member at address is spoken to; nil is without TLS. What it shows is tls-client-cert-file, or else the
// server's certificate.
func peerTLS(view *conf.View, address string) (*tls.Config, error) {
	if !view.Bool("tls-cluster") {
		return nil, nil
	}
	config, err := clientTLS(view)
	if err == nil {
		config.ServerName, _, err = net.SplitHostPort(address)
	}
	return config, err
}

// clientTLS is what any member is spoken to with.
func clientTLS(view *conf.View) (*tls.Config, error) {
	certFile, keyFile := view.String("tls-client-cert-file"), view.String("tls-client-key-file")
	if certFile == "" {
		certFile, keyFile = view.String("tls-cert-file"), view.String("tls-key-file")
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("tls-cert-file and tls-key-file: %w", err)
	}
	pool, err := readCA(view.String("tls-ca-cert-file"))
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, MinVersion: tls.VersionTLS12}, err
}

// readCA reads the certificates that others' are checked by.
func readCA(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tls-ca-cert-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("tls-ca-cert-file holds no certificate")
	}
	return pool, nil
}

// dialMember connects to where members ask each other.
func dialMember(ctx context.Context, view *conf.View, address string) (net.Conn, error) {
	config, err := peerTLS(view, address)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: peerDialMax}
	if config == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	ctx, cancel := context.WithTimeout(ctx, peerDialMax) // the handshake counts
	defer cancel()
	return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", address)
}
