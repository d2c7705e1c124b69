package server

import (
	"fmt"
	"math/rand"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestClientsAreEvicted: whatever a client piles up, it is closed for it, and the one that keeps little is not.
func TestClientsAreEvicted(t *testing.T) {
	n := startNode(t, "--maxmemory-clients", "3mb")
	c := n.dial(t)
	c.want("CLIENT NO-EVICT on", "OK")
	c.contains("CONFIG GET maxmemory-clients", "3145728")
	large := strings.Repeat("v", 1<<20)
	c.want("SET large "+large, "OK")
	evicted := 0
	gone := func(t *testing.T) {
		t.Helper()
		evicted++
		holds(t, "evicted_clients grows by one", func() bool {
			return strings.Contains(c.do("INFO stats"), fmt.Sprintf("evicted_clients:%d", evicted))
		})
		holds(t, "nothing is counted of it", func() bool { return n.clientMemory.bytes() < 1<<20 })
	}
	for name, pile := range map[string]func(t *testing.T, client net.Conn){
		"an unfinished command": func(t *testing.T, client net.Conn) {
			fmt.Fprintf(client, "*2\r\n$4000000\r\n%s", strings.Repeat("v", 3500000))
		},
		"a whole command": func(t *testing.T, client net.Conn) {
			fmt.Fprintf(client, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\n%s\r\n", strings.Repeat("v", 4000000))
		},
		"replies not taken": func(t *testing.T, client net.Conn) { client.Write([]byte(strings.Repeat("GET large\r\n", 20))) },
		"queued commands": func(t *testing.T, client net.Conn) {
			client.Write([]byte("MULTI\r\n" + strings.Repeat("SET k "+large[:50000]+"\r\n", 70)))
		},
		"watched keys": func(t *testing.T, client net.Conn) {
			for i := range 80 {
				client.Write([]byte("WATCH " + large[:40000] + strconv.Itoa(i) + "\r\n"))
			}
		},
		"channels": func(t *testing.T, client net.Conn) {
			for i := range 80 {
				client.Write([]byte("SUBSCRIBE " + large[:40000] + strconv.Itoa(i) + "\r\n"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := net.Dial("tcp", n.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			pile(t, client)
			gone(t)
		})
	}
	c.want("GET k", "(nil)")
	c.want("CONFIG RESETSTAT", "OK")
	c.contains("INFO stats", "evicted_clients:0\r\n")
}

// TestEvictionOrder: a smaller limit closes the largest first, and no more than it must; who is spared stays.
func TestEvictionOrder(t *testing.T) {
	n := startNode(t, "--maxmemory", "100mb")
	c := n.dial(t)
	hold := func(name string, bytes int) {
		client, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		fmt.Fprintf(client, "CLIENT SETNAME %s\r\n*2\r\n$%d\r\n%s", name, bytes, strings.Repeat("v", bytes))
		holds(t, name+" is there", func() bool {
			return strings.Contains(c.do("CLIENT LIST"), fmt.Sprintf("name=%s age=0 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=%d", name, bytes+len(fmt.Sprintf("*2\r\n$%d\r\n", bytes))))
		})
	}
	hold("small", 100<<10)
	hold("large1", 3<<20)
	hold("middle", 1<<20)
	hold("large2", 3<<20)
	names := func() (names []string) {
		for _, name := range []string{"small", "middle", "large1", "large2"} {
			if strings.Contains(c.do("CLIENT LIST"), "name="+name) {
				names = append(names, name)
			}
		}
		return names
	}
	for _, step := range []struct{ limit, left string }{
		{"7%", "[small middle large2]"}, // the one that was of its class first
		{"10%", "[small middle large2]"},
		{"4mb", "[small middle]"},
		{"1mb", "[small]"},
		{"1", "[small]"}, // 128 KB is the least
		{"0", "[small]"},
	} {
		if step.limit == "1" {
			c.contains("DEBUG CLIENT-EVICTION", "bucket     131072 -     262143: tot-mem:", "clients: 1")
			break
		}
		c.want("CONFIG SET maxmemory-clients "+step.limit, "OK")
		if got := fmt.Sprint(names()); got != step.left {
			t.Errorf("maxmemory-clients %s leaves %s, want %s", step.limit, got, step.left)
		}
	}
	c.contains("INFO stats", "evicted_clients:3\r\n")
}

// TestNoEvict: who is spared counts and stays, until it is spared no more.
func TestNoEvict(t *testing.T) {
	n := startNode(t, "--maxmemory-clients", "200kb")
	c, spared := n.dial(t), n.wire(t)
	c.want("CLIENT NO-EVICT on", "OK")
	spared.send("CLIENT", "NO-EVICT", "on")
	spared.want("+ OK")
	spared.send("MULTI")
	spared.want("+ OK")
	spared.send("SET", "k", strings.Repeat("v", 300<<10))
	spared.want("+ QUEUED")
	holds(t, "its memory is known", func() bool { return n.clientMemory.bytes() > 200<<10 })
	other, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := other.Read(make([]byte, 1)); err == nil {
		t.Error("a client that may be closed stays while one that may not takes it all")
	}
	c.contains("CLIENT LIST", "flags=xe")
	spared.send("EXEC")
	spared.want("* ")
	holds(t, "its memory is free", func() bool { return n.clientMemory.bytes() < 100<<10 })
}

// TestClientMemoryModel holds the lines of classes against a plain list of clients.
func TestClientMemoryModel(t *testing.T) {
	for seed := range int64(50) {
		rnd := rand.New(rand.NewSource(seed))
		c := &clientMemory{limit: 1 << 20}
		var all []*session
		for step := range 2000 {
			var e eviction
			switch {
			case len(all) < 5 || rnd.Intn(20) == 0:
				s := &session{}
				s.info.id = uint64(step)
				all = append(all, s)
				e = c.note(s, 2000)
			case rnd.Intn(20) == 0:
				i := rnd.Intn(len(all))
				c.remove(all[i])
				all = append(all[:i], all[i+1:]...)
			case rnd.Intn(20) == 0:
				e = c.spare(all[rnd.Intn(len(all))], rnd.Intn(3) == 0)
			default:
				e = c.note(all[rnd.Intn(len(all))], 1<<rnd.Intn(20)+int64(rnd.Intn(100)))
			}
			for _, v := range e.victims {
				for i, s := range all {
					if s == v {
						all = append(all[:i], all[i+1:]...)
						break
					}
				}
			}
			judgeClientMemory(t, c, all, e)
			if t.Failed() {
				t.Fatalf("seed %d step %d", seed, step)
			}
		}
	}
}

// judgeClientMemory counts again. No one that stays may be closed and is of a larger class than one that went.
func judgeClientMemory(t *testing.T, c *clientMemory, left []*session, e eviction) {
	var total int64
	var clients [clientClasses]int
	largest := -1
	for _, s := range left {
		total += s.footprint.bytes
		if s.info.flags.Load()&flagNoEvict == 0 {
			class := clientClass(s.footprint.bytes)
			clients[class]++
			largest = max(largest, class)
		}
	}
	if total != c.total {
		t.Errorf("total %d, want %d", c.total, total)
	}
	for class := range clients {
		if c.classes[class].clients != clients[class] {
			t.Errorf("class %d has %d clients, want %d", class, c.classes[class].clients, clients[class])
		}
	}
	for _, v := range e.victims {
		if clientClass(v.footprint.bytes) < largest {
			t.Errorf("closed one of class %d while there is one of %d", clientClass(v.footprint.bytes), largest)
		}
	}
	if len(e.victims) > 0 && total+e.victims[len(e.victims)-1].footprint.bytes < c.limit {
		t.Errorf("closed one more than was needed")
	}
	if largest >= 0 && total >= c.limit && len(e.victims) > 0 {
		t.Errorf("%d bytes are left, limit %d", total, c.limit)
	}
}
