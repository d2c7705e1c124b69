package keyspace

import (
	"math"

	"github.com/redoubt-db/redoubt/mvcc"
)

// dueFieldsPerWrite is how many due fields a change of a hash ends beside what it does; keeps it below a millisecond or two.
// A hash with more of them has the others ended by the leader, some at a time.
const dueFieldsPerWrite = 500

// endDue ends at most max due fields, those due first, and returns how many. Some other field is live.
func (h *Hash) endDue(max int) int {
	n := min(h.due(), max)
	for range n {
		first, _ := h.now().Due.At(0)
		h.tx.mv.DeleteElement(h.it.Ref, mvcc.Element{Name: first.Name})
	}
	if n > 0 {
		h.tx.Notify(ClassHash, "hexpired", h.key)
	}
	return n
}

// hollow tells whether all fields of a hash are due, so that the key is, whatever its own deadline.
func (tx *Tx) hollow(it mvcc.Item) bool {
	if it.Type != mvcc.Hash {
		return false
	}
	d := tx.mv.View().LastDeadline(it)
	return d != 0 && d <= tx.now
}

// endHollow ends a key all of whose fields are due.
func (tx *Tx) endHollow(ks mvcc.Keyspace, key []byte) {
	tx.mv.Delete(ks, key)
	tx.notifyOf(ks, ClassHash, "hexpired", key)
	tx.notifyOf(ks, ClassGeneric, "del", key)
}

// EndDueFields ends at most max due fields of the hash at key, and the key if all are due. It returns how many.
func (tx *Tx) EndDueFields(key []byte, max int) int {
	h, err := tx.elements(key, mvcc.Hash)
	if err != nil || !h.live {
		return 0
	}
	return (&Hash{h}).endDue(max)
}

// DueFields are at most max keys of hashes with fields that are due, as Due has keys.
func (s *Space) DueFields(now int64, max int) []DueKeys {
	return s.dueKeys(&s.fields.deadlines, now, max)
}

// fieldDeadlines are the hashes with fields that have a deadline, each at its earliest.
//
//	HSET h a 1 b 2; HPEXPIREAT h 7000 FIELDS 1 a; HPEXPIREAT h 5000 FIELDS 1 b     h at 5000
//	HPERSIST h FIELDS 1 b                                                          h at 7000
//	RENAME h g                                                                     g at 7000
//
// They follow from what the store holds: who changed a hash, or takes a change back, lets follow look again.
type fieldDeadlines struct {
	deadlines
	at map[mvcc.Keyspace]map[mvcc.Ref]int64
}

func newFieldDeadlines() fieldDeadlines {
	return fieldDeadlines{deadlines: newDeadlines(), at: map[mvcc.Keyspace]map[mvcc.Ref]int64{}}
}

// follow brings what is known of a key up to the store.
func (d *fieldDeadlines) follow(store *mvcc.Store, ks mvcc.Keyspace, ref mvcc.Ref) {
	refs := d.at[ks]
	is, was := store.FirstDeadline(ref), refs[ref]
	if is == was {
		return
	}
	if was != 0 {
		d.remove(ks, was, ref)
		delete(refs, ref)
	}
	if is != 0 {
		if refs == nil {
			refs = map[mvcc.Ref]int64{}
			d.at[ks] = refs
		}
		refs[ref] = is
		d.add(ks, is, ref)
	}
}

// drop forgets a keyspace.
func (d *fieldDeadlines) drop(ks mvcc.Keyspace) {
	delete(d.queues, ks)
	delete(d.at, ks)
}

// followFields brings the deadlines of fields up to a change, done or taken back.
func (s *Space) followFields(c *mvcc.Change) {
	if c.Old.Type == mvcc.Hash || c.New.Type == mvcc.Hash {
		s.fields.follow(s.Store, c.Keyspace, c.Ref)
	}
}

// hollow counts the keys of the view's database whose fields are all past their deadlines while they are not past their
// own.
func (v *View) hollow() (n int) {
	q := v.space.fields.queues[v.ks]
	if q == nil {
		return 0
	}
	limit := overdueMax
	if v.mayLoad {
		limit = math.MaxInt
	}
	q.Due(v.estimate, func(_ int64, ref mvcc.Ref) bool {
		if _, it, ok := v.space.Store.ByRef(ref); ok && v.within(it.Attr) && !v.before(v.mv.LastDeadline(it)) {
			n++
		}
		limit--
		return limit > 0
	})
	if limit == 0 {
		v.need |= NeedLong
	}
	return n
}
