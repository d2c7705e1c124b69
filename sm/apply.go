package sm

import (
	"fmt"

	"github.com/redoubt-db/redoubt/keyspace"
)

// Apply executes committed entries in order and commits them to Pebble together with the applied index. An
// error, which names the entry, means that this replica cannot do what the others do: it must stop, and
// every later Apply gives the same error.
func (m *Machine) Apply(entries []Entry) error {
	if m.home.Load() == nil {
		return errClosed
	}
	if m.failed == nil {
		m.failed = m.apply(entries)
	}
	return m.failed
}

func (m *Machine) apply(entries []Entry) error {
	bytes := 0
	for i := range entries {
		e := &entries[i]
		if e.Index <= m.index {
			return fmt.Errorf("sm: entry %d comes after entry %d", e.Index, m.index)
		}
		if m.batch == nil {
			m.batch = m.home.Load().store.Begin()
		}
		if err := m.guarded(e); err != nil {
			return err
		}
		m.index = e.Index
		m.counts.entries.Add(1)
		m.counts.bytes.Add(uint64(len(e.Data)))
		if bytes += len(e.Data); bytes >= commitBytesMax {
			if err := m.commit(); err != nil {
				return err
			}
			bytes = 0
		}
	}
	if m.batch == nil {
		return nil
	}
	return m.commit()
}

// commit makes Pebble take what was executed, and only then tells who waits for it.
func (m *Machine) commit() error {
	b := m.batch
	m.batch = nil
	m.x.row = m.state.append(m.x.row[:0])
	b.SetMeta(stateName, m.x.row)
	if err := b.Commit(m.index); err != nil {
		return err
	}
	if list, lost := m.home.Load().space.TakeNews(); len(list) > 0 && m.o.Said != nil {
		m.o.Said(list, lost)
	}
	if m.o.Applied != nil {
		for _, d := range m.done {
			m.o.Applied(d.node, d.incarnation, d.number)
		}
	}
	m.done = m.done[:0]
	return nil
}

// guarded executes an entry and puts its index on whatever stops the node: the operator may have to skip it.
func (m *Machine) guarded(e *Entry) (err error) {
	defer func() {
		reason := recover()
		if disk, ok := reason.(*keyspace.DiskError); ok {
			m.x.unlock()
			err = fmt.Errorf("entry %d: %w", e.Index, disk.Err)
		} else if reason != nil {
			panic(fmt.Sprintf("sm: entry %d: %v", e.Index, reason))
		}
	}()
	if err := m.entry(e.Data); err != nil {
		return fmt.Errorf("entry %d: %w", e.Index, err)
	}
	return nil
}

func (m *Machine) entry(data []byte) error {
	d := &m.x.d
	*d = decoder{b: data}
	kind, err := d.preamble(m.KnownSemantics())
	if err != nil {
		return err
	}
	if kind == entryIncarnate {
		return m.incarnate(d)
	}
	h, err := d.header()
	if err != nil {
		return err
	}
	switch m.state.receipts[h.Node].judge(h.Incarnation, h.Number) {
	case duplicate:
		m.counts.duplicates.Add(1)
		m.done = append(m.done, batchID{h.Node, h.Incarnation, h.Number})
		return nil
	case early, void:
		m.counts.refused.Add(1)
		return nil
	}
	var local *Local
	if m.o.Local != nil {
		local = m.o.Local(h.Node, h.Incarnation, h.Number)
	}
	if err := m.x.run(h, local); err != nil {
		return err
	}
	m.state.set(h.Node, Receipt{h.Incarnation, h.Number})
	m.done = append(m.done, batchID{h.Node, h.Incarnation, h.Number})
	m.counts.batches.Add(1)
	m.counts.requests.Add(uint64(h.Count))
	return nil
}

func (m *Machine) incarnate(d *decoder) error {
	node, nonce := d.uvarint(), d.uint64()
	if d.bad || d.left() > 0 {
		return errDamaged
	}
	r := Receipt{Incarnation: m.state.receipts[node].Incarnation + 1}
	m.state.set(node, r)
	if m.o.Incarnated != nil {
		m.o.Incarnated(node, nonce, r.Incarnation)
	}
	return nil
}

// advance moves log time towards what a proposer believes, never backward. It needs the store's lock.
func (m *Machine) advance(now, stepMax int64) {
	s := &m.state
	s.logTime = max(s.logTime, min(now, s.logTime+stepMax))
	m.logTime.Store(s.logTime)
}
