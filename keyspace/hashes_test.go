package keyspace

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/mvcc"
)

// The model of hashes is maps of fields, from which what is due is taken before anything looks; a hash without fields
// goes.
type hashModel [modelDatabases]map[string]map[string]modelField

type modelField struct {
	value    string
	deadline int64
}

func newHashModel() (m hashModel) {
	for i := range m {
		m[i] = map[string]map[string]modelField{}
	}
	return m
}

func (m hashModel) clone() (c hashModel) {
	for i := range m {
		c[i] = map[string]map[string]modelField{}
		for k, h := range m[i] {
			c[i][k] = maps.Clone(h)
		}
	}
	return c
}

func (m hashModel) at(now int64) {
	for _, db := range m {
		maps.DeleteFunc(db, func(_ string, h map[string]modelField) bool {
			maps.DeleteFunc(h, func(_ string, f modelField) bool { return f.deadline != 0 && f.deadline <= now })
			return len(h) == 0
		})
	}
}

func (m hashModel) put(db uint32, key, field, value string, deadline int64) {
	if m[db][key] == nil {
		m[db][key] = map[string]modelField{}
	}
	m[db][key][field] = modelField{value, deadline}
}

// show is everything in a database, in order.
func (m hashModel) show(db uint32) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m[db])) {
		fmt.Fprintf(&b, "%s %d:", k, len(m[db][k]))
		for _, f := range slices.Sorted(maps.Keys(m[db][k])) {
			fmt.Fprintf(&b, " %s=%s@%d", f, m[db][k][f].value, m[db][k][f].deadline)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// hashRig is a rig whose model is of hashes.
type hashRig struct {
	*rig
	model hashModel
	now   int64
}

func (r *hashRig) field() string { return string('f' + byte(r.rand.IntN(4))) }

// step does something to both and returns what it was.
func (r *hashRig) step(tx *Tx) string {
	db, k, dest, f := r.db(), r.key(), r.key(), r.field()
	tx.Select(db)
	h, err := tx.Hash([]byte(k))
	if err != nil {
		r.t.Fatal(err)
	}
	fields := r.model[db][k]
	was, had := fields[f]
	switch r.rand.IntN(10) {
	case 0, 1:
		v := fmt.Sprint(r.rand.IntN(100))
		r.same("set", h.Set([]byte(f), []byte(v)), !had)
		r.model.put(db, k, f, v, 0)
		return fmt.Sprintf("%d> set %s %s", db, k, f)
	case 2:
		r.same("delete", h.Delete([]byte(f)), had)
		delete(fields, f)
		return fmt.Sprintf("%d> delete %s %s", db, k, f)
	case 3:
		want := NoField
		if had && was.deadline != 0 {
			want = FieldChanged
			r.model.put(db, k, f, was.value, 0)
		} else if had {
			want = NoDeadline
		}
		r.same("persist", h.Persist([]byte(f)), want)
		return fmt.Sprintf("%d> persist %s %s", db, k, f)
	case 4, 5, 6, 7:
		return r.expire(&h, db, k, f)
	}
	return r.across(tx, db, k, dest)
}

func (r *hashRig) expire(h *Hash, db uint32, k, f string) string {
	was, had := r.model[db][k][f]
	deadline := r.now + r.rand.Int64N(60) - 5
	when := []ExpireIf{0, IfNoDeadline, IfDeadline, IfLater, IfEarlier}[r.rand.IntN(5)]
	want := NoField
	switch {
	case had && !when.met(was.deadline, deadline):
		want = FieldRefused
	case had && deadline <= r.now:
		want = FieldEnded
		delete(r.model[db][k], f)
	case had:
		want = FieldChanged
		r.model.put(db, k, f, was.value, deadline)
	}
	r.same("expire", h.Expire([]byte(f), deadline, when), want)
	return fmt.Sprintf("%d> expire %s %s %d if %b", db, k, f, deadline, when)
}

// across is what concerns whole keys.
func (r *hashRig) across(tx *Tx, db uint32, k, dest string) string {
	m, there := &r.model, len(r.model[db][k]) > 0
	switch r.rand.IntN(7) {
	case 0:
		r.same("delete key", tx.Delete([]byte(k)), there)
		delete(m[db], k)
	case 1:
		if ok, _ := tx.Rename([]byte(k), []byte(dest), false); ok != there {
			r.fail("rename %s: %v", k, ok)
		}
		if there && k != dest {
			m[db][dest] = m[db][k]
			delete(m[db], k)
		}
		return fmt.Sprintf("%d> rename %s %s", db, k, dest)
	case 2:
		if ok, _ := tx.Copy([]byte(k), db, []byte(dest), true); ok {
			m[db][dest] = maps.Clone(m[db][k])
		}
		return fmt.Sprintf("%d> copy %s %s", db, k, dest)
	case 3:
		to := (db + 1) % modelDatabases
		if ok, _ := tx.Move([]byte(k), to); ok {
			m[to][k] = m[db][k]
			delete(m[db], k)
		}
		return fmt.Sprintf("%d> move %s to %d", db, k, to)
	case 4:
		if r.rand.IntN(6) == 0 {
			tx.Flush()
			clear(m[db])
			return fmt.Sprintf("%d> flush", db)
		}
	case 5:
		if err := tx.Swap(0, db); err != nil {
			r.t.Fatal(err)
		}
		m[0], m[db] = m[db], m[0]
		return fmt.Sprintf("swap 0 %d", db)
	}
	return fmt.Sprintf("%d> delete %s or nothing", db, k)
}

func (r *hashRig) same(what string, got, want any) {
	r.t.Helper()
	if got != want {
		r.fail("%s = %v, want %v", what, got, want)
	}
}

// request is some steps in one transaction, some of them taken back.
func (r *hashRig) request(b *mvcc.Batch) {
	before := r.model.clone()
	tx := r.space.Begin(b, r.now, r.rand.Uint64())
	for range 1 + r.rand.IntN(5) {
		mark, saved := tx.Mark(), r.model.clone()
		for range 1 + r.rand.IntN(3) {
			r.log = append(r.log, fmt.Sprintf("at %d: %s", r.now, r.step(tx)))
			r.model.at(r.now) // hashes without fields
			if r.rand.IntN(4) == 0 {
				r.check(func(db uint32) View { tx.Select(db); return tx.View() })
			}
		}
		if r.rand.IntN(4) == 0 {
			tx.Rollback(mark)
			r.model = saved
			r.log = append(r.log, "rollback")
		}
	}
	if r.rand.IntN(8) == 0 {
		tx.Abort()
		r.model = before
		r.log = append(r.log, "abort")
		return
	}
	tx.Commit()
}

// check compares all that a view shows.
func (r *hashRig) check(of func(db uint32) View) {
	r.t.Helper()
	for db := range uint32(modelDatabases) {
		v := of(db)
		shown := newHashModel()
		for _, key := range v.Keys([]byte("*")) {
			h, ok, err := v.Hash(key)
			if err != nil || !ok {
				r.fail("%d> %s is listed, and not there: %v", db, key, err)
			}
			h.All(func(e *mvcc.Element) { shown.put(db, string(key), string(e.Name), string(e.Value), e.Deadline) })
			at := h.Numbered()
			for i := range h.Len() {
				if e := at(i); shown[db][string(key)][string(e.Name)].value != string(e.Value) {
					r.fail("%d> %s: field %d is %q, which is not there", db, key, i, e.Name)
				}
			}
			if n := len(shown[db][string(key)]); n != h.Len() {
				r.fail("%d> %s has %d fields, Len says %d", db, key, n, h.Len())
			}
		}
		if got, want := shown.show(db), r.model.show(db); got != want {
			r.fail("database %d shows\n%swant\n%s", db, got, want)
		}
		if n := v.Len(); n != len(r.model[db]) || v.Need() != 0 {
			r.fail("database %d has %d keys, want %d; need %b", db, n, len(r.model[db]), v.Need())
		}
	}
}

// endDue does what the leader proposes, until nothing is due.
func (r *hashRig) endDue(b *mvcc.Batch) {
	for range 100 {
		due := r.space.DueFields(r.now, 3)
		if len(due) == 0 {
			return
		}
		tx := r.space.Begin(b, r.now, 0)
		for _, d := range due {
			tx.Select(d.DB)
			for _, key := range d.Keys {
				tx.EndDueFields(key, 2)
			}
		}
		tx.Commit()
	}
	r.fail("there is no end of what is due")
}

func (r *hashRig) checkReopened() {
	r.t.Helper()
	r.sameFields(Open(r.store))
}

func (r *hashRig) sameFields(fresh *Space) {
	r.t.Helper()
	show := func(s *Space) (out string) {
		for _, ks := range slices.Sorted(maps.Keys(s.fields.queues)) {
			s.fields.queues[ks].Due(1<<62, func(deadline int64, ref mvcc.Ref) bool {
				out += fmt.Sprintf("%d: %d %d\n", ks, deadline, ref)
				return true
			})
			if n := s.fields.queues[ks].Len(); n != len(s.fields.at[ks]) {
				out += fmt.Sprintf("%d in the queue of %d, %d beside it", n, ks, len(s.fields.at[ks]))
			}
		}
		return out
	}
	if got, want := show(r.space), show(fresh); got != want {
		r.fail("deadlines of fields in memory\n%s\nfrom the store\n%s", got, want)
	}
}

func TestFieldsModel(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		r := &hashRig{rig: newRig(t, seed), model: newHashModel(), now: 1000}
		for i := range 60 {
			b := r.store.Begin()
			r.store.Lock()
			for range 1 + r.rand.IntN(4) {
				if r.rand.IntN(2) == 0 {
					r.now += r.rand.Int64N(25)
					r.model.at(r.now)
				}
				r.request(b)
			}
			if r.rand.IntN(3) == 0 {
				r.endDue(b)
			}
			r.store.Unlock()
			if err := b.Commit(uint64(i + 1)); err != nil {
				t.Fatal(err)
			}
			r.check(func(db uint32) View { return r.space.View(db, r.now, r.now, true) })
			r.checkReopened()
		}
		r.restart()
		r.check(func(db uint32) View { return r.space.View(db, r.now, r.now, true) })
	}
}

// A field that is due by the node's estimate alone is for a tick to decide; the others are not.
func TestFieldsBetweenTimes(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		h, _ := tx.Hash([]byte("h"))
		h.SetUntil([]byte("soon"), []byte("1"), 1010)
		h.SetUntil([]byte("later"), []byte("2"), 2000)
		h, _ = tx.Hash([]byte("all"))
		h.SetUntil([]byte("soon"), []byte("1"), 1010)
	})
	for _, c := range []struct {
		what string
		ask  func(v *View)
		need Need
	}{
		{"the later field", func(v *View) { h, _, _ := v.Hash([]byte("h")); h.Lookup([]byte("later")) }, 0},
		{"the field", func(v *View) { h, _, _ := v.Hash([]byte("h")); h.Lookup([]byte("soon")) }, NeedTick},
		{"the length", func(v *View) { h, _, _ := v.Hash([]byte("h")); h.Len() }, NeedTick},
		{"all fields", func(v *View) { h, _, _ := v.Hash([]byte("h")); h.All(func(*mvcc.Element) {}) }, NeedTick},
		{"the key of a live field", func(v *View) { v.Lookup([]byte("h")) }, 0},
		{"the key of no other field", func(v *View) { v.Lookup([]byte("all")) }, NeedTick},
		{"the number of keys", func(v *View) { v.Len() }, NeedTick},
	} {
		v := r.space.View(0, 1000, 1020, true)
		if c.ask(&v); v.Need() != c.need {
			t.Errorf("%s needs %b, want %b", c.what, v.Need(), c.need)
		}
		v = r.space.View(0, 1010, 1020, true)
		if c.ask(&v); v.Need() != 0 {
			t.Errorf("%s needs %b when it has passed", c.what, v.Need())
		}
	}
	v := r.space.View(0, 1010, 1010, true)
	h, _, _ := v.Hash([]byte("h"))
	if n := h.Len(); n != 1 {
		t.Errorf("h has %d fields, want 1", n)
	}
	if _, ok := v.Lookup([]byte("all")); ok || v.Len() != 1 {
		t.Errorf("a key is there whose only field is due; %d keys", v.Len())
	}
}

// A change ends some due fields, and takes all of them for absent.
func TestManyDueFields(t *testing.T) {
	const n = 3 * dueFieldsPerWrite
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		h, _ := tx.Hash([]byte("h"))
		for i := range n {
			h.SetUntil(fmt.Appendf(nil, "f%d", i), []byte("v"), 1001)
		}
		h.Set([]byte("stays"), []byte("v"))
	})
	r.apply(1001, func(tx *Tx) {
		h, _ := tx.Hash([]byte("h"))
		if h.Len() != 1 || h.due() != n-dueFieldsPerWrite {
			t.Errorf("%d fields, and %d that are due", h.Len(), h.due())
		}
		for i := range n {
			if _, ok := h.Lookup(fmt.Appendf(nil, "f%d", i)); ok {
				t.Errorf("f%d is there", i)
			}
		}
		if added := h.Set(fmt.Appendf(nil, "f%d", n-1), []byte("w")); !added {
			t.Error("a field in the place of a due one is not new")
		}
		if !h.Delete([]byte("stays")) || !h.Delete(fmt.Appendf(nil, "f%d", n-1)) || h.Exists() {
			t.Error("the hash outlives its last field")
		}
		if _, ok := tx.Lookup([]byte("h")); ok {
			t.Error("the key outlives its last field")
		}
	})
}
