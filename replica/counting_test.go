package replica

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// counting is the machine of the tests. It counts how often every datum was
// applied, in order, and keeps of it all only what was synced when it is opened
// again: `disk` plays the disk.
type counting struct {
	mu      sync.Mutex
	disk    *countingState // what a power loss leaves
	state   countingState
	onApply func(e Entry)
	syncs   int
	opens   int
	closed  bool
	flushes int
	fail    error // Apply's answer
	frozen  bool  // Sync forgets
}

type countingState struct {
	Index uint64
	Log   []string
}

func newCounting() *counting { return &counting{disk: &countingState{}} }

func (c *counting) Open(string) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opens++
	c.closed = false
	c.state = countingState{Index: c.disk.Index, Log: append([]string(nil), c.disk.Log...)}
	return c.state.Index, nil
}

func (c *counting) Apply(entries []Entry) error {
	for _, e := range entries {
		if c.onApply != nil {
			c.onApply(e)
		}
		if err := c.apply(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *counting) apply(e Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	if e.Index <= c.state.Index {
		return fmt.Errorf("index %d after %d", e.Index, c.state.Index)
	}
	c.state.Index = e.Index
	c.state.Log = append(c.state.Log, string(e.Data))
	return nil
}

func (c *counting) Sync() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen {
		return nil
	}
	c.syncs++
	*c.disk = countingState{Index: c.state.Index, Log: append([]string(nil), c.state.Log...)}
	return nil
}

// freeze plays the loss of power: nothing reaches the disk any more.
func (c *counting) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = true
}

func (c *counting) FlushAsync() (<-chan struct{}, error) {
	c.mu.Lock()
	c.flushes++
	c.mu.Unlock()
	done := make(chan struct{})
	go close(done)
	return done, nil
}

func (c *counting) Prepare() (SnapshotSource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, err := json.Marshal(c.state)
	return countingSource(data), err
}

func (c *counting) Recover(r io.Reader, _ <-chan struct{}) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return json.NewDecoder(r).Decode(&c.state)
}

func (c *counting) Close() error {
	if err := c.Sync(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

// log returns what was applied.
func (c *counting) log() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.state.Log...)
}

type countingSource []byte

func (s countingSource) WriteTo(w io.Writer, _ <-chan struct{}) error {
	_, err := io.Copy(w, bytes.NewReader(s))
	return err
}

func (s countingSource) Close() error { return nil }
