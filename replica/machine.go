package replica

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/lni/dragonboat/v4/statemachine"
)

// Machine is what a replica drives: sm.Machine, and the counting machine of
// this package's tests. Apply, Sync, Prepare, Recover and Close exclude each
// other; a SnapshotSource's WriteTo runs beside all of them but Close.
type Machine interface {
	// Open opens the machine's own directory and returns the last durable
	// applied index, 0 for a new one. It is called once, before any other method.
	Open(dir string) (applied uint64, err error)
	// Apply applies one committed batch in order. An error stops the node: a
	// replica that cannot apply what was committed must not go on.
	Apply(entries []Entry) error
	// Sync returns when everything applied is durable.
	Sync() error
	// Prepare pins the present state for a snapshot. It is cheap.
	Prepare() (SnapshotSource, error)
	// Recover replaces the state by one that SnapshotSource.WriteTo wrote. It may
	// give up with an error once stop is closed.
	Recover(r io.Reader, stop <-chan struct{}) error
	// Close flushes and closes.
	Close() error
}

// Entry is one committed element of the log. Data belongs to the log and must
// not be kept after Apply returns.
type Entry struct {
	Index uint64
	Data  []byte
}

// SnapshotSource is a state pinned by Machine.Prepare.
type SnapshotSource interface {
	// WriteTo writes the pinned state, beside Apply. It may give up with an error
	// once stop is closed.
	WriteTo(w io.Writer, stop <-chan struct{}) error
	// Close lets the pinned state go. It is called exactly once.
	Close() error
}

// Flusher is implemented by machines that can start writing what they hold in
// memory without stalling Apply. Before the log is compacted the replica waits
// for such a flush, so that the Sync that follows (which does stall Apply) has
// little left to do.
type Flusher interface {
	FlushAsync() (<-chan struct{}, error)
}

// driven is the machine as dragonboat sees it.
//
// The machine is opened and closed by the Replica, not here: an error of Open
// or Close shall reach the caller of Replica's Open and Close as an error, while
// dragonboat makes a panic of it.
type driven struct {
	machine Machine
	opened  uint64
	entries []Entry // reused by Update
	applied *atomic.Uint64

	applying *atomic.Uint64 // the last entry that the machine was given
	onBatch  func(last uint64, bytes int)
	onOpen   func()
}

var _ statemachine.IOnDiskStateMachine = (*driven)(nil)

func (d *driven) Open(<-chan struct{}) (uint64, error) {
	d.onOpen()
	return d.opened, nil
}

func (d *driven) Update(in []statemachine.Entry) ([]statemachine.Entry, error) {
	if len(in) == 0 {
		return in, nil
	}
	entries, bytes := d.entries[:0], 0
	for i := range in {
		entries = append(entries, Entry{Index: in[i].Index, Data: in[i].Cmd})
		bytes += len(in[i].Cmd)
	}
	last := entries[len(entries)-1].Index
	d.applying.Store(last)
	if err := d.machine.Apply(entries); err != nil {
		return nil, fmt.Errorf("apply entries up to %d: %w", last, err)
	}
	clear(entries)
	d.entries = entries[:0]
	d.applied.Store(last)
	d.onBatch(last, bytes)
	return in, nil
}

func (d *driven) Lookup(any) (any, error) {
	panic("replica: the machine is read directly, never through Lookup")
}

func (d *driven) Sync() error { return d.machine.Sync() }

func (d *driven) PrepareSnapshot() (any, error) { return d.machine.Prepare() }

func (d *driven) SaveSnapshot(source any, w io.Writer, stop <-chan struct{}) error {
	src := source.(SnapshotSource)
	err := src.WriteTo(w, stop)
	if closeErr := src.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		return nil
	}
	if stopped(stop) {
		return statemachine.ErrSnapshotStopped
	}
	return err
}

func (d *driven) RecoverFromSnapshot(r io.Reader, stop <-chan struct{}) error {
	err := d.machine.Recover(r, stop)
	if err != nil && stopped(stop) {
		return statemachine.ErrSnapshotStopped
	}
	return err
}

func (d *driven) Close() error { return nil }

func stopped(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
