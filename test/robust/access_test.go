package robust

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/certs"
	"github.com/redoubt-db/redoubt/test/wire"
)

func dialTLS(t *testing.T, port int, config *tls.Config) *tls.Conn {
	t.Helper()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: replyMax}, "tcp", fmt.Sprint("127.0.0.1:", port), config)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(startMax))
	t.Cleanup(func() { c.Close() })
	return c
}

// TestTLS speaks everything over TLS that could go another way there: large values both ways, pipelines, half a close, and
// clients that stall at every stage beside one that is served.
func TestTLS(t *testing.T) {
	id, port := certs.NewAuthority(t).Issue(t, "127.0.0.1"), freePort(t)
	srv := start(t, "", "--tls-port", fmt.Sprint(port), "--tls-cert-file", id.CertFile, "--tls-key-file", id.KeyFile, "--tls-auth-clients", "no",
		"--client-output-buffer-limit", "normal 8mb 0 0")
	config := &tls.Config{RootCAs: id.By.Pool}
	conn := dialTLS(t, port, config)
	c := &client{wire.New(conn), t}
	c.want("PONG", "PING")
	big := strings.Repeat("0123456789abcdef", 64<<10) // 1 MB
	c.want("OK", "SET", "big", big)
	if r, err := c.Do("GET", "big"); err != nil || r.Text != big {
		t.Errorf("GET of 1 MB: %d bytes, %v", len(r.Text), err)
	}
	const pipeline = 5000
	for i := range pipeline {
		c.Append("INCR", "n")
		c.Append("GET", "n")
		_ = i
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range pipeline {
		a, err := c.Read()
		b, err2 := c.Read()
		if err != nil || err2 != nil || a.Int != int64(i+1) || b.Text != fmt.Sprint(i+1) {
			t.Fatalf("%d: INCR = %s, GET = %s, %v, %v", i+1, a, b, err, err2)
		}
	}
	r, err := c.Do("CLIENT", "LIST")
	if err != nil || !strings.Contains(r.Text, " addr="+conn.LocalAddr().String()) {
		t.Errorf("CLIENT LIST = %s, %v", r, err)
	}
	t.Run("half close", func(t *testing.T) {
		conn := dialTLS(t, port, config)
		send(conn, "SET a 1\r\nGET a\r\nKEYS a\r\n")
		conn.CloseWrite()
		if got, want := rest(t, conn), "+OK\r\n$1\r\n1\r\n*1\r\n$1\r\na\r\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
	t.Run("stalls", func(t *testing.T) {
		silent := raw(t, fmt.Sprint("127.0.0.1:", port)) // no hello
		deaf := dialTLS(t, port, config)
		deaf.NetConn().(*net.TCPConn).SetReadBuffer(4096)
		send(deaf, strings.Repeat(bulk("GET", "big"), 200))
		plain := dial(t, srv.Addr)
		address := " addr=" + deaf.LocalAddr().String()
		until(t, "disconnected", func() bool { c.want("PONG", "PING"); return !strings.Contains(clients(plain), address) })
		silent.Close()
	})
	t.Run("quit", func(t *testing.T) {
		conn := dialTLS(t, port, config)
		send(conn, "GET big\r\nQUIT\r\n")
		if got := rest(t, conn); len(got) != len(big)+len("$1048576\r\n\r\n+OK\r\n") {
			t.Errorf("%d bytes", len(got))
		}
	})
	t.Run("plain text", func(t *testing.T) {
		conn := raw(t, fmt.Sprint("127.0.0.1:", port))
		send(conn, bulk("SET", "a", "2"))
		rest(t, conn)
		c.want(`"1"`, "GET", "a")
	})
	t.Run("come and go", func(t *testing.T) {
		before := descriptors(t, srv)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 20 {
					conn, err := tls.Dial("tcp", fmt.Sprint("127.0.0.1:", port), config)
					if err != nil {
						t.Error(err)
						return
					}
					io.WriteString(conn, "PING\r\n")
					conn.Close()
				}
			})
		}
		all.Wait()
		until(t, "all descriptors closed", func() bool { return descriptors(t, srv) <= before })
	})
}

// TestTLSClients: who must show a certificate is not served without one.
func TestTLSClients(t *testing.T) {
	id, other, port := certs.NewAuthority(t).Issue(t, "127.0.0.1"), certs.NewAuthority(t).Issue(t, "127.0.0.1"), freePort(t)
	start(t, "", "--tls-port", fmt.Sprint(port), "--tls-cert-file", id.CertFile, "--tls-key-file", id.KeyFile, "--tls-ca-cert-file", id.By.File)
	with := &client{wire.New(dialTLS(t, port, &tls.Config{RootCAs: id.By.Pool, Certificates: []tls.Certificate{id.Pair}})), t}
	with.want("PONG", "PING")
	byDir := freePort(t)
	start(t, "", "--tls-port", fmt.Sprint(byDir), "--tls-cert-file", id.CertFile, "--tls-key-file", id.KeyFile, "--tls-ca-cert-dir", filepath.Dir(id.By.File), "--tls-protocols", "TLSv1.3")
	with = &client{wire.New(dialTLS(t, byDir, &tls.Config{RootCAs: id.By.Pool, Certificates: []tls.Certificate{id.Pair}})), t}
	with.want("PONG", "PING")
	if _, err := tls.Dial("tcp", fmt.Sprint("127.0.0.1:", byDir), &tls.Config{RootCAs: id.By.Pool, Certificates: []tls.Certificate{id.Pair}, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLSv1.2 was spoken where tls-protocols says TLSv1.3")
	}
	for name, config := range map[string]*tls.Config{
		"none":      {RootCAs: id.By.Pool},
		"a strange": {RootCAs: id.By.Pool, Certificates: []tls.Certificate{other.Pair}},
	} {
		conn, err := tls.Dial("tcp", fmt.Sprint("127.0.0.1:", port), config)
		if err != nil {
			continue
		}
		conn.SetDeadline(time.Now().Add(replyMax))
		io.WriteString(conn, "PING\r\n")
		if b, err := io.ReadAll(conn); err == nil || len(b) > 0 {
			t.Errorf("%s certificate: %q, %v", name, b, err)
		}
		conn.Close()
	}
	for _, c := range []struct{ args, want string }{
		{"--tls-cert-file /none --tls-key-file /none", "tls-cert-file"},
		{"", "no tls-cert-file is configured"},
		{"--tls-cert-file " + id.CertFile, "no tls-key-file is configured"},
		{"--tls-cert-file " + id.CertFile + " --tls-key-file " + id.KeyFile, "tls-auth-clients needs certificates"},
		{"--tls-cert-file " + id.CertFile + " --tls-key-file " + id.KeyFile + " --tls-auth-clients optional --tls-ca-cert-dir " + t.TempDir(), "tls-auth-clients needs certificates"},
		{"--tls-cert-file " + id.CertFile + " --tls-key-file " + id.KeyFile + " --tls-auth-clients no --tls-ca-cert-dir /none", "tls-ca-cert-dir"},
		{"--tls-cert-file " + id.CertFile + " --tls-key-file " + id.KeyFile + " --tls-auth-clients no --tls-protocols TLSv1.1", "tls-protocols"},
		{"--tls-cert-file " + id.CertFile + " --tls-key-file " + other.KeyFile, "tls-key-file"},
		{"--tls-cert-file " + id.CertFile + " --tls-key-file " + id.KeyFile + " --tls-ca-cert-file " + id.KeyFile, "tls-ca-cert-file"},
	} {
		args := append([]string{"--tls-port", fmt.Sprint(freePort(t))}, strings.Fields(c.args)...)
		if said := refused(t, t.TempDir(), args...); !strings.Contains(lastLine(said), c.want) {
			t.Errorf("%s: %q", c.args, lastLine(said))
		}
	}
}

// TestTLSSessions: a session is resumed by its ticket unless tls-session-caching says no.
func TestTLSSessions(t *testing.T) {
	for caching, want := range map[string]bool{"yes": true, "no": false} {
		id, port := certs.NewAuthority(t).Issue(t, "127.0.0.1"), freePort(t)
		start(t, "", "--tls-port", fmt.Sprint(port), "--tls-cert-file", id.CertFile, "--tls-key-file", id.KeyFile, "--tls-auth-clients", "no",
			"--tls-session-caching", caching)
		config := &tls.Config{RootCAs: id.By.Pool, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		resumed := false
		for range 2 {
			conn := dialTLS(t, port, config)
			c := &client{wire.New(conn), t}
			c.want("PONG", "PING") // the ticket comes in front of the reply
			resumed = conn.ConnectionState().DidResume
			conn.Close()
		}
		if resumed != want {
			t.Errorf("tls-session-caching %s: the second connection resumed the session: %v", caching, resumed)
		}
	}
}

// TestUnixSocket serves the same over a socket file, which is gone when the server is.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	srv := start(t, "", "--unixsocket", path, "--unixsocketperm", "700", "--requirepass", "")
	connect := func() *client {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(replyMax))
		t.Cleanup(func() { conn.Close() })
		return &client{wire.New(conn), t}
	}
	c := connect()
	value := strings.Repeat("x", 1<<20)
	c.want("OK", "SET", "a", value)
	if r, err := c.Do("GET", "a"); err != nil || r.Text != value {
		t.Errorf("%d bytes, %v", len(r.Text), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's mode is %v, %v, want 0700", info.Mode(), err)
	}
	half, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	half.SetDeadline(time.Now().Add(replyMax))
	send(half, "SET b 1\r\nGET b\r\n")
	half.(*net.UnixConn).CloseWrite()
	if got := rest(t, half); got != "+OK\r\n$1\r\n1\r\n" {
		t.Errorf("half a close: %q", got)
	}
	if r, err := c.Do("CLIENT", "LIST"); err != nil || !strings.Contains(r.Text, "addr="+path+":0") {
		t.Errorf("CLIENT LIST = %s, %v", r, err)
	}
	if err := srv.Stop(stopMax); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
}

// strangerAddress is an address of this machine that is not loopback.
func strangerAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

// TestProtectedMode: without a password strangers are told why they are not served; with one they are.
func TestProtectedMode(t *testing.T) {
	address := strangerAddress(t)
	srv := start(t, "", "--bind", "0.0.0.0")
	conn := raw(t, fmt.Sprint(address, ":", srv.Port))
	got := rest(t, conn)
	if !strings.HasPrefix(got, "-DENIED Redis is running in protected mode") && !strings.HasPrefix(got, "-DENIED Redoubt is running in protected mode") || strings.Count(got, "\r\n") != 1 {
		t.Errorf("a stranger was told %q", got)
	}
	local := dial(t, srv.Addr)
	local.want("OK", "SET", "a", "1")
	local.want("OK", "CONFIG", "SET", "protected-mode", "no")
	dial(t, fmt.Sprint(address, ":", srv.Port)).want(`"1"`, "GET", "a")
	local.want("OK", "CONFIG", "SET", "protected-mode", "yes")
	local.want("OK", "CONFIG", "SET", "requirepass", "secret")
	stranger := dial(t, fmt.Sprint(address, ":", srv.Port))
	stranger.want("(error) NOAUTH Authentication required.", "GET", "a")
	stranger.want("OK", "AUTH", "secret")
	stranger.want(`"1"`, "GET", "a")
}

// TestPasswords: every way in, and none without the word.
func TestPasswords(t *testing.T) {
	srv := start(t, "", "--requirepass", "secret")
	c := dial(t, srv.Addr)
	const noAuth, wrong = "(error) NOAUTH Authentication required.", "(error) WRONGPASS invalid username-password pair or user is disabled."
	c.want(noAuth, "GET", "a")
	c.want(noAuth, "PING")
	c.want(noAuth, "SHUTDOWN")
	c.want(noAuth, "MULTI")
	c.want(wrong, "AUTH", "default", "secre")
	c.want(wrong, "AUTH", "someone", "secret")
	c.want(wrong, "HELLO", "3", "AUTH", "default", "no")
	c.want("(error) NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time", "HELLO", "3")
	conn := raw(t, srv.Addr)
	send(conn, "*100\r\n")
	if got := rest(t, conn); got != "-ERR Protocol error: unauthenticated multibulk length\r\n" {
		t.Errorf("many arguments before AUTH: %q", got)
	}
	conn = raw(t, srv.Addr)
	send(conn, "*2\r\n$4\r\nAUTH\r\n$20000\r\n")
	if got := rest(t, conn); got != "-ERR Protocol error: unauthenticated bulk length\r\n" {
		t.Errorf("a long argument before AUTH: %q", got)
	}
	if r, err := c.Do("HELLO", "3", "AUTH", "default", "secret"); err != nil || r.Kind != '%' {
		t.Errorf("HELLO 3 AUTH = %s, %v", r, err)
	}
	c.want("OK", "SET", "a", "1")
	c.want("RESET", "RESET")
}

// TestRESP3: the replies that differ.
func TestRESP3(t *testing.T) {
	c := dial(t, start(t, "").Addr)
	kind := func(want byte, args ...string) {
		t.Helper()
		if r, err := c.Do(args...); err != nil || r.Kind != want {
			t.Errorf("%v = %c %s, %v, want %c", args, r.Kind, r, err, want)
		}
	}
	kind('$', "GET", "none")
	kind('*', "HELLO", "2")
	kind('%', "HELLO", "3")
	kind('_', "GET", "none")
	kind('%', "CONFIG", "GET", "port")
	kind('=', "LOLWUT")
	c.want("OK", "MULTI")
	c.want("QUEUED", "GET", "none")
	if r, err := c.Do("EXEC"); err != nil || len(r.Elems) != 1 || r.Elems[0].Kind != '_' {
		t.Errorf("EXEC = %s, %v", r, err)
	}
	c.want("OK", "WATCH", "a")
	c.want("OK", "SET", "a", "1")
	c.want("OK", "MULTI")
	kind('_', "EXEC")
	c.want("(error) NOPROTO unsupported protocol version", "HELLO", "4")
	kind('*', "HELLO", "2")
	kind('$', "GET", "none")
}
