package command

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/internal/redistest"
	"github.com/redoubt-db/redoubt/resp"
)

// original is a connection to a real redis-server that speaks RESP3.
type original struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// startOriginal starts a redis-server on a unix socket, and skips the test where there is none.
func startOriginal(t *testing.T) *original {
	t.Helper()
	conn := redistest.Start(t, "--save", "").Dial(t)
	o := &original{t: t, conn: conn, r: bufio.NewReader(conn)}
	o.do("HELLO", "3")
	return o
}

// do sends a command and returns its reply as a node.
func (o *original) do(args ...string) node {
	o.t.Helper()
	request := resp.AppendHeader(nil, '*', len(args))
	for _, arg := range args {
		request = resp.BulkString(arg).Append(request, resp.RESP2)
	}
	if _, err := o.conn.Write(request); err != nil {
		o.t.Fatal(err)
	}
	return readNode(o.t, o.r)
}

// node is a reply as read back: a mark and either a text or a list. A map is a list of pairs.
type node struct {
	mark byte
	text string
	list []node
}

func nodeOf(t *testing.T, v resp.Value) node {
	t.Helper()
	return readNode(t, bufio.NewReader(strings.NewReader(string(v.Append(nil, resp.RESP3)))))
}

func readNode(t *testing.T, r *bufio.Reader) node {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	n := node{mark: line[0], text: strings.TrimSpace(line[1:])}
	switch n.mark {
	case '$':
		size, _ := strconv.Atoi(n.text)
		body := make([]byte, size+2)
		if _, err := io.ReadFull(r, body); err != nil {
			t.Fatal(err)
		}
		n.text = string(body[:size])
	case '*', '~', '%':
		size, _ := strconv.Atoi(n.text)
		n.text = ""
		if n.mark == '%' {
			size *= 2
		}
		for range size {
			n.list = append(n.list, readNode(t, r))
		}
	}
	return n
}

// String shows a node with sets and maps in order; subcommands are ordered by name.
func (n node) String() string {
	if n.list == nil && strings.IndexByte("*~%", n.mark) < 0 {
		return string(n.mark) + n.text
	}
	var items []string
	by := 1
	if n.mark == '%' {
		by = 2
	}
	for pair := range slices.Chunk(n.list, by) {
		item := pair[0].String()
		if by == 2 {
			item += "=" + pair[1].String()
		}
		items = append(items, item)
	}
	if n.mark != '*' || len(n.list) > 0 && n.list[0].mark == '*' {
		slices.Sort(items)
	}
	return string(n.mark) + "[" + strings.Join(items, " ") + "]"
}

// field is the value at key of a map.
func (n node) field(key string) (node, bool) {
	for pair := range slices.Chunk(n.list, 2) {
		if pair[0].text == key {
			return pair[1], true
		}
	}
	return node{}, false
}

// infoDiffers are commands of Redis that we describe otherwise, each with its reason.
var infoDiffers = map[string]string{
	"zrank":    "it takes WITHSCORE, as since 7.2",
	"zrevrank": "it takes WITHSCORE, as since 7.2",
}

// TestInfoLikeRedis compares COMMAND INFO of every command that Redis has, one element at a time.
func TestInfoLikeRedis(t *testing.T) {
	redis := startOriginal(t)
	table := NewTable(Families()...)
	elements := []string{"name", "arity", "flags", "first key", "last key", "key step", "categories", "tips", "key specs", "subcommands"}
	for _, s := range table.Public() {
		name := strings.ToLower(s.Name)
		want := redis.do("COMMAND", "INFO", name).list[0]
		if s.Since == "redoubt" {
			if want.mark != '_' {
				t.Errorf("%s is not ours alone", name)
			}
			continue
		}
		if want.mark == '_' {
			if s.Since < "7.2" {
				t.Errorf("%s since %s is unknown to redis-server", name, s.Since)
			}
			continue
		}
		got := nodeOf(t, InfoOf(table, [][]byte{[]byte(s.Name)})).list[0]
		_, differs := infoDiffers[name]
		same := true
		for i, element := range elements {
			if g, w := got.list[i].String(), want.list[i].String(); g != w {
				same = false
				if !differs {
					t.Errorf("%s: %s (key specs: see Keys.As and Keys.With)\n got %s\nwant %s", name, element, g, w)
				}
			}
		}
		if same && differs {
			t.Errorf("%s no longer differs", name)
		}
	}
}

// TestKeysLikeRedis compares COMMAND GETKEYS and GETKEYSANDFLAGS, errors included.
func TestKeysLikeRedis(t *testing.T) {
	redis := startOriginal(t)
	table := NewTable(Families()...)
	for _, line := range []string{
		"get a", "GET a b", "get a b", "nosuch a", "dbsize a", "randomkey a", "set a", "mset a 1 b 2", "mset a 1 b", "set a b", "set a b get", "set a b px 1 GET",
		"del a b c", "rename a b", "copy a b", "object encoding a", "object nosuch", "object help", "bitop and d a b",
		"bitfield a get u8 0", "bitfield a set u8 0 1", "lcs a b", "expire a 1", "ttl a", "swapdb 0 1", "getdel a", "append a b",
		"sort a", "sort a store b", "sort_ro a", "bitfield a set u8 0 1 get u8 0", "touch a b", "move a 1", "getex a", "incr a",
		"zunionstore d 2 a b", "zunionstore d 3 a b", "zunion 2 a b", "zintercard 1 a", "zrangestore d a 0 1", "zmpop 1 a min", "bzmpop 0 1 a min", "bzpopmin a b 0",
		"georadius a 1 2 3 m", "spublish a b", "publish a b", "georadius a 1 2 3 m store d", "georadius a 1 2 3 m store d storedist e", "georadius a 1 2 3 m storedist e store d", "georadius a 1 2 3 m storedist store d", "georadiusbymember a m 3 m storedist d", "geosearchstore d a fromlonlat 1 2 byradius 3 m",
	} {
		args := strings.Fields(line)
		raw := make([][]byte, len(args))
		for i, a := range args {
			raw[i] = []byte(a)
		}
		if table.called(raw) == nil && table.Lookup(raw[0]) == nil && args[0] != "nosuch" {
			continue // a family that is not ours yet
		}
		for sub, ours := range map[string]func(*Table, [][]byte) resp.Value{"GETKEYS": GetKeys, "GETKEYSANDFLAGS": GetKeysAndFlags} {
			got := nodeOf(t, ours(table, raw)).String()
			if want := redis.do(append([]string{"COMMAND", sub}, args...)...).String(); got != want {
				t.Errorf("%s %s:\n got %s\nwant %s", sub, line, got, want)
			}
		}
	}
}

// TestListLikeRedis compares COMMAND LIST and its filters on the commands both have.
func TestListLikeRedis(t *testing.T) {
	redis := startOriginal(t)
	table := NewTable(Families()...)
	common := map[string]bool{}
	all := map[string]bool{}
	for _, n := range redis.do("COMMAND", "LIST").list {
		all[n.text] = true
	}
	for _, n := range nodeOf(t, ListAll(table, nil)).list {
		common[n.text] = all[n.text]
	}
	for _, line := range []string{
		"", "filterby aclcat string", "FILTERBY ACLCAT Dangerous", "filterby aclcat nosuch", "filterby pattern b*", "filterby pattern OBJECT|*",
		"filterby module json", "filterby", "filterby nosuch x", "filterby pattern a b", "nosuch",
	} {
		args := strings.Fields(line)
		raw := make([][]byte, len(args))
		for i, a := range args {
			raw[i] = []byte(a)
		}
		got := listedNames(nodeOf(t, ListAll(table, raw)), common)
		if want := listedNames(redis.do(append([]string{"COMMAND", "LIST"}, args...)...), common); got != want {
			t.Errorf("COMMAND LIST %s:\n got %s\nwant %s", line, got, want)
		}
	}
}

// listedNames are the names in a list that are in common, in order, or its error.
func listedNames(n node, common map[string]bool) string {
	if n.mark != '*' {
		return fmt.Sprint(n)
	}
	var names []string
	for _, item := range n.list {
		if common[item.text] {
			names = append(names, item.text)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
