// Package sm is the replicated state machine: it applies the entries of the log to the keys, answers the
// node that proposed them, and hands its state from replica to replica.
//
// The state after an entry depends on the entries alone. There is no clock here, no chance and no goroutine,
// and building a reply changes nothing: replicas that build none do the same work on the keys.
package sm

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
)

// Limits of applying.
const (
	// clockStepMax is how far one batch may move log time, in milliseconds: a proposer whose clock is wrong
	// cannot expire everything at once. CLOCK alone may move it further.
	clockStepMax = 15_000

	// lockRequestsMax is how many ops run before readers get a turn.
	lockRequestsMax = 32

	// commitBytesMax bounds the entries that share a Pebble batch when many are applied at once.
	commitBytesMax = 4 << 20

	// argsKeepMax is the longest slice of arguments kept for the next request.
	argsKeepMax = 4 << 10
)

// Entry is one committed element of the log. Data is not kept.
type Entry struct {
	Index uint64
	Data  []byte
}

// Options tell a Machine what it does not know. Table has no default.
type Options struct {
	Table *command.Table
	Store mvcc.Options // Dir is the Machine's to choose
	Uses  *keyspace.Uses

	Semantics uint64 // the newest version known; another than this program's in tests

	// The functions below are called by Apply, that is by the goroutine that applies, and must not block.

	// Local is asked about every batch that is about to be executed; nil says that it was not proposed by this
	// node, or that nobody waits any more, and no replies are built.
	Local func(node, incarnation, number uint64) *Local
	// Applied is told of every batch, whoever proposed it, that is applied and committed to Pebble, or was
	// before.
	Applied func(node, incarnation, number uint64)
	// Incarnated is told of every incarnation that the log issues.
	Incarnated func(node, nonce, incarnation uint64)
	// OnCommit is told of the changes of each request, with the store's lock held: what it keeps it must copy.
	// The rows reach Pebble soon after.
	OnCommit func([]mvcc.Change)

	// Blocked is told of a command that shall wait, at its place in the log: whatever is committed behind it, OnCommit is
	// told later. The store's lock is held. Nil is nobody.
	Blocked func(*LocalOp)
	// Listening tells whether anybody on this node may want to hear messages and notifications. While nobody does,
	// as when the log is replayed, none are gathered.
	Listening func() bool
	// Said is given the messages and notifications of committed requests, in order, before Applied is told of their
	// batches, and how many were lost since they were too many. The messages are its own.
	Said func(list []keyspace.Message, lost int)
	// Audience counts for PUBLISH who listens on this node, with the store's lock held.
	Audience func(channel []byte, sharded bool) int64
	// Members is told where members are reached, at Open, after Recover and at each change.
	Members func([]Member)
	// Alarms is told which alarms are raised, at Open, after Recover and at each change.
	Alarms func([]Alarm)
	// Panicked is told when a handler panicked, and where. The client gets an error; the state is as if the
	// command had not been run.
	Panicked func(command string, reason any, stack []byte)
}

// Machine is the state machine of one replica.
//
// Open, Apply, Sync, Prepare, Recover and Close exclude each other. Everything else may be called by any
// goroutine, beside them.
type Machine struct {
	o Options

	// home is nil while there is no state. It changes under mu only, so that what is there stays open for who
	// holds mu for reading. Lock order: mu, then the store's.
	mu   sync.RWMutex
	home atomic.Pointer[home]

	dir     string
	logTime atomic.Int64
	members atomic.Pointer[[]Member]
	alarms  atomic.Pointer[[]Alarm]

	semantics atomic.Uint64
	counts    counts
	Lookups   Lookups // any goroutine's

	// What only the applying goroutine touches.
	state  state
	index  uint64 // of the last entry executed
	batch  *mvcc.Batch
	failed error // why the Machine must not go on
	done   []batchID
	x      execution
}

type batchID struct{ node, incarnation, number uint64 }

// errClosed answers what is asked of a Machine that is not open.
var errClosed = errors.New("sm: the machine is not open")

// New is a Machine that is yet to be opened.
func New(o Options) *Machine {
	m := &Machine{o: o}
	m.x.m = m
	return m
}

// RLock keeps the applier out, and tells whether there is a state to be read: there is none before Open,
// after Close and while a snapshot is loaded, and View must not be called then. In any case RUnlock must follow.
func (m *Machine) RLock() bool {
	m.mu.RLock()
	h := m.home.Load()
	if h != nil {
		h.store.RLock()
	}
	return h != nil
}

// TryRLock is RLock for who has something else to do while a batch is applied: it does not wait. RUnlock must follow if it
// tells true, and only then.
func (m *Machine) TryRLock() bool {
	if !m.mu.TryRLock() {
		return false
	}
	h := m.home.Load()
	if h == nil || !h.store.TryRLock() {
		m.mu.RUnlock()
		return false
	}
	return true
}

// RUnlock ends RLock.
func (m *Machine) RUnlock() {
	if h := m.home.Load(); h != nil {
		h.store.RUnlock()
	}
	m.mu.RUnlock()
}

// View is the current state of a database; it and what it returns are good until RUnlock. estimate is this
// node's estimate of log time in milliseconds, mayLoad allows reads of the disk. It needs RLock.
func (m *Machine) View(db uint32, estimate int64, mayLoad bool) keyspace.View {
	return m.home.Load().space.View(db, m.logTime.Load(), estimate, mayLoad)
}

// At is the state of a database at the end of a revision; see keyspace.Space.At. It needs RLock.
func (m *Machine) At(db uint32, rev uint64) (keyspace.View, error) {
	return m.home.Load().space.At(db, rev)
}

// Space is the keys themselves, nil when there is no state. Between RLock and RUnlock it stays what it is;
// else it may be closed at any time.
func (m *Machine) Space() *keyspace.Space {
	if h := m.home.Load(); h != nil {
		return h.space
	}
	return nil
}

// LogTime is the log time of what is applied, in milliseconds since the Unix epoch.
func (m *Machine) LogTime() int64 { return m.logTime.Load() }

// Receipt tells which batches of a node are part of the state. Only the applying goroutine may call it: after
// Recover it tells what of this node's came inside the snapshot.
func (m *Machine) Receipt(node uint64) Receipt { return m.state.receipts[node] }

// Stats are counts since the Machine was made.
type Stats struct {
	Entries    uint64 // applied, of any kind
	Bytes      uint64 // in them
	Batches    uint64 // executed
	Requests   uint64 // in those
	Duplicates uint64 // batches that had been applied before
	Refused    uint64 // batches that came early or were void
	Panics     uint64 // commands rolled back since their handler panicked
}

type counts struct{ entries, bytes, batches, requests, duplicates, refused, panics atomic.Uint64 }

// Stats are the counts.
func (m *Machine) Stats() Stats {
	c := &m.counts
	return Stats{
		Entries: c.entries.Load(), Bytes: c.bytes.Load(), Batches: c.batches.Load(), Requests: c.requests.Load(),
		Duplicates: c.duplicates.Load(), Refused: c.refused.Load(), Panics: c.panics.Load(),
	}
}
