package sm

import (
	"bufio"
	"fmt"
	"io"

	"github.com/redoubt-db/redoubt/mvcc"
)

// Source is the state pinned by Prepare.
type Source struct {
	home *home
	sn   *mvcc.Snapshot
}

// Prepare pins the state as of the last Apply. It is cheap; the Source must be closed.
func (m *Machine) Prepare() (*Source, error) {
	h := m.home.Load()
	if h == nil {
		return nil, errClosed
	}
	sn, err := h.store.Snapshot()
	if err != nil {
		return nil, err
	}
	h.refs.Add(1)
	return &Source{h, sn}, nil
}

// WriteTo writes the state, beside Apply and even Recover. It gives up once stop is closed.
func (s *Source) WriteTo(w io.Writer, stop <-chan struct{}) error { return s.sn.WriteTo(w, stop) }

// Close lets the state go.
func (s *Source) Close() error {
	s.sn.Close()
	return s.home.release()
}

// Recover replaces the state by one that Source.WriteTo wrote, durably. Until the whole stream is on disk
// readers see the old state; then, while the index of the new one is built, they see none. An error before
// that leaves the Machine as it was, one after it leaves it closed.
func (m *Machine) Recover(r io.Reader, stop <-chan struct{}) error {
	old := m.home.Load()
	if old == nil {
		return errClosed
	}
	next := old.number + 1
	if err := m.receive(next, r, stop); err != nil {
		return fmt.Errorf("recover from a snapshot: %w", err)
	}
	m.leave()
	old.replaced = true
	if err := old.release(); err != nil {
		return fmt.Errorf("close the store that a snapshot replaced: %w", err)
	}
	h, err := m.enter(next)
	if err != nil {
		return fmt.Errorf("open the store of a snapshot: %w", err)
	}
	m.settle(h)
	return nil
}

// receive makes a store of the stream and CURRENT name it.
func (m *Machine) receive(number int, r io.Reader, stop <-chan struct{}) error {
	path := m.path(number)
	if err := m.fs().RemoveAll(path); err != nil {
		return err
	}
	err := mvcc.Restore(m.at(path), bufio.NewReaderSize(r, recoverBuffer), stop)
	if err == nil {
		err = m.setCurrent(number)
	}
	return err
}
