package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/internal/datadir"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/sm"
)

// replayMax is how long the log may take to be replayed. It is cut at a few hundred megabytes.
const replayMax = 30 * time.Minute

// Tool is what all work on directories needs.
type Tool struct {
	Log *slog.Logger // warnings, and the last words before Fatal
	// Fatal is called when Raft's log or the state cannot be worked with; it should say so and end the process.
	Fatal func(reason string)
}

// writeTriesMax is how often a store that cannot write may try again, thousands of times a second, before a tool gives up: who runs it
// waits for it, and it has nothing else to do.
const writeTriesMax = 100

// impatient ends the tool when the store in dir cannot write, behind undo, if there is any.
func (t Tool) impatient(dir string, undo func(dir string) error) func(error) {
	var times atomic.Int64
	return func(err error) {
		if times.Add(1) != writeTriesMax {
			return
		}
		if undo != nil {
			_ = undo(dir) // what is left is in the way of the next try, which says so
		}
		reason, _, _ := strings.Cut(err.Error(), "\n")
		t.Fatal(fmt.Sprintf("the disk of %s does not take the data: %s; make room there, or mend it, and run this again", dir, reason))
	}
}

// stopped is the node of a directory on which no server runs: its state and its log, without clients, and without
// other members, who are told nothing.
type stopped struct {
	core    *core
	replica *replica.Replica
}

// open brings up what lies in dir, or a cluster of one on a state that has no log yet.
func (t Tool) open(dir string, skip uint64) (*stopped, error) {
	s := &stopped{core: &core{skip: skip}}
	s.core.Machine = sm.New(sm.Options{
		Table:      command.NewTable(command.Families()...),
		Store:      mvcc.Options{MaxMemory: 1, Trouble: t.impatient(dir, nil)}, // values stay on disk: nobody reads most of them
		Incarnated: s.core.incarnated,
		Panicked: func(name string, reason any, _ []byte) {
			t.Log.Warn("a command in the log broke, as it did when it was new", "command", name, "reason", reason)
		},
	})
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.replica, err = replica.Open(replica.Options{
		Dir: filepath.Join(dir, datadir.Raft), MachineDir: filepath.Join(dir, datadir.Data),
		Address: address, Machine: s.core, Logger: t.Log, OnFatal: t.Fatal,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// freeAddress is one that no other member knows.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// replay applies what is known to be committed and returns what may be.
func (s *stopped) replay() ([]replica.Entry, error) {
	ctx, cancel := context.WithTimeout(context.Background(), replayMax)
	defer cancel()
	return s.replica.Replay(ctx)
}

// end closes Raft, and then the state.
func (s *stopped) end() error { return errors.Join(s.replica.Close(), s.core.Machine.Close()) }

// begin makes the state the base of a log: a first entry is committed, and a snapshot noted behind it, so that whoever
// joins gets the state and not only what came later.
func (s *stopped) begin() error {
	b := replica.NewBatcher(s.replica, replica.BatcherOptions[struct{}]{
		Seal:      func(dst []byte, h replica.Header, body []byte) []byte { return sm.SealBatch(dst, sm.Header(h), body) },
		Incarnate: func(node, nonce uint64) []byte { return sm.AppendIncarnate(nil, node, nonce) },
		Now:       s.core.LogTime,
		Seed:      rand.Uint64, // of the nonce that an incarnation is asked for with
		Settled:   func(*replica.Batch[struct{}], error) {},
	})
	defer b.Close()
	s.core.batcher.Store(b)
	s.core.pass()
	select {
	case <-b.Ready():
		return s.replica.Snapshot()
	case <-time.After(replayMax):
		return errors.New("the new log did not begin")
	}
}

// content is the hash of what is to be seen at a revision.
func (s *stopped) content(rev uint64) (uint64, error) {
	sum, err := s.core.Content(rev, nil)
	if err != nil {
		return 0, fmt.Errorf("revision %d: %w", rev, err)
	}
	return sum, nil
}

// core is the state machine as Raft drives it. It stays open when Raft closes, and can leave out one entry.
type core struct {
	*sm.Machine
	skip    uint64
	skipped bool

	batcher atomic.Pointer[replica.Batcher[struct{}]]
	granted atomic.Pointer[grant]
}

type grant struct{ nonce, incarnation uint64 }

// Apply hands entries over.
func (c *core) Apply(entries []replica.Entry) error {
	own := make([]sm.Entry, 0, len(entries))
	for i := range entries {
		if entries[i].Index == c.skip {
			c.skipped = true
			continue
		}
		own = append(own, sm.Entry(entries[i]))
	}
	if len(own) == 0 {
		return nil
	}
	return c.Machine.Apply(own)
}

// Prepare pins the state.
func (c *core) Prepare() (replica.SnapshotSource, error) { return c.Machine.Prepare() }

// Recover loads a snapshot that was on its way when the node stopped.
func (c *core) Recover(r io.Reader, stop <-chan struct{}) error { return c.Machine.Recover(r, stop) }

// Close makes the state durable; its owner closes it.
func (c *core) Close() error { return c.Sync() }

func (c *core) incarnated(_, nonce, incarnation uint64) {
	c.granted.Store(&grant{nonce, incarnation})
	c.pass()
}

// pass tells the batcher, whichever of the two is there first.
func (c *core) pass() {
	if b, g := c.batcher.Load(), c.granted.Load(); b != nil && g != nil {
		b.Incarnated(g.nonce, g.incarnation)
	}
}
