package conf

import (
	"flag"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, d := range Directives() {
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			if seen[name] || name != lowerASCII(name) || strings.ContainsAny(name, " *?[") {
				t.Errorf("the name %q is taken or has bytes that a name cannot have", name)
			}
			seen[name] = true
		}
		sentence, other := d.Summary, d.Why
		if d.Meaning == AcceptedWithNotice {
			sentence, other = other, sentence
		}
		if sentence == "" || other != "" || !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "|") {
			t.Errorf("%s: %q is not one sentence about its meaning", d.Name, sentence)
		}
		if d.Scope != Node && d.Scope != Cluster || d.Meaning != Active && d.Meaning != AcceptedWithNotice || d.Section == "" {
			t.Errorf("%s has no scope, meaning or section", d.Name)
		}
		if (d.Kind == Enum || d.Kind == Flags) != (len(d.Values) > 0) {
			t.Errorf("%s: values %q do not fit its kind", d.Name, d.Values)
		}
		if d.Min > d.Max {
			t.Errorf("%s: minimum %d above maximum %d", d.Name, d.Min, d.Max)
		}
	}
}

func TestAccessors(t *testing.T) {
	s, _, err := Load([]string{"--maxmemory", "18446744073709551615", "--maxmemory-clients", "5%", "--unixsocketperm", "700",
		"--bind", "10.0.0.1 -::1", "--shutdown-on-sigterm", "now force", "--notify-keyspace-events", "AnE",
		"--client-output-buffer-limit", "pubsub 1kb 2kb 3"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := s.View()
	for name, pair := range map[string][2]any{
		"Bytes, clamped":  {v.Bytes("maxmemory"), int64(math.MaxInt64)},
		"String":          {v.String("maxmemory"), "18446744073709551615"},
		"BytesOf percent": {v.BytesOf("maxmemory-clients", 2000), int64(100)},
		"Int, octal":      {v.Int("unixsocketperm"), int64(0o700)},
		"Int, duration":   {v.Int("history-max-age"), int64(600_000)},
		"Bool":            {v.Bool("protected-mode"), true},
		"List":            {v.List("bind"), []string{"10.0.0.1", "-::1"}},
		"List, flags":     {v.List("shutdown-on-sigterm"), []string{"now", "force"}},
		"KeyEvents":       {v.KeyEvents(), "g$lshzxetdnE"},
		"OutputLimit":     {v.OutputLimit("pubsub"), OutputLimit{1024, 2048, 3}},
		"unnamed class":   {v.OutputLimit("normal"), OutputLimit{}},
		"Allows":          {v.Allows("enable-debug-command", true), false},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s = %v, want %v", name, pair[0], pair[1])
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.Int("timeout"); s.Bytes("proto-max-bulk-len"); s.Bool("protected-mode") }); n != 0 {
		t.Errorf("reading numbers allocates %v times", n)
	}
	for _, read := range []func(){func() { v.Int("nosuch") }, func() { v.Int("bind") }, func() { v.OutputLimit("x") }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a wrong name or kind does not panic")
				}
			}()
			read()
		}()
	}
}

func TestRaftPort(t *testing.T) {
	for _, c := range []struct {
		args string
		want int64
		err  string
	}{
		{"--port 6379", 16379, ""},
		{"--port 0 --tls-port 7000", 17000, ""},
		{"--port 0 --unixsocket x", 0, ""},
		{"--port 60000 --raft-port 7", 7, ""},
		{"--port 55535", 65535, ""},
		{"--port 55536", 0, "port 55536 leaves no room for raft-port at 65536: set raft-port to a free port"},
	} {
		s, _, err := Load(strings.Fields(c.args), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.RaftPort()
		if got != c.want || (err != nil || c.err != "") && (err == nil || err.Error() != c.err) {
			t.Errorf("RaftPort of %s = %d, %v, want %d, %s", c.args, got, err, c.want, c.err)
		}
	}
}

// TestDocumentation keeps docs/configuration.md fresh: `go test ./conf -run TestDocumentation -args -rewrite` writes it.
func TestDocumentation(t *testing.T) {
	const path = "../docs/configuration.md"
	text := Markdown()
	for _, d := range Directives() {
		if !strings.Contains(text, "| `"+d.Name+"`") {
			t.Errorf("%s is not documented", d.Name)
		}
	}
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != text {
		t.Error("docs/configuration.md is stale: go test ./conf -run TestDocumentation -args -rewrite")
	}
}
