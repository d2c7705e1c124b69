package server

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

func readReply(b []byte) (peerReply, error) {
	return (&peerConn{in: bufio.NewReader(bytes.NewReader(b))}).read(0)
}

// TestGreeting sends one through the wire's form and back.
func TestGreeting(t *testing.T) {
	h := &greeting{
		state: nodeMember, loading: true, you: youLearner, cluster: 1 << 52, node: 2, seed: 1<<64 - 1, applied: 4, revision: 5, leader: 6, estimate: 7, live: true, wall: 8,
		hashes: []mvcc.Milestone{{Revision: 1024, Chain: 1<<64 - 1}, {Revision: 1025, Chain: 3}},
		members: []helloMember{{sm.Member{Node: 2, Raft: "a:1", Client: "b:2", Name: "c d"}, replica.Voter},
			{sm.Member{Node: 3}, replica.Learner}},
		directives: [][2]string{{"databases", "32"}},
	}
	r, err := readReply(h.value().Append(nil, resp.RESP2))
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseGreeting(r)
	if err != nil || fmt.Sprint(*got) != fmt.Sprint(*h) {
		t.Errorf("parseGreeting = %v, %v\nwant %v", *got, err, *h)
	}
}

// FuzzPeerReply: whatever answers on a member's port, this node reads it or gives up.
func FuzzPeerReply(f *testing.F) {
	f.Add((&greeting{state: nodeForming}).value().Append(nil, resp.RESP2))
	for _, s := range []string{"+OK\r\n", "-ERR x\r\n", ":12\r\n", "$-1\r\n", "$3\r\nabc\r\n", "*2\r\n*1\r\n:1\r\n+x\r\n", "*-1\r\n", "$99999999999\r\n", "*99999\r\n", "\r\n", "?"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := readReply(b); err == nil {
			_, _ = parseGreeting(r)
		}
	})
}

func TestMembersFile(t *testing.T) {
	dir := t.TempDir()
	if f, err := readMembersFile(dir); f != nil || err != nil {
		t.Errorf("of an empty directory: %v, %v", f, err)
	}
	want := membersFile{cluster: 1, seed: 1<<64 - 1, voter: true, members: []sm.Member{{Node: 2, Raft: "a:1", Client: "b:2"}, {Node: 3, Raft: "[::1]:1", Client: "c:2"}}}
	if err := want.write(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := readMembersFile(dir); err != nil || fmt.Sprint(*got) != fmt.Sprint(want) {
		t.Errorf("read %v, %v; want %v", got, err, want)
	}
	for _, c := range []struct{ text, want string }{{"redoubt-members 2\n", "newer"}, {"", "damaged"}, {"redoubt-members 1\ncluster x\n", "damaged"}} {
		if err := os.WriteFile(filepath.Join(dir, membersFileName), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readMembersFile(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestOwnAddresses(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{"", "{127.0.0.1:16379 127.0.0.1:16379 127.0.0.1:6379}"},
		{"--port 7001", "{127.0.0.1:17001 127.0.0.1:17001 127.0.0.1:7001}"},
		{"--port 7001 --bind 0.0.0.0", "{127.0.0.1:17001 127.0.0.1:17001 127.0.0.1:7001}"},
		{"--port 7001 --raft-port 9 --bind 10.0.0.1 --raft-bind 10.0.0.2", "{10.0.0.2:9 10.0.0.2:9 10.0.0.1:7001}"},
		{"--port 7001 --raft-bind 0.0.0.0 --cluster-announce-ip db.example", "{db.example:17001 0.0.0.0:17001 db.example:7001}"},
		{"--port 7001 --cluster-announce-port 1 --cluster-announce-bus-port 2", "{127.0.0.1:2 127.0.0.1:17001 127.0.0.1:1}"},
	} {
		set, _, err := conf.Load(strings.Fields(c.options), nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ownAddresses(set.View())
		if got := fmt.Sprintf("{%s %s %s}", a.raft, a.listen, a.client); err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", c.options, got, err, c.want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		list []int64
		want int64
	}{{[]int64{5}, 5}, {[]int64{9, 5}, 5}, {[]int64{9, 5, 1000}, 9}} {
		if got := median(c.list); got != c.want {
			t.Errorf("median = %d, want %d", got, c.want)
		}
	}
}
