package powerloss

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
	raftvfs "github.com/lni/vfs"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

const patience = 30 * time.Second

// disks are what survives a power loss.
type disks struct {
	raft  *raftvfs.MemFS
	store *pebblevfs.MemFS
}

func newDisks() *disks {
	return &disks{raft: raftvfs.NewStrictMem(), store: pebblevfs.NewCrashableMem()}
}

// node is one life of a server between two power losses: its write path without listeners.
type node struct {
	*sm.Machine
	moment  *moment
	replica *replica.Replica
	batcher *replica.Batcher[*sm.Local]
	ready   chan struct{} // closed when replica and batcher are set
	journal *journal
	start   time.Time
	unsent  chan func() // replies of what was applied, which may be ahead of the log's disk
	senders sync.WaitGroup
}

// lateSyncer syncs the log beside apply, as a server's does, when somebody waits for it.
type lateSyncer struct {
	file  raftvfs.File
	begun *atomic.Int64 // how often
}

func (s *lateSyncer) Begin(file any) error {
	s.begun.Add(1)
	s.file = file.(raftvfs.File)
	return nil
}

// BeginWrite is never called: files of this disk are written through its cache.
func (s *lateSyncer) BeginWrite(any, []byte, int64) error { return errors.ErrUnsupported }

func (s *lateSyncer) Ended(wait bool) (bool, error) {
	if !wait {
		return false, nil
	}
	return true, s.file.Sync()
}

// send has replies leave when what they tell is on the log's disk.
func (n *node) send() {
	for reply := range n.unsent {
		_ = n.replica.Settle() // a dead node's replies count for nothing
		n.batcher.Synced()
		reply()
	}
}

// flushes is called before the store is written.
func (n *node) flushes() {
	select {
	case <-n.ready:
		_ = n.replica.Settle()
	default:
	}
}

// journal is every entry that was applied, by index. What is applied again is the same. What the log lost, or holds an entry
// of Raft's own in place of, is cut out: it was applied by a dead node, whose sync was never to end.
type journal struct {
	entries map[uint64][]byte
	last    uint64
	besides atomic.Int64 // records of the log that were synced beside apply
	at      uint64       // index behind which the present life has shown all there is
}

func (j *journal) note(e replica.Entry) {
	for i := j.at + 1; i < e.Index; i++ {
		delete(j.entries, i)
	}
	for ; j.last > e.Index; j.last-- {
		delete(j.entries, j.last)
	}
	j.entries[e.Index] = append([]byte(nil), e.Data...)
	j.last, j.at = e.Index, e.Index
}

func storeOptions(fs pebblevfs.FS) mvcc.Options {
	return mvcc.Options{FS: fs, MemTableBytes: 256 << 10, CacheBytes: 1 << 20, HeapMemory: true, Seed: 1}
}

func open(t *testing.T, m *moment, j *journal) *node {
	t.Helper()
	n := &node{moment: m, ready: make(chan struct{}), journal: j, start: time.Now(), unsent: make(chan func(), 1000)}
	store := storeOptions(m.store())
	store.Ahead = n.flushes
	n.Machine = sm.New(sm.Options{
		Table: command.NewTable(command.Families()...),
		Store: store,
		Local: func(id, incarnation, number uint64) *sm.Local {
			if b := n.mine(id); b != nil {
				local, _ := b.InFlight(incarnation, number)
				return local
			}
			return nil
		},
		Applied: func(id, _, number uint64) {
			if b := n.mine(id); b != nil {
				b.Applied(number)
			}
		},
		Incarnated: func(id, nonce, incarnation uint64) {
			if b := n.mine(id); b != nil {
				b.Incarnated(nonce, incarnation)
			}
		},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	rep, err := replica.Open(replica.Options{
		Dir: "/raft", MachineDir: "/data", Address: address, FS: m.raft(), Machine: n,
		Tick: time.Millisecond, HeartbeatTicks: 5, ElectionTicks: 50, CompactBytes: 1 << 20, KeepBytes: 256 << 10,
	})
	if err != nil {
		t.Fatalf("the node does not start after the power loss: %v", err)
	}
	n.replica = rep
	n.batcher = replica.NewBatcher(rep, replica.BatcherOptions[*sm.Local]{
		Seal:      func(dst []byte, h replica.Header, body []byte) []byte { return sm.SealBatch(dst, sm.Header(h), body) },
		Incarnate: func(id, nonce uint64) []byte { return sm.AppendIncarnate(nil, id, nonce) },
		Now:       func() int64 { return 1_000_000 + time.Since(n.start).Milliseconds() },
		Seed:      rand.Uint64,
		NewLocal:  func() *sm.Local { return &sm.Local{} },
		Settled:   n.settled,
	})
	n.senders.Go(n.send)
	close(n.ready)
	select {
	case <-n.batcher.Ready():
	case <-time.After(patience):
		t.Fatal("no leader")
	}
	n.replica.ReadIndex(func(error) {}) // it knows that it is alone
	if err := n.replica.SyncBeside(&lateSyncer{begun: &j.besides}, 1); err != nil {
		t.Fatal(err)
	}
	return n
}

// mine is the batcher if the batch is this node's and there is one yet.
func (n *node) mine(id uint64) *replica.Batcher[*sm.Local] {
	select {
	case <-n.ready:
		if id == n.replica.ID() {
			return n.batcher
		}
	default:
	}
	return nil
}

// Open begins a life in the journal.
func (n *node) Open(dir string) (uint64, error) {
	applied, err := n.Machine.Open(dir)
	n.journal.at = applied
	return applied, err
}

// Apply writes the journal.
func (n *node) Apply(entries []replica.Entry) error {
	own := make([]sm.Entry, len(entries))
	for i, e := range entries {
		n.journal.note(e)
		own[i] = sm.Entry(e)
	}
	return n.Machine.Apply(own)
}

// Prepare gives the machine the shape that the replica drives.
func (n *node) Prepare() (replica.SnapshotSource, error) { return n.Machine.Prepare() }

// Sync flushes. It is what dragonboat does first of a snapshot, which it notes in the log when Sync has returned.
func (n *node) Sync() error {
	n.moment.flush()
	return n.Machine.Sync()
}

var errGone = errors.New("powerloss: the node has gone")

// do proposes a command and waits for its reply.
func (n *node) do(args ...string) (string, error) {
	b := make([][]byte, len(args))
	for i, a := range args {
		b[i] = []byte(a)
	}
	w := &waiter{make(chan string, 1)}
	batch := n.batcher.OpenFor(sm.RequestSize(b))
	batch.Body = sm.AppendCommand(batch.Body, 0, b)
	batch.Requests++
	batch.Local.Ops = append(batch.Local.Ops, sm.LocalOp{Kind: sm.OpRequest, Owner: w, Proto: resp.RESP2})
	n.batcher.Done()
	reply := <-w.reply
	if reply == "" {
		return "", errGone
	}
	return reply, nil
}

type waiter struct{ reply chan string }

func (n *node) settled(b *replica.Batch[*sm.Local], err error) {
	from := 0
	for _, op := range b.Local.Ops {
		reply := ""
		if err == nil {
			reply = string(b.Local.Out[from:op.End])
			from = op.End
		}
		w := op.Owner.(*waiter)
		if err != nil { // perhaps long after the end
			w.reply <- reply
			continue
		}
		n.unsent <- func() { w.reply <- reply }
	}
}

// end stops the dead node's goroutines, and lets its log's file system forget.
func (n *node) end() {
	n.batcher.Close()
	n.replica.Close()
	close(n.unsent)
	n.senders.Wait()
	n.moment.on.raft.ResetToSyncedState()
	n.moment.on.raft.SetIgnoreSyncs(false)
}
