package server

import (
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
	"github.com/redoubt-db/redoubt/test/process"
)

// member answers RAFT HELLO once it has something to say, and nothing else.
type member struct {
	addr string
	says atomic.Pointer[greeting]
}

func startMember(t *testing.T) *member {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	m := &member{addr: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go m.serve(c)
		}
	}()
	return m
}

func (m *member) serve(c net.Conn) {
	defer c.Close()
	var in resp.Reader
	var buf []byte
	piece := make([]byte, formingReadBytes)
	for {
		n, err := c.Read(piece)
		if err != nil || m.says.Load() == nil {
			return
		}
		buf = append(buf, piece[:n]...)
		for len(buf) > 0 {
			_, used, err := in.Next(buf, &resp.Limits{}, true)
			if err != nil || used == 0 {
				break
			}
			buf = buf[used:]
			if _, err := c.Write(m.says.Load().value().Append(nil, resp.RESP2)); err != nil {
				return
			}
		}
	}
}

// TestMovedWhileALeaderIsKnown has a member at another place than the log says. Only --join says where, and while that is
// asked for the first time there is no answer; a leader is known all the same.
func TestMovedWhileALeaderIsKnown(t *testing.T) {
	const id = 77
	dir := t.TempDir()
	n := startNode(t, "--dir", dir)
	nobody, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	was, moved := net.JoinHostPort("127.0.0.1", strconv.Itoa(nobody)), "127.0.0.1:1"
	if got := n.dial(t).do("RAFT ADD " + formatID(id) + " " + was + " " + was); got != "OK" {
		t.Fatal(got)
	}
	cluster := n.replica.Cluster()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}

	other := startMember(t)
	n = startNode(t, "--dir", dir, "--join", other.addr)
	if !n.replica.Leader().Known || n.replica.Address(id) != was {
		t.Fatalf("before the member answers it is at %s, want %s, and there is a leader: %+v", n.replica.Address(id), was, n.replica.Leader())
	}
	other.says.Store(&greeting{state: nodeMember, you: youVoter, cluster: cluster, node: id,
		members: []helloMember{{Member: sm.Member{Node: id, Raft: moved, Client: other.addr}}}})
	waitFor(t, "the new address", func() bool { return n.replica.Address(id) == moved })

	if err := n.await(0, memberRequest(sm.Member{Node: id, Raft: was, Client: was, Name: "x"})...); err != nil {
		t.Fatal(err)
	}
	if got := n.replica.Address(id); got != moved {
		t.Errorf("the log, which is older, moves the member back to %s", got)
	}
}

// TestMayBeCut tells when Raft's connection to a member that says hello is made anew.
func TestMayBeCut(t *testing.T) {
	const now = int64(10 * time.Second)
	last := met{introduction{node: 2, run: "a"}, now - int64(time.Second)}
	old := last
	old.at = now - int64(peerFresh) - 1
	for _, c := range []struct {
		name string
		last met
		run  string
		want bool
	}{
		{"the first hello, behind messages that went to an earlier process", met{}, "a", true},
		{"the same process", last, "a", false},
		{"a new process", last, "b", true},
		{"the same, behind a silence", old, "a", true},
	} {
		if got := c.last.mayBeCut(introduction{node: 2, run: c.run}, now); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
