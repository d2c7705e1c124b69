package sm

import "errors"

// Touched is about how many bytes were written to memory that GiveBack returns to the system.
func (m *Machine) Touched() int64 {
	h := m.home.Load()
	if h == nil {
		return 0
	}
	return h.store.Touched()
}

// GiveBack flushes and returns memory that only writes need: see mvcc.Store.GiveBack. It may run beside Apply and Recover. It
// must have returned before Close.
func (m *Machine) GiveBack(stop <-chan struct{}) error {
	m.mu.RLock()
	h := m.home.Load()
	if h != nil {
		h.refs.Add(1)
	}
	m.mu.RUnlock()
	if h == nil {
		return errClosed
	}
	err := h.store.GiveBack(stop)
	return errors.Join(err, h.release())
}
