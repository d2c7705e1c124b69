package wire

import (
	"bufio"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for _, c := range []struct{ sent, want string }{
		{"+OK\r\n", "OK"},
		{"-ERR no\r\n", "(error) ERR no"},
		{":-7\r\n", "(integer) -7"},
		{"$-1\r\n", "(nil)"},
		{"_\r\n", "(nil)"},
		{"$3\r\na\nb\r\n", `"a\nb"`},
		{"*-1\r\n", "(nil)"},
		{"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", `[(integer) 1 ["x"]]`},
		{"%1\r\n+k\r\n,1.5\r\n", "[k 1.5]"},
	} {
		conn := &Conn{r: bufio.NewReader(strings.NewReader(c.sent))}
		got, err := conn.Read()
		if err != nil || got.String() != c.want {
			t.Errorf("Read(%q) = %s, %v, want %s", c.sent, got, err, c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, sent := range []string{"", "\r\n", "+OK\n", "?\r\n", "$5\r\nab\r\n", "$x\r\n", "*-2\r\n", ":1x\r\n", "*1\r\n"} {
		conn := &Conn{r: bufio.NewReader(strings.NewReader(sent))}
		if got, err := conn.Read(); err == nil {
			t.Errorf("Read(%q) = %s, want an error", sent, got)
		}
	}
}

// FuzzRead holds that no stream of bytes breaks the reader.
func FuzzRead(f *testing.F) {
	f.Add("*2\r\n$1\r\na\r\n:1\r\n")
	f.Fuzz(func(t *testing.T, sent string) {
		conn := &Conn{r: bufio.NewReader(strings.NewReader(sent))}
		for {
			if _, err := conn.Read(); err != nil {
				return
			}
		}
	})
}
