package resp

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/internal/redistest"
)

// startRedis starts a real redis-server on a unix socket and gives the socket's path. The test is
// skipped where there is none.
func startRedis(t *testing.T, args ...string) string {
	t.Helper()
	return redistest.Start(t, append([]string{"--save", ""}, args...)...).Socket
}

// converse sends bytes on a connection of its own, closes its sending half, and reads all that comes back.
func converse(t *testing.T, socket, sent string) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { // the server may answer and close before it has read everything
		io.WriteString(conn, sent)
		conn.(*net.UnixConn).CloseWrite()
	}()
	got, _ := io.ReadAll(conn) // what came before a reset counts as well
	return string(got)
}

// echoes is what a server with this Reader would answer if each command were "echo with all arguments":
// one bulk per ECHO, an error for what cannot be read.
func echoes(sent string, authenticated bool) string {
	var r Reader
	var out []byte
	rest := []byte(sent)
	for {
		args, n, err := r.Next(rest, &Limits{}, authenticated)
		switch {
		case err != nil:
			return string(Error(err.Error()).Append(out, RESP2))
		case n == 0:
			return string(out)
		case len(args) == 2:
			out = Bulk(args[1]).Append(out, RESP2)
		case len(args) > 0:
			out = Error(fmt.Sprintf("ERR wrong number of arguments for '%s' command", args[0])).Append(out, RESP2)
		}
		rest = rest[n:]
	}
}

// TestRequestsLikeRedis sends well and ill formed requests to a real server and to the Reader. All are
// spoken by ECHO, and end with one more to see whether the connection lives.
func TestRequestsLikeRedis(t *testing.T) {
	socket := startRedis(t)
	long := strings.Repeat("x", inlineMax)
	for _, sent := range []string{
		"echo a\r\n",
		"echo a\n",
		"  echo \t a \r\n",
		"\r\n\n \r\necho a\r\n",
		`echo "a b\x41\n\t\b\a\r\q\\\""` + "\r\n",
		`echo "\xZZ\x4"` + "\r\n",
		`echo 'a\'b\n'` + "\r\n",
		`echo a"b c"` + "\r\n",
		`echo a'b c'` + "\r\n",
		`echo ""` + "\r\n",
		`echo "a"b` + "\r\n",
		`echo "a` + "\r\n",
		`echo 'a` + "\r\n",
		`echo 'a\'` + "\r\n",
		`echo "a\"` + "\r\n",
		`echo 'a'b` + "\r\n",
		"echo a\vb\fc\r\n",
		"echo 'a'\v\r\n",
		"echo a\rb\r\n",
		"echo a\x00b\r\n",
		"echo " + long[:inlineMax-10] + "\r\n",
		"*0\r\n*-1\r\n*-10\r\n",
		"*2\r\n$4\r\necho\r\n$1\r\na\r\n",
		"*2\rX$4\rYechoZZ$1\r\naQQ",
		"*2\r\n$4\r\necho\r\n$0\r\n\r\n",
		"*2\r\n$4\r\necho\r\n$4\r\n\r\n\x00\xff\r\n",
		"*02\r\n$4\r\necho\r\n$1\r\na\r\n",
		"*+2\r\n", "*\r\n", "*-\r\n", "* 2\r\n", "*2 \r\n", "*-0\r\n", "*00\r\n", "*x\r\n",
		"*2147483648\r\n", "*9223372036854775808\r\n", "*-9223372036854775808\r\n", "*-9223372036854775809\r\n",
		"*99999999999999999999\r\n", "*100000000000000000000000\r\n",
		"*1\r\n+4\r\necho\r\n", "*1\r\n\r\n", "*1\r\n$\r\n", "*1\r\n$-1\r\n", "*1\r\n$04\r\n", "*1\r\n$x\r\n",
		"*1\r\n*1\r\n", "*1\r\n\x80\r\n", "*1\r\n\n\r\n", "*1\r\n$+4\r\n",
		"*1\r\n$536870913\r\n", "*1\r\n$9223372036854775807\r\n",
		"*1\x00\r\n", "*2\r\n$4\x00\r\necho\r\n",
		"$4\r\necho\r\n", "+OK\r\n", ":1\r\n",
	} {
		compare(t, socket, sent+"*2\r\n$4\r\necho\r\n$5\r\nalive\r\n", true)
	}
	// Whether Redis minds a line that is too long but has an end depends on how it came in; the Reader does.
	for _, sent := range []string{
		"echo " + long, long + long, "*" + long, "*1\r\n$" + long, "*1\r\n" + long + "1",
	} {
		compare(t, socket, sent, true)
	}
}

func compare(t *testing.T, socket, sent string, authenticated bool) {
	t.Helper()
	want := converse(t, socket, sent)
	got := echoes(sent, authenticated)
	if strings.HasPrefix(want, "-ERR unknown command") { // the words there are not the Reader's
		_, want, _ = strings.Cut(want, "\r\n")
		_, got, _ = strings.Cut(got, "\r\n")
	}
	if got != want {
		t.Errorf("%.60q:\n got %.200q\nwant %.200q", sent, got, want)
	}
}

// TestUnauthenticatedLikeRedis holds the limits before AUTH against a server with a password.
func TestUnauthenticatedLikeRedis(t *testing.T) {
	socket := startRedis(t, "--requirepass", "secret")
	for _, sent := range []string{
		"*10\r\n", "*11\r\n", "*2147483648\r\n",
		"*1\r\n$16384\r\n", "*1\r\n$16385\r\n", "*1\r\n$536870913\r\n",
	} {
		compare(t, socket, sent, false)
	}
}

// TestInlineLikeRedis sends random lines full of quotes.
func TestInlineLikeRedis(t *testing.T) {
	socket := startRedis(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		line := []byte("echo ")
		for range rnd.IntN(8) {
			line = append(line, `ax4\\"""''n `[rnd.IntN(12)])
		}
		compare(t, socket, string(line)+"\r\n", true)
	}
}

// TestDoublesLikeRedis reads scores back in both protocols.
func TestDoublesLikeRedis(t *testing.T) {
	socket := startRedis(t, "--zset-max-listpack-entries", "0") // a listpack loses the sign of zero
	rnd := rand.New(rand.NewPCG(3, 4))
	doubles := []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 0.5, 1.0 / 3, 3.141, 1e16, 1e17, 1e18, -1e17, 1e21, 1e22, 123456789012345678,
		99999999999999984, 12345678901234567, 1e-4, 1e-5, 0.00012345, 1e100, 5e-324, math.MaxFloat64, 1 << 53, 1<<53 + 2, 1e17 - 16,
		math.Inf(1), math.Inf(-1), 100, 1.5e300, 123456.789,
	}
	for range 500 {
		if f := math.Float64frombits(rnd.Uint64()); !math.IsNaN(f) {
			doubles = append(doubles, f)
		}
		doubles = append(doubles, float64(rnd.IntN(1e6))/1000, rnd.NormFloat64()*1e17)
	}
	for _, p := range []Protocol{RESP2, RESP3} {
		sent := fmt.Sprintf("hello %d\r\n", p)
		skip := len(converse(t, socket, sent))
		var want []byte
		for _, f := range doubles {
			sent += "zadd z " + strconv.FormatFloat(f, 'g', -1, 64) + " m\r\nzscore z m\r\ndel z\r\n"
			want = Int(1).Append(want, p)
			want = Double(f).Append(want, p)
			want = Int(1).Append(want, p)
		}
		// The id in HELLO's reply may have grown by a digit: compare from the end.
		got := converse(t, socket, sent)
		got = got[min(len(got), skip-2):]
		if !strings.HasSuffix(got, string(want)) {
			reportDoubles(t, p, doubles, got)
		}
	}
}

func reportDoubles(t *testing.T, p Protocol, doubles []float64, got string) {
	t.Helper()
	missing := 0
	for _, f := range doubles {
		mine := string(Double(f).Append(nil, p))
		if !strings.Contains(got, mine) {
			t.Errorf("RESP%d: redis-server never sent %q", p, mine)
			if missing++; missing > 20 {
				return
			}
		}
	}
	if missing == 0 {
		t.Errorf("RESP%d: replies differ", p)
	}
}
