package server

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// breaking are session commands with a bug each, in every place where they run.
func breaking() map[string]run {
	boom := func() resp.Value { panic("boom") }
	return map[string]run{
		"BREAK":      func(*session, [][]byte) resp.Value { return boom() },
		"BREAKWAIT":  func(s *session, _ [][]byte) resp.Value { s.wait(); return boom() },
		"BREAKLATER": func(s *session, _ [][]byte) resp.Value { return s.later(boom) },
		"BREAKREAD": func(s *session, _ [][]byte) resp.Value {
			s.readThen(func(*keyspace.View) resp.Value { return boom() })
			return resp.None
		},
		"BREAKDISK": func(s *session, _ [][]byte) resp.Value {
			return s.later(func() resp.Value { panic(&keyspace.DiskError{Err: errors.New("the disk failed")}) })
		},
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// TestPanicInSessionCommand: a bug in a command of the session costs its connection, and nobody else's.
func TestPanicInSessionCommand(t *testing.T) {
	var log lockedBuffer
	n := startNodeLogging(t, &log, "--io-threads", "1")
	neighbour := n.wire(t)
	neighbour.send("PING")
	neighbour.want("+ PONG")
	done := make(chan struct{})
	n.clients.all()[0].loop.post(func() { // the only one that looks commands up
		for name, run := range breaking() {
			spec := &command.Spec{Name: name, Arity: command.Exactly(1)}
			n.entries[name] = newEntry(spec, strings.ToLower(name), &sessionCommand{run: run})
		}
		close(done)
	})
	<-done
	for _, c := range []struct {
		name, send string
		want       []string
		lives      bool
	}{
		{"at once", "BREAK", []string{"(error) ERR internal"}, false},
		{"behind a write", "SET|k|v BREAK", []string{"OK", "(error) ERR internal"}, false},
		{"while it waits", "BREAKWAIT", []string{"(error) ERR internal"}, false},
		{"later", "BREAKLATER", []string{"(error) ERR internal"}, false},
		{"in a read", "BREAKREAD", []string{"(error) ERR internal"}, false},
		{"in a transaction", "MULTI SET|k|2 BREAK EXEC", []string{"OK", "QUEUED", "QUEUED", "[OK (error) ERR internal]"}, false},
		{"later in a transaction", "MULTI BREAKLATER EXEC", []string{"OK", "QUEUED", "[(error) ERR internal]"}, false},
		{"the disk's fault", "BREAKDISK", []string{"(error) ERR internal"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := n.wire(t)
			for _, line := range strings.Fields(c.send) {
				w.Append(strings.Split(line, "|")...)
			}
			w.send("PING")
			for _, want := range c.want {
				r, err := w.Read()
				if err != nil {
					t.Fatal(err)
				}
				if got := r.String(); got != want {
					t.Errorf("reply %s, want %s", got, want)
				}
			}
			_, err := w.Read() // PING's reply, if that was on its way
			if err == nil && !c.lives {
				_, err = w.Read()
			}
			if c.lives != (err == nil) {
				t.Errorf("behind its replies: %v", err)
			}
		})
	}
	neighbour.send("GET", "k")
	neighbour.want("$ 2")
	if !strings.Contains(log.String(), "server.breaking.func") || !strings.Contains(log.String(), "command=breaklater") {
		t.Errorf("the log does not say where:\n%s", log.String())
	}
}
