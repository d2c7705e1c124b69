package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// outline shows arguments shortly: "key:key [condition:oneof(NX XX)]".
func outline(list []argument) string {
	var words []string
	for _, a := range list {
		word := a.name + ":" + a.kind
		if a.token != "" {
			word = a.token + "=" + word
		}
		if a.kind == "pure-token" {
			word = a.token
		}
		if len(a.list) > 0 {
			word += "(" + outline(a.list) + ")"
		}
		if a.multiple {
			word += "..."
		}
		if a.multipleToken {
			word += "!"
		}
		if a.optional {
			word = "[" + word + "]"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestArgumentsOfSyntax(t *testing.T) {
	for _, c := range []struct{ syntax, want string }{
		{"", ""},
		{"key", "key:key"},
		{"key [key ...]", "key:key..."},
		{"key value [key value ...]", "key_value:block(key:key value:string)..."},
		{"[member ...]", "[member:string...]"},
		{"key value [NX | XX] [GET] [EX seconds | PXAT unix-time-milliseconds | KEEPTTL]",
			"key:key value:string [condition:oneof(NX XX)] [GET] [expiration:oneof(EX=seconds:integer PXAT=unix-time-milliseconds:unix-time KEEPTTL)]"},
		{"cursor [MATCH pattern] [COUNT count] [TYPE type]",
			"cursor:integer [MATCH=pattern:pattern] [COUNT=count:integer] [TYPE=type:string]"},
		{"key [start end [BYTE | BIT]]", "key:key [start_end_byte_bit:block(start:integer end:integer [byte_bit:oneof(BYTE BIT)])]"},
		{"key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]]",
			"key:key [BY=pattern:pattern] [LIMIT=offset_count:block(offset:integer count:integer)] [GET=pattern:pattern...!]"},
		{"key <LEFT | RIGHT>", "key:key left_right:oneof(LEFT RIGHT)"},
		{"key [", "key:key [:block]"}, // a slip in a table must not hang
		{"key ] [x", "key:key"},
	} {
		s := Spec{Name: "X", Syntax: c.syntax, Keys: KeyAt(1)}
		if got := outline(s.arguments()); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.syntax, got, c.want)
		}
	}
}

// argumentsDiffer are commands whose arguments Redis groups or names otherwise, where no rule would tell.
func argumentsDiffer() []string {
	return strings.Fields("bitfield bitfield_ro bitcount bitpos flushdb flushall hrandfield hscan linsert lmove lmpop blmove blmpop restore set sort sort_ro " +
		"geoadd geodist geosearch geosearchstore georadius georadius_ro georadiusbymember georadiusbymember_ro " +
		"bzmpop zadd zmpop zrandmember zrange zrangestore zrank zrevrank")
}

// TestDocsLikeRedis compares COMMAND DOCS of every command that Redis has: texts, and arguments but for
// what Redis tells of their history.
func TestDocsLikeRedis(t *testing.T) {
	redis := startOriginal(t)
	table := NewTable(Families()...)
	for _, s := range table.Public() {
		name := strings.ToLower(s.Name)
		reply := redis.do("COMMAND", "DOCS", name)
		if len(reply.list) == 0 {
			continue // ours alone, which TestInfoLikeRedis holds
		}
		docs := nodeOf(t, DocsOf(table, [][]byte{[]byte(name)}))
		if docs.list[0].text != name {
			t.Errorf("%s is documented as %s", name, docs.list[0].text)
		}
		want, got := reply.list[1], docs.list[1]
		for _, key := range []string{"summary", "since", "group", "complexity"} {
			g, _ := got.field(key)
			w, _ := want.field(key)
			if g.text != w.text {
				t.Errorf("%s: %s\n got %s\nwant %s", name, key, g.text, w.text)
			}
		}
		g, _ := got.field("arguments")
		w, _ := want.field("arguments")
		same := withoutHistory(g).String() == withoutHistory(w).String()
		if differs := slices.Contains(argumentsDiffer(), name); same == differs {
			t.Errorf("%s: arguments differ: %v, want %v\n ours %s\ntheirs %s", name, !same, differs, g, withoutHistory(w))
		}
	}
}

// withoutHistory leaves out "since" and "deprecated_since" of arguments.
func withoutHistory(n node) node {
	out := node{mark: n.mark, text: n.text}
	if n.mark != '%' {
		for _, item := range n.list {
			out.list = append(out.list, withoutHistory(item))
		}
		return out
	}
	for pair := range slices.Chunk(n.list, 2) {
		if key := pair[0].text; key != "since" && key != "deprecated_since" && key != "summary" {
			out.list = append(out.list, pair[0], withoutHistory(pair[1]))
		}
	}
	return out
}

func TestMarkdown(t *testing.T) {
	table := NewTable(Families()...)
	text := Markdown(table)
	for _, line := range strings.Split(text, "\n") {
		if cells := strings.Count(line, "|") - strings.Count(line, `\|`); strings.HasPrefix(line, "|") && cells != 6 {
			t.Errorf("%d bars in %s", cells, line)
		}
	}
	for _, s := range table.Public() {
		if !strings.Contains(text, "| `"+s.Name) {
			t.Errorf("%s is missing", s.Name)
		}
	}
	if row := fmt.Sprintf("| `FLUSHDB [ASYNC %s SYNC]` | 1.0.0 | write | Remove all keys from the current database |", `\|`); !strings.Contains(text, row) {
		t.Errorf("no row %s", row)
	}
	if strings.Contains(text, Tick) {
		t.Error("internal commands are documented")
	}
}
