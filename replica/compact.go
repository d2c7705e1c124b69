package replica

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lni/dragonboat/v4"
)

// When the log is compacted, and how much of it stays.
const (
	defaultCompactBytes = 256 << 20
	defaultCompactEvery = 5 * time.Minute
	defaultKeepBytes    = 64 << 20

	markEvery      = 1 << 20 // bytes of log between two marks
	compactTimeout = 2 * time.Minute
)

// compactor bounds the log. dragonboat would count entries, but ours are of any
// size between a hundred bytes and half a gigabyte, so we count bytes: once
// enough were applied, the machine is flushed and dragonboat asked for a
// snapshot (of an on-disk machine it is a note of the index, no data), behind
// which it drops the log.
type compactor struct {
	r    *Replica
	wake chan struct{}
	ask  chan chan error

	mu    sync.Mutex
	total uint64 // bytes applied since the start
	done  uint64 // total at the last compaction
	asked bool   // wake was sent for the bytes since; a failure waits for CompactEvery
	marks []mark // ascending; where in the log the last KeepBytes begin
}

type mark struct{ index, total uint64 }

func newCompactor(r *Replica) *compactor {
	return &compactor{r: r, wake: make(chan struct{}, 1), ask: make(chan chan error)}
}

// appliedBatch is called after every batch, by the goroutine that applies.
func (c *compactor) appliedBatch(last uint64, bytes int) {
	c.mu.Lock()
	before := c.total
	c.total += uint64(bytes)
	if before/markEvery != c.total/markEvery {
		c.marks = append(c.marks, mark{last, c.total})
	}
	c.wakeIfDue()
	c.mu.Unlock()
}

// wakeIfDue needs mu.
func (c *compactor) wakeIfDue() {
	if c.asked || c.total-c.done < c.r.opts.CompactBytes {
		return
	}
	c.asked = true
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Snapshot compacts the log now, as the scheduler does by itself, and returns
// when the machine is durable up to here.
func (r *Replica) Snapshot() error {
	answer := make(chan error, 1)
	select {
	case r.compactor.ask <- answer:
	case <-r.stop:
		return ErrClosed
	}
	select {
	case err := <-answer:
		return err
	case <-r.stop:
		return ErrClosed
	}
}

func (c *compactor) run() {
	every := time.NewTicker(c.r.opts.CompactEvery)
	defer every.Stop()
	for {
		var answer chan error
		select {
		case <-c.r.stop:
			return
		case answer = <-c.ask:
		case <-c.wake:
		case <-every.C:
			if !c.grown() {
				continue
			}
		}
		err := c.compact()
		if answer != nil {
			answer <- err
		} else if err != nil && !errors.Is(err, ErrClosed) {
			c.r.log.Warn("the Raft log was not compacted; it grows until the next attempt", "err", err)
		}
	}
}

func (c *compactor) grown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total > c.done
}

func (c *compactor) compact() error {
	if err := c.flush(); err != nil {
		return err
	}
	total, keepFrom := c.plan()
	option := dragonboat.SnapshotOption{OverrideCompactionOverhead: true, CompactionIndex: keepFrom}
	if keepFrom == 0 {
		option.CompactionOverhead = restartKeepMax // less than KeepBytes in all: nothing to drop
	}
	state, err := c.r.nodeHost.RequestSnapshot(shardID, option, compactTimeout)
	if err != nil {
		return err
	}
	if err := c.await(state); err != nil {
		return err
	}
	c.mu.Lock()
	c.done, c.asked = total, false
	c.wakeIfDue()
	c.mu.Unlock()
	return nil
}

// flush lets the machine write what it holds while it goes on applying.
func (c *compactor) flush() error {
	flusher, ok := c.r.opts.Machine.(Flusher)
	if !ok {
		return nil
	}
	flushed, err := flusher.FlushAsync()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case <-c.r.stop:
		return ErrClosed
	}
}

// plan returns the bytes applied so far and the index behind which the log may
// go, 0 if nothing may.
func (c *compactor) plan() (total, keepFrom uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	drop := 0
	for drop < len(c.marks) && c.total-c.marks[drop].total >= c.r.opts.KeepBytes {
		drop++
	}
	if drop > 0 {
		keepFrom = c.marks[drop-1].index
		c.marks = append(c.marks[:0], c.marks[drop-1:]...)
	}
	return c.total, keepFrom
}

func (c *compactor) await(state *dragonboat.RequestState) error {
	timeout := time.NewTimer(compactTimeout)
	defer timeout.Stop()
	select {
	case result := <-state.AppliedC():
		switch {
		case result.Completed(), result.Rejected(): // rejected: nothing was applied since the last
			return nil
		default:
			return errors.New("replica: dragonboat gave the snapshot up")
		}
	case <-timeout.C:
		return errors.New("replica: the snapshot took too long")
	case <-c.r.stop:
		return ErrClosed
	}
}

func sortedKeys[V any](m map[uint64]V) []uint64 {
	return slices.Sorted(maps.Keys(m))
}
