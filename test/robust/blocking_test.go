package robust

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

// Of the stress of blocking commands: GOFLAGS=-race has the server built with the race detector.
const (
	consumers     = 100
	producers     = 4
	pushed        = 5000 // by each
	consumedLists = 4
)

// market is clients that wait for elements, and what they got.
type market struct {
	t    *testing.T
	addr string

	mu    sync.Mutex
	got   map[string]int
	conns [consumers]*wire.Conn
	ended bool
	kills atomic.Int64
	all   sync.WaitGroup
}

// TestBlockedClientsUnderKills has clients wait in many ways while others push, and kills some: every element is delivered once, save
// those that were on their way to a client when it was killed.
func TestBlockedClientsUnderKills(t *testing.T) {
	srv := start(t, "")
	m := &market{t: t, addr: srv.Addr, got: map[string]int{}}
	for i := range consumers {
		m.all.Go(func() { m.consume(i) })
	}
	var producing sync.WaitGroup
	for p := range producers {
		producing.Go(func() { m.produce(p) })
	}
	stop, killed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(killed)
		m.kill(stop)
	}()
	producing.Wait()
	close(stop)
	<-killed
	moved := m.settle()
	m.judge(moved)
}

// consume takes elements in the way that its number says, on a new connection whenever it was killed.
func (m *market) consume(i int) {
	list := func(n int) string { return "list:" + strconv.Itoa(n%consumedLists) }
	command := [][]string{
		{"BLPOP", list(i), "0"},
		{"BRPOP", list(i), list(i + 1), "0"},
		{"BLMOVE", list(i), "moved", "LEFT", "RIGHT", "0"},
		{"BLMPOP", "0", "2", list(i), list(i + 2), "LEFT"},
		{"BLPOP", list(i), list(i + 1), list(i + 2), list(i + 3), "0"},
	}[i%5]
	for {
		c, err := wire.Dial(m.addr, startMax)
		if err != nil {
			m.t.Error(err)
			return
		}
		m.mu.Lock()
		if m.ended {
			m.mu.Unlock()
			c.Close()
			return
		}
		m.conns[i] = c
		m.mu.Unlock()
		for {
			r, err := c.Do(command...)
			if err != nil {
				break
			}
			m.mu.Lock()
			m.got[element(r)]++
			m.mu.Unlock()
		}
		c.Close()
	}
}

// element is what was popped, in whichever shape the reply has.
func element(r wire.Reply) string {
	for len(r.Elems) > 0 {
		r = r.Elems[len(r.Elems)-1]
	}
	return r.Text
}

// produce pushes in pipelines of varying length: by themselves, in a transaction, or moved there.
func (m *market) produce(p int) {
	c, err := wire.Dial(m.addr, startMax)
	if err != nil {
		m.t.Error(err)
		return
	}
	defer c.Close()
	c.Deadline(time.Now().Add(startMax))
	rnd := rand.New(rand.NewPCG(uint64(p), 1))
	for n := 0; n < pushed; {
		replies := 0
		for range 1 + rnd.IntN(20) {
			list, more := "list:"+strconv.Itoa(rnd.IntN(consumedLists)), min(1+rnd.IntN(3), pushed-n)
			words := []string{"RPUSH", list}
			for range more {
				words = append(words, fmt.Sprintf("%d-%d", p, n))
				n++
			}
			if more == 0 {
				break
			}
			switch rnd.IntN(4) {
			case 0:
				c.Append("MULTI")
				c.Append(words...)
				c.Append("EXEC")
				replies += 3
			case 1:
				words[1] = "aside:" + strconv.Itoa(p)
				c.Append(words...)
				replies++
				for range more {
					c.Append("LMOVE", words[1], list, "LEFT", "LEFT")
					replies++
				}
			default:
				c.Append(words...)
				replies++
			}
		}
		if err := c.Flush(); err != nil {
			m.t.Error(err)
			return
		}
		for range replies {
			if _, err := c.Read(); err != nil {
				m.t.Error(err)
				return
			}
		}
	}
}

// kill ends connections of waiting clients, by command and by closing them.
func (m *market) kill(stop chan struct{}) {
	c, err := wire.Dial(m.addr, startMax)
	if err != nil {
		m.t.Error(err)
		return
	}
	defer c.Close()
	rnd := rand.New(rand.NewPCG(7, 7))
	for {
		select {
		case <-stop:
			return
		default:
		}
		if rnd.IntN(2) == 0 {
			m.mu.Lock()
			victim := m.conns[rnd.IntN(consumers)]
			m.mu.Unlock()
			if victim != nil {
				m.kills.Add(1)
				victim.Close()
			}
			continue
		}
		r, err := c.Do("CLIENT", "LIST")
		if err != nil {
			m.t.Error(err)
			return
		}
		lines := strings.Split(r.Text, "\n")
		line := lines[rnd.IntN(len(lines))]
		if id, _, found := strings.Cut(strings.TrimPrefix(line, "id="), " "); found && strings.Contains(line, "flags=b ") { // no producer
			m.kills.Add(1)
			c.Do("CLIENT", "KILL", "ID", id)
		}
	}
}

// settle waits until all clients wait and nothing is left, ends them, and returns what was moved.
func (m *market) settle() map[string]bool {
	c, err := wire.Dial(m.addr, startMax)
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	c.Deadline(time.Now().Add(startMax))
	do := func(args ...string) wire.Reply {
		r, err := c.Do(args...)
		if err != nil {
			m.t.Fatal(err)
		}
		return r
	}
	for end := time.Now().Add(startMax / 2); ; {
		info := do("INFO", "clients").Text
		left := do("EXISTS", "list:0", "list:1", "list:2", "list:3").Int
		if left == 0 && strings.Contains(info, fmt.Sprintf("blocked_clients:%d\r\n", consumers)) {
			break
		}
		if time.Now().After(end) {
			m.t.Fatalf("%d lists are left, and INFO is %s", left, info)
		}
	}
	m.mu.Lock()
	m.ended = true
	for _, conn := range m.conns {
		conn.Close()
	}
	m.mu.Unlock()
	m.all.Wait()
	moved := map[string]bool{}
	for _, e := range do("LRANGE", "moved", "0", "-1").Elems {
		if moved[e.Text] {
			m.t.Errorf("%s was moved twice", e.Text)
		}
		moved[e.Text] = true
	}
	return moved
}

func (m *market) judge(moved map[string]bool) {
	lost := int64(0)
	for p := range producers {
		for n := range pushed {
			e := fmt.Sprintf("%d-%d", p, n)
			switch {
			case m.got[e] > 1:
				m.t.Errorf("%s was delivered %d times", e, m.got[e])
			case m.got[e] == 0 && !moved[e]:
				lost++
			}
		}
	}
	if lost > m.kills.Load() {
		m.t.Errorf("%d elements were lost to %d clients that were killed", lost, m.kills.Load())
	}
	m.t.Logf("%d elements, %d clients killed, %d elements on their way to them", producers*pushed, m.kills.Load(), lost)
}
