package keyspace

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/mvcc"
)

const modelDatabases = 3

// The model is maps of keys with deadlines, emptied of what is over before anything looks at it.
type model struct {
	dbs    [modelDatabases]map[string]modelKey
	leases map[uint64]modelLease
	now    int64
}

type modelKey struct {
	value    string
	deadline int64
	lease    uint64
}

type modelLease struct{ ttl, deadline int64 }

func newModel() *model {
	m := &model{leases: map[uint64]modelLease{}}
	for i := range m.dbs {
		m.dbs[i] = map[string]modelKey{}
	}
	return m
}

func (m *model) clone() *model {
	c := &model{leases: maps.Clone(m.leases), now: m.now}
	for i := range m.dbs {
		c.dbs[i] = maps.Clone(m.dbs[i])
	}
	return c
}

// at moves the model to a time.
func (m *model) at(now int64) {
	m.now = now
	for _, db := range m.dbs {
		maps.DeleteFunc(db, func(_ string, k modelKey) bool { return k.deadline != 0 && k.deadline <= now })
	}
}

func (m *model) revoke(id uint64) (n int) {
	delete(m.leases, id)
	for _, db := range m.dbs {
		maps.DeleteFunc(db, func(_ string, k modelKey) bool {
			if k.lease == id {
				n++
			}
			return k.lease == id
		})
	}
	return n
}

func (m *model) end(k modelKey) int64 {
	if k.lease != 0 {
		return m.leases[k.lease].deadline
	}
	return k.deadline
}

// rig is a Space beside its model.
type rig struct {
	t     *testing.T
	rand  *rand.Rand
	fs    vfs.FS
	store *mvcc.Store
	space *Space
	model *model
	seed  uint64
	log   []string
}

func newRig(t *testing.T, seed uint64) *rig {
	r := &rig{t: t, rand: rand.New(rand.NewPCG(seed, 1)), fs: vfs.NewMem(), model: newModel(), seed: seed}
	store, err := mvcc.Open(mvcc.Options{Dir: "db", FS: r.fs, HeapMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	r.store, r.space = store, Open(store)
	r.space.Databases = modelDatabases
	t.Cleanup(func() { _ = r.store.Close() })
	r.model.at(1000)
	return r
}

func (r *rig) fail(format string, args ...any) {
	r.t.Helper()
	tail := r.log[max(0, len(r.log)-30):]
	r.t.Fatalf("seed %d: %s\n  %s", r.seed, fmt.Sprintf(format, args...), strings.Join(tail, "\n  "))
}

func (r *rig) key() string { return string('a' + byte(r.rand.IntN(5))) }

func (r *rig) leaseID() uint64 { return 1 + r.rand.Uint64N(4) }

// soon is a deadline around now.
func (r *rig) soon() int64 { return r.model.now + r.rand.Int64N(60) - 10 }

func (r *rig) db() uint32 { return uint32(r.rand.IntN(modelDatabases)) }

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func word(err error) string {
	switch {
	case errors.Is(err, ErrNoKey):
		return "no key"
	case errors.Is(err, ErrNoLease):
		return "no lease"
	case errors.Is(err, ErrLeaseExists):
		return "lease exists"
	case errors.Is(err, ErrSameKey):
		return "same key"
	case err != nil:
		return err.Error()
	}
	return ""
}

func answer(n int, err error) string {
	if err != nil {
		return word(err)
	}
	return fmt.Sprint(n)
}

func answerBit(ok bool, err error) string {
	if err != nil {
		return word(err)
	}
	return bit(ok)
}

// keyOp does one random thing to keys in both, and returns what it was and what both said.
func (r *rig) keyOp(tx *Tx) (name, got, want string) {
	m, db := r.model, r.db()
	tx.Select(db)
	keys, k, dest := m.dbs[db], r.key(), r.key()
	old, there := keys[k]
	switch r.rand.IntN(8) {
	case 0, 1:
		return r.setOp(tx, db, k)
	case 2:
		delete(keys, k)
		return fmt.Sprintf("%d> del %s", db, k), bit(tx.Delete([]byte(k))), bit(there)
	case 3, 4:
		return r.expireOp(tx, db, k)
	case 5:
		had := there && (old.deadline != 0 || old.lease != 0)
		if had {
			keys[k] = modelKey{value: old.value}
		}
		return fmt.Sprintf("%d> persist %s", db, k), bit(tx.Persist([]byte(k))), bit(had)
	case 6:
		ifAbsent := r.rand.IntN(3) == 0
		name = fmt.Sprintf("%d> rename %s %s absent=%v", db, k, dest, ifAbsent)
		got = answerBit(tx.Rename([]byte(k), []byte(dest), ifAbsent))
		_, taken := keys[dest]
		switch {
		case !there:
			return name, got, "no key"
		case ifAbsent && taken:
			return name, got, "0"
		}
		delete(keys, k)
		keys[dest] = old
		return name, got, "1"
	}
	return r.acrossOp(tx, db, k, dest)
}

func (r *rig) setOp(tx *Tx, db uint32, k string) (name, got, want string) {
	v := modelKey{value: fmt.Sprint(r.rand.IntN(1000))}
	switch r.rand.IntN(4) {
	case 0:
		v.deadline = r.model.now + 1 + r.rand.Int64N(50)
	case 1:
		if id := r.leaseID(); tx.HasLease(id) {
			v.lease = id
		}
	}
	if v.lease != 0 && r.model.leases[v.lease].deadline == 0 {
		return fmt.Sprintf("lease %d", v.lease), "there", "gone"
	}
	r.model.dbs[db][k] = v
	tx.Put([]byte(k), mvcc.Attr{Type: mvcc.String, Deadline: v.deadline, Lease: v.lease}, []byte(v.value))
	return fmt.Sprintf("%d> set %s %+v", db, k, v), "", ""
}

func (r *rig) expireOp(tx *Tx, db uint32, k string) (name, got, want string) {
	when, deadline := ExpireIf(r.rand.IntN(16)), r.soon()
	if r.rand.IntN(2) == 0 {
		when = 0
	}
	name = fmt.Sprintf("%d> expire %s %d if=%d", db, k, deadline, when)
	got = bit(tx.Expire([]byte(k), deadline, when))
	old, there := r.model.dbs[db][k]
	if !there {
		return name, got, "0"
	}
	end := r.model.end(old)
	if when&IfNoDeadline != 0 && end != 0 || when&IfDeadline != 0 && end == 0 ||
		when&IfLater != 0 && (end == 0 || deadline <= end) || when&IfEarlier != 0 && end != 0 && deadline >= end {
		return name, got, "0"
	}
	if r.model.dbs[db][k] = (modelKey{value: old.value, deadline: deadline}); deadline <= r.model.now {
		delete(r.model.dbs[db], k)
	}
	return name, got, "1"
}

// acrossOp is one of the operations between databases.
func (r *rig) acrossOp(tx *Tx, db uint32, k, dest string) (name, got, want string) {
	m, to := r.model, r.db()
	old, there := m.dbs[db][k]
	switch r.rand.IntN(4) {
	case 0:
		name = fmt.Sprintf("%d> move %s %d", db, k, to)
		got = answerBit(tx.Move([]byte(k), to))
		_, taken := m.dbs[to][k]
		switch {
		case db == to:
			return name, got, "same key"
		case !there || taken:
			return name, got, "0"
		}
		delete(m.dbs[db], k)
		m.dbs[to][k] = old
		return name, got, "1"
	case 1:
		replace := r.rand.IntN(2) == 0
		name = fmt.Sprintf("%d> copy %s %d:%s replace=%v", db, k, to, dest, replace)
		got = answerBit(tx.Copy([]byte(k), to, []byte(dest), replace))
		_, taken := m.dbs[to][dest]
		switch {
		case db == to && k == dest:
			return name, got, "same key"
		case !there || taken && !replace:
			return name, got, "0"
		}
		m.dbs[to][dest] = old
		return name, got, "1"
	case 2:
		if err := tx.Swap(db, to); err != nil {
			return "swap", err.Error(), ""
		}
		m.dbs[db], m.dbs[to] = m.dbs[to], m.dbs[db]
		return fmt.Sprintf("swap %d %d", db, to), "", ""
	}
	if r.rand.IntN(4) == 0 {
		for i := range m.dbs {
			clear(m.dbs[i])
		}
		tx.FlushAll()
		return "flushall", "", ""
	}
	clear(m.dbs[db])
	tx.Flush()
	return fmt.Sprintf("%d> flush", db), "", ""
}

func (r *rig) leaseOp(tx *Tx) (name, got, want string) {
	m, db, k, id := r.model, r.db(), r.key(), r.leaseID()
	tx.Select(db)
	l, granted := m.leases[id]
	old, there := m.dbs[db][k]
	none := func(yes string) string {
		if !granted {
			return "no lease"
		}
		return yes
	}
	switch r.rand.IntN(6) {
	case 0, 1:
		ttl := 1 + r.rand.Int64N(80)
		_, err := tx.Grant(id, ttl)
		if granted {
			return fmt.Sprintf("grant %d", id), word(err), "lease exists"
		}
		m.leases[id] = modelLease{ttl, m.now + ttl}
		return fmt.Sprintf("grant %d %d", id, ttl), word(err), ""
	case 2:
		ttl, err := tx.KeepAlive(id)
		if granted {
			m.leases[id] = modelLease{l.ttl, m.now + l.ttl}
		}
		return fmt.Sprintf("keepalive %d", id), answer(int(ttl), err), none(fmt.Sprint(l.ttl))
	case 3:
		keys, err := tx.Revoke(id)
		return fmt.Sprintf("revoke %d", id), answer(keys, err), none(fmt.Sprint(m.revoke(id)))
	case 4:
		done, err := tx.Attach(id, []byte(k))
		attach := there && granted && old.lease != id
		if attach {
			m.dbs[db][k] = modelKey{value: old.value, lease: id}
		}
		return fmt.Sprintf("%d> attach %d %s", db, id, k), answerBit(done, err), none(bit(attach))
	}
	if old.lease != 0 {
		m.dbs[db][k] = modelKey{value: old.value}
	}
	return fmt.Sprintf("%d> detach %s", db, k), bit(tx.Detach([]byte(k))), bit(old.lease != 0)
}

// request runs some operations, some of them rolled back, in one transaction.
func (r *rig) request(b *mvcc.Batch) {
	before := r.model.clone()
	tx := r.space.Begin(b, r.model.now, r.rand.Uint64())
	for range 1 + r.rand.IntN(5) {
		mark, saved := tx.Mark(), r.model.clone()
		for range 1 + r.rand.IntN(3) {
			op := r.keyOp
			if r.rand.IntN(3) == 0 {
				op = r.leaseOp
			}
			name, got, want := op(tx)
			if r.log = append(r.log, fmt.Sprintf("at %d: %s = %s", r.model.now, name, got)); got != want {
				r.fail("%s = %q, want %q", name, got, want)
			}
			if r.rand.IntN(4) == 0 {
				r.checkViews(func(db uint32) View { tx.Select(db); return tx.View() })
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
	r.log = append(r.log, "commit")
}

// checkViews compares everything that can be read now.
func (r *rig) checkViews(of func(db uint32) View) {
	r.t.Helper()
	m := r.model
	attached := map[uint64][]string{}
	for db := range uint32(modelDatabases) {
		v := of(db)
		var keys []string
		for _, key := range v.Keys([]byte("*")) {
			keys = append(keys, string(key))
		}
		want := slices.Sorted(maps.Keys(m.dbs[db]))
		if !slices.Equal(keys, want) {
			r.fail("database %d holds %q, want %q", db, keys, want)
		}
		if v.Len() != len(want) {
			r.fail("database %d has %d keys, want %d", db, v.Len(), len(want))
		}
		if key, ok := v.Random(); ok != (len(want) > 0) || ok && !slices.Contains(want, string(key)) {
			r.fail("random key of database %d is %q of %q", db, key, want)
		}
		for _, k := range want {
			it, _ := v.Lookup([]byte(k))
			if mk := m.dbs[db][k]; string(v.Value(it)) != mk.value || v.Deadline(it) != m.end(mk) || it.Lease != mk.lease {
				r.fail("%d> %s is %q until %d of lease %d, want %+v", db, k, it.Value, v.Deadline(it), it.Lease, mk)
			}
			if id := m.dbs[db][k].lease; id != 0 {
				attached[id] = append(attached[id], fmt.Sprint(db, k))
			}
		}
		if v.Need() != 0 {
			r.fail("the view of database %d needs %b", db, v.Need())
		}
	}
	r.checkLeases(of(0), attached)
}

func (r *rig) checkLeases(v View, attached map[uint64][]string) {
	r.t.Helper()
	m := r.model
	if got, want := v.Leases(), slices.Sorted(maps.Keys(m.leases)); !slices.Equal(got, want) {
		r.fail("leases are %d, want %d", got, want)
	}
	for id, l := range m.leases {
		if left, ttl, err := v.Lease(id); left != max(l.deadline-m.now, 0) || ttl != l.ttl || err != nil {
			r.fail("lease %d has %d of %d (%v), want %d of %d", id, left, ttl, err, l.deadline-m.now, l.ttl)
		}
		var keys []string
		for _, k := range v.LeaseKeys(id) {
			keys = append(keys, fmt.Sprint(k.DB, string(k.Key)))
		}
		if !slices.Equal(keys, attached[id]) {
			r.fail("lease %d has the keys %q, want %q", id, keys, attached[id])
		}
	}
}

// expireDue does the leader's chores until there are none.
func (r *rig) expireDue(b *mvcc.Batch) {
	for {
		due, leases := r.space.Due(r.model.now, 3), r.space.DueLeases(r.model.now, 2)
		if len(due)+len(leases) == 0 {
			return
		}
		tx := r.space.Begin(b, r.model.now, 0)
		for _, d := range due {
			tx.Select(d.DB)
			for _, key := range d.Keys {
				if _, ok := r.model.dbs[d.DB][string(key)]; ok {
					r.fail("%d> %s is said to be due", d.DB, key)
				}
				tx.Lookup(key)
			}
		}
		for _, id := range leases {
			tx.RevokeDue(id)
			r.model.revoke(id)
		}
		tx.Commit()
	}
}

// checkReopened compares the deadlines that grew with those a start would find.
func (r *rig) checkReopened() {
	r.t.Helper()
	fresh := Open(r.store)
	if got, want := dump(r.space), dump(fresh); got != want {
		r.fail("deadlines in memory\n%s\nfrom the store\n%s", got, want)
	}
}

func dump(s *Space) string {
	var b strings.Builder
	for _, ks := range slices.Sorted(maps.Keys(s.due.queues)) {
		s.due.queues[ks].Due(1<<62, func(deadline int64, ref mvcc.Ref) bool {
			fmt.Fprintf(&b, "%d: %d %d\n", ks, deadline, ref)
			return true
		})
	}
	for _, id := range s.Leases.IDs() {
		fmt.Fprintf(&b, "%+v %d\n", *s.Leases.Lookup(id), s.Leases.Refs(id))
	}
	return b.String()
}

func TestModel(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		r := newRig(t, seed)
		past := map[uint64]*model{}
		for i := range 60 {
			b := r.store.Begin()
			r.store.Lock()
			for range 1 + r.rand.IntN(4) {
				if r.rand.IntN(2) == 0 {
					r.model.at(r.model.now + r.rand.Int64N(25))
				}
				r.request(b)
			}
			quiet := r.rand.IntN(3) == 0
			if quiet {
				r.expireDue(b)
			}
			r.store.Unlock()
			if err := b.Commit(uint64(i + 1)); err != nil {
				t.Fatal(err)
			}
			now := r.model.now
			r.checkViews(func(db uint32) View { return r.space.View(db, now, now, true) })
			r.store.RLock()
			r.checkViews(func(db uint32) View {
				v := r.space.View(db, now, now, true)
				v.Pauses = true
				return v
			})
			r.store.RUnlock()
			r.checkReopened()
			if quiet {
				past[r.store.Revision()] = r.model.clone()
			}
		}
		r.checkPast(past)
		r.restart()
		now := r.model.now
		r.checkViews(func(db uint32) View { return r.space.View(db, now, now, true) })
		r.checkPast(past)
	}
}

// restart closes the store and opens it from what it wrote.
func (r *rig) restart() {
	r.t.Helper()
	if err := r.store.Close(); err != nil {
		r.fail("close: %v", err)
	}
	store, err := mvcc.Open(mvcc.Options{Dir: "db", FS: r.fs, HeapMemory: true})
	if err != nil {
		r.fail("open again: %v", err)
	}
	r.store, r.space = store, Open(store)
	r.space.Databases = modelDatabases
}

// checkPast: a view of a revision after which nothing was due shows what was there then.
func (r *rig) checkPast(past map[uint64]*model) {
	r.t.Helper()
	for _, rev := range slices.Sorted(maps.Keys(past)) {
		for db := range uint32(modelDatabases) {
			v, err := r.space.At(db, rev)
			if err != nil {
				r.fail("at %d: %v", rev, err)
			}
			var keys []string
			for _, key := range v.Keys([]byte("*")) {
				keys = append(keys, string(key))
			}
			want := slices.Sorted(maps.Keys(past[rev].dbs[db]))
			if !slices.Equal(keys, want) || v.Len() != len(want) {
				r.fail("at %d: database %d held %q, want %q", rev, db, keys, want)
			}
		}
	}
}
