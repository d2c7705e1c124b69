package mvcc

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The model keeps everything as full copies: one state after each main revision.

type modelVersion struct {
	attr        Attr
	value       string
	create, mod Revision
	version     uint64
	dead        bool
}

type modelState struct {
	bound map[uint32]Keyspace
	keys  map[Keyspace]map[string][]modelVersion // every version there ever was, oldest first
	made  uint32
}

func (m *modelState) clone() *modelState {
	c := &modelState{maps.Clone(m.bound), map[Keyspace]map[string][]modelVersion{}, m.made}
	for ks, keys := range m.keys {
		c.keys[ks] = map[string][]modelVersion{}
		for k, list := range keys {
			c.keys[ks][k] = slices.Clip(list)
		}
	}
	return c
}

func (m *modelState) keyspace(db uint32) Keyspace {
	if ks := m.bound[db]; ks != 0 {
		return ks
	}
	return Keyspace(db + 1)
}

func (m *modelState) get(ks Keyspace, key string) (v modelVersion, ok bool) {
	if list := m.keys[ks][key]; len(list) > 0 && !list[len(list)-1].dead {
		return list[len(list)-1], true
	}
	return v, false
}

func (m *modelState) live(ks Keyspace) []string {
	var out []string
	for k := range m.keys[ks] {
		if _, ok := m.get(ks, k); ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func (m *modelState) add(ks Keyspace, key string, v modelVersion) {
	if m.keys[ks] == nil {
		m.keys[ks] = map[string][]modelVersion{}
	}
	m.keys[ks][key] = append(m.keys[ks][key], v)
}

func (m *modelState) put(ks Keyspace, key string, a Attr, value string, rev Revision) {
	v := modelVersion{attr: a, value: value, create: rev, mod: rev, version: 1}
	if old, ok := m.get(ks, key); ok {
		v.create, v.version = old.create, old.version+1
	}
	m.add(ks, key, v)
}

// sim drives a store and the model through requests made from seeds, so that a request can be applied again
// after a crash.
type sim struct {
	t       *testing.T
	o       Options
	fs      *vfs.MemFS
	s       *Store
	log     []uint64 // seed of the request with index i+1
	now     *modelState
	states  []*modelState // by main revision
	mains   []uint64      // main revision after the request with index i
	hashes  map[uint64]uint64
	chains  map[uint64]uint64
	rnd     *rand.Rand
	replays bool // requests are not new to the model
}

func newSim(t *testing.T, seed uint64) *sim {
	m := &sim{
		t: t, fs: vfs.NewCrashableMem(), rnd: rand.New(rand.NewPCG(seed, 1)),
		now:   &modelState{map[uint32]Keyspace{}, map[Keyspace]map[string][]modelVersion{}, 0},
		mains: []uint64{0}, hashes: map[uint64]uint64{}, chains: map[uint64]uint64{},
	}
	m.states = []*modelState{m.now.clone()}
	m.o = Options{Dir: "store", FS: m.fs, Seed: seed, MemTableBytes: 1 << 20, HeapMemory: seed%2 == 0}
	m.open()
	t.Cleanup(func() { m.s.Close() })
	return m
}

func (m *sim) open() {
	m.t.Helper()
	if m.rnd.IntN(2) == 0 {
		m.o.MaxMemory = 0
	} else {
		m.o.MaxMemory = 1 // everything cold
	}
	m.o.FS = m.fs
	s, err := Open(m.o)
	if err != nil {
		m.t.Fatal(err)
	}
	m.s = s
}

// grow applies n new requests, in batches of random size.
func (m *sim) grow(n int) {
	for range n {
		m.log = append(m.log, m.rnd.Uint64())
	}
	m.catchUp()
}

func (m *sim) catchUp() {
	for at := int(m.s.Applied()); at < len(m.log); {
		b := m.s.Begin()
		end := min(len(m.log), at+1+m.rnd.IntN(8))
		m.s.Lock()
		for ; at < end; at++ {
			m.replays = at+1 < len(m.mains)
			main := m.request(b.Tx(), m.log[at])
			if !m.replays {
				m.mains = append(m.mains, main)
			}
			if main != m.mains[at+1] {
				m.t.Fatalf("request %d ended at revision %d, want %d", at+1, main, m.mains[at+1])
			}
			if was, ok := m.chains[uint64(at+1)]; ok && was != m.s.chain {
				m.t.Fatalf("request %d has chain hash %x, had %x", at+1, m.s.chain, was)
			}
			m.chains[uint64(at+1)] = m.s.chain
		}
		m.s.Unlock()
		b.SetMeta("at", fmt.Append(nil, at))
		if err := b.Commit(uint64(at)); err != nil {
			m.t.Fatal(err)
		}
		if m.rnd.IntN(20) == 0 {
			m.s.Lock()
			m.s.Cool(1<<20, 1+m.rnd.IntN(30))
			m.s.Unlock()
		}
	}
	if got := m.s.Meta("at"); len(m.log) > 0 && string(got) != fmt.Sprint(len(m.log)) {
		m.t.Fatalf("meta says %q, want %d", got, len(m.log))
	}
}

func (m *sim) request(tx *Tx, seed uint64) uint64 {
	rnd := rand.New(rand.NewPCG(seed, 7))
	switch rnd.IntN(40) {
	case 0:
		if back := uint64(rnd.IntN(30)); back < m.s.current {
			tx.Compact(m.s.current - back)
		}
		main, changed := tx.Commit()
		if changed {
			m.t.Fatal("compaction took a revision")
		}
		return main
	case 1, 2, 3:
		tx.CompactStep(1 + rnd.IntN(20))
		main, _ := tx.Commit()
		return main
	}
	before := m.now
	if m.replays {
		m.now = m.states[m.s.current].clone()
	} else {
		m.now = m.now.clone()
	}
	for range 1 + rnd.IntN(3) {
		mark, keep := tx.Mark(), m.now.clone()
		for range 1 + rnd.IntN(3) {
			m.op(tx, rnd)
		}
		if rnd.IntN(5) == 0 {
			tx.Rollback(mark)
			m.now = keep
		}
	}
	m.checkView(tx.View(), m.now)
	changes := len(tx.Changes())
	if rnd.IntN(10) == 0 {
		tx.Abort()
		m.now = before
		if m.replays {
			m.now = m.states[len(m.states)-1]
		}
		m.checkLens()
		return m.s.current
	}
	main, changed := tx.Commit()
	if changed != (changes > 0) {
		m.t.Fatalf("commit says changed %v after %d changes", changed, changes)
	}
	switch {
	case m.replays:
		m.now = m.states[len(m.states)-1]
	case changed:
		m.states = append(m.states, m.now)
	}
	return main
}

func (m *sim) checkLens() {
	for db := range uint32(4) {
		if v := m.s.View(); !m.replays && v.Len(v.Keyspace(db)) != len(m.now.live(m.now.keyspace(db))) {
			m.t.Fatalf("after abort database %d has %d keys", db, v.Len(v.Keyspace(db)))
		}
	}
}

var simKeys = func() (keys []string) {
	for i := range 12 {
		keys = append(keys, fmt.Sprintf("key:%d", i))
	}
	return append(keys, "", "key", "\x00", "k\xff", string(bytes.Repeat([]byte("long"), 600)))
}()

func simValue(rnd *rand.Rand) []byte {
	n := [...]int{0, 3, 8, 9, 64, 256, 257, 1000, 3000}[rnd.IntN(9)]
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func simAttr(rnd *rand.Rand) Attr {
	a := Attr{Type: String, Hint: uint8(rnd.IntN(3))}
	switch rnd.IntN(4) {
	case 0:
		a.Deadline = rnd.Int64N(1 << 41)
	case 1:
		a.Lease = 1 + rnd.Uint64N(5)
	}
	return a
}

func (m *sim) op(tx *Tx, rnd *rand.Rand) {
	db := uint32(rnd.IntN(3))
	ks := tx.Keyspace(db)
	if want := m.now.keyspace(db); ks != want {
		m.t.Fatalf("database %d has keyspace %d at %v, want %d", db, ks, tx.Revision(), want)
	}
	key := simKeys[rnd.IntN(len(simKeys))]
	rev, a := tx.Revision(), simAttr(rnd)
	old, live := m.now.get(ks, key)
	switch n := rnd.IntN(100); {
	case n < 45:
		v := simValue(rnd)
		it := tx.Put(ks, []byte(key), a, v)
		m.now.put(ks, key, a, string(v), rev)
		m.checkItem(tx.View(), it, key, must(m.now.get(ks, key)))
	case n < 65:
		if got := tx.Delete(ks, []byte(key)); got != live {
			m.t.Fatalf("delete %q at %v: %v, want %v", key, rev, got, live)
		}
		if live {
			m.now.add(ks, key, modelVersion{mod: rev, dead: true})
		}
	case n < 80 && live:
		tx.SetAttr(ks, []byte(key), a)
		m.now.put(ks, key, a, old.value, rev)
	case n < 90 && live:
		to, dest := tx.Keyspace(uint32(rnd.IntN(3))), simKeys[rnd.IntN(len(simKeys))]
		if to == ks && dest == key {
			return
		}
		tx.Move(ks, []byte(key), to, []byte(dest), a)
		m.now.add(ks, key, modelVersion{mod: rev, dead: true})
		m.now.put(to, dest, a, old.value, Revision{rev.Main, rev.Sub + 1})
	case n == 90 || n == 91:
		tx.Flush(db)
		if len(m.now.live(ks)) > 0 {
			m.now.bound[db] = Keyspace(madeFirst + m.now.made)
			m.now.made++
		}
	case n == 92 || n == 93:
		other := uint32(rnd.IntN(3))
		tx.Swap(db, other)
		if db != other {
			m.now.bound[db], m.now.bound[other] = m.now.keyspace(other), m.now.keyspace(db)
		}
	case n < 97:
		tx.PutLease(uint64(n), []byte{byte(n)})
	}
}

func must(v modelVersion, ok bool) modelVersion {
	if !ok {
		panic("the model has lost a key")
	}
	return v
}

func (m *sim) checkItem(v View, it Item, key string, want modelVersion) {
	m.t.Helper()
	value, err := v.Load(it)
	if err != nil {
		m.t.Fatalf("load %q at %v: %v", key, it.Mod, err)
	}
	got := modelVersion{it.Attr, string(value), it.Create, it.Mod, it.Version, false}
	if got != want || string(it.Key) != key || it.Len != len(want.value) {
		m.t.Fatalf("revision %d, key %.20q: got %.20q %+.60v\nwant %+.60v", v.Revision(), key, it.Key, got, want)
	}
}

// checkView compares all that a view shows with a state of the model.
func (m *sim) checkView(v View, want *modelState) {
	m.t.Helper()
	for db := range uint32(4) {
		ks := v.Keyspace(db)
		if ks != want.keyspace(db) {
			m.t.Fatalf("revision %d: database %d has keyspace %d, want %d", v.Revision(), db, ks, want.keyspace(db))
		}
		keys := want.live(ks)
		if got := v.Len(ks); got != len(keys) {
			m.t.Fatalf("revision %d: database %d has %d keys, want %d", v.Revision(), db, got, len(keys))
		}
		for _, key := range simKeys {
			it, ok := v.Lookup(ks, []byte(key))
			if w, live := want.get(ks, key); ok != live {
				m.t.Fatalf("revision %d: key %q of %d is there: %v", v.Revision(), key, ks, ok)
			} else if ok {
				m.checkItem(v, it, key, w)
			}
		}
		from := simKeys[m.rnd.IntN(len(simKeys))]
		var got []string
		v.Ascend(ks, []byte(from), func(it Item) bool { got = append(got, string(it.Key)); return true })
		start, _ := slices.BinarySearch(keys, from)
		if !slices.Equal(got, keys[start:]) {
			m.t.Fatalf("revision %d: ascend from %q gives %q, want %q", v.Revision(), from, got, keys[start:])
		}
		m.checkScan(v, ks, keys)
		it, ok := v.Random(ks, m.rnd.Uint64())
		if _, found := slices.BinarySearch(keys, string(it.Key)); ok != (len(keys) > 0) || ok && !found {
			m.t.Fatalf("revision %d: random key %q, %v of %q", v.Revision(), it.Key, ok, keys)
		}
	}
}

func (m *sim) checkScan(v View, ks Keyspace, keys []string) {
	m.t.Helper()
	var got []string
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		cursor = v.Scan(ks, cursor, 1+m.rnd.IntN(5), func(it Item) { got = append(got, string(it.Key)) })
	}
	slices.Sort(got)
	if !slices.Equal(got, keys) {
		m.t.Fatalf("revision %d: scan gives %q, want %q", v.Revision(), got, keys)
	}
}

// checkPast compares every revision that can be read, and the histories.
func (m *sim) checkPast() {
	m.t.Helper()
	m.s.RLock()
	defer m.s.RUnlock()
	compacted, current := m.s.Compacted(), m.s.Revision()
	if want := uint64(len(m.states) - 1); current != want {
		m.t.Fatalf("revision %d, want %d", current, want)
	}
	for _, far := range []uint64{compacted - 1, current + 1} {
		if _, err := m.s.At(far); err == nil && far != compacted-1 || err == nil && compacted > 0 {
			m.t.Fatalf("revision %d of %d..%d can be read", far, compacted, current)
		}
	}
	for main := compacted; main <= current; main++ {
		v, err := m.s.At(main)
		if err != nil {
			m.t.Fatalf("at %d: %v", main, err)
		}
		m.checkView(v, m.states[main])
		sum := contentHash(m.t, m.s, main, 1+m.rnd.IntN(20))
		if was, ok := m.hashes[main]; ok && was != sum {
			m.t.Fatalf("revision %d has content hash %x, had %x", main, sum, was)
		}
		m.hashes[main] = sum
	}
	m.checkHistories(compacted, current)
}

func (m *sim) checkHistories(compacted, current uint64) {
	for _, key := range simKeys {
		ks := m.now.keyspace(uint32(m.rnd.IntN(3)))
		from, to := compacted+1+m.rnd.Uint64N(10), current-m.rnd.Uint64N(min(current, 10)+1)
		var want []modelVersion
		for _, v := range m.now.keys[ks][key] {
			if v.mod.Main >= from && v.mod.Main <= to {
				want = append(want, v)
			}
		}
		newest := m.rnd.IntN(2) == 0
		if newest {
			slices.Reverse(want)
		}
		i := 0
		m.s.View().History(ks, []byte(key), from, to, newest, func(v Version) bool {
			if i == len(want) || v.Tombstone != want[i].dead || v.Mod != want[i].mod {
				m.t.Fatalf("history of %q, %d..%d: version %d is %v %v", key, from, to, i, v.Mod, v.Tombstone)
			}
			if !v.Tombstone {
				m.checkItem(m.s.View(), v.Item, key, want[i])
			}
			i++
			return true
		})
		if i != len(want) {
			m.t.Fatalf("history of %q, %d..%d has %d versions, want %d", key, from, to, i, len(want))
		}
	}
}

func contentHash(t *testing.T, s *Store, main uint64, step int) uint64 {
	t.Helper()
	h, err := s.Hasher(main)
	if err != nil {
		t.Fatal(err)
	}
	for {
		done, err := h.Step(step)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return h.Sum()
		}
	}
}

func TestStoreAgainstModel(t *testing.T) {
	rounds := 24
	if testing.Short() {
		rounds = 6
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			m := newSim(t, seed)
			for range 12 {
				m.grow(20 + m.rnd.IntN(60))
				m.checkPast()
				m.disturb()
				m.checkPast()
			}
		})
	}
}

// disturb closes, crashes, restores or compacts.
func (m *sim) disturb() {
	switch m.rnd.IntN(5) {
	case 0:
		if err := m.s.Close(); err != nil {
			m.t.Fatal(err)
		}
		m.open()
		if got := m.s.Applied(); got != uint64(len(m.log)) {
			m.t.Fatalf("applied %d after close, want %d", got, len(m.log))
		}
	case 1, 2:
		m.crash()
	case 3:
		m.restore()
	case 4:
		m.compactAll()
	}
}

// crash keeps what was synced, and part of the rest, and applies the log again from where the store ends.
func (m *sim) crash() {
	if m.rnd.IntN(2) == 0 {
		if err := m.s.Flush(); err != nil {
			m.t.Fatal(err)
		}
		m.grow(m.rnd.IntN(20))
	}
	clone := m.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: m.rnd.IntN(100), RNG: rand.New(rand.NewPCG(m.rnd.Uint64(), 3)),
	})
	if err := m.s.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.fs = clone
	m.open()
	if got, want := m.s.Revision(), m.mains[m.s.Applied()]; got != want {
		m.t.Fatalf("revision %d at applied %d after a crash, want %d", got, m.s.Applied(), want)
	}
	m.catchUp()
}

func (m *sim) restore() {
	sn, err := m.s.Snapshot()
	if err != nil {
		m.t.Fatal(err)
	}
	m.grow(m.rnd.IntN(10)) // none of it is in the snapshot
	var stream bytes.Buffer
	if err := sn.WriteTo(&stream, nil); err != nil {
		m.t.Fatal(err)
	}
	sn.Close()
	if err := m.s.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.fs = vfs.NewCrashableMem()
	if err := Restore(m.o.Dir, m.fs, &stream, nil); err != nil {
		m.t.Fatal(err)
	}
	m.open()
	m.catchUp()
}

// compactAll compacts to a revision and checks that nothing is left that could go.
func (m *sim) compactAll() {
	b := m.s.Begin()
	m.s.Lock()
	tx := b.Tx()
	tx.Compact(m.s.current - min(m.s.current, uint64(m.rnd.IntN(40))))
	for tx.CompactStep(7) == 7 {
	}
	tx.Commit()
	if n := m.s.Garbage(); n != 0 {
		m.t.Fatalf("garbage %d after compaction to %d", n, m.s.compacted)
	}
	m.s.Unlock()
	if err := b.Commit(m.s.Applied()); err != nil {
		m.t.Fatal(err)
	}
	m.checkRows()
	if err := m.s.Flush(); err != nil { // the log does not have this compaction
		m.t.Fatal(err)
	}
}

// checkRows compares the rows on disk with what the index knows of.
func (m *sim) checkRows() {
	m.t.Helper()
	s, want := m.s, map[string]bool{}
	row := func(kind byte, rev Revision) { want[string(appendRowKey(nil, kind, rev))] = true }
	for ref := s.cells.Next(0); ref != 0; ref = s.cells.Next(ref) {
		if c := s.cell(uint32(ref)); c.flags&cellUsed != 0 {
			row('r', c.mod())
			if c.live() && c.large() {
				row('v', s.valueRow(c))
			}
		}
	}
	for i := range s.pasts.len {
		p := s.past(s.pasts.at(i))
		row('r', p.from())
		if p.flags&pastOwnsRow != 0 {
			row('v', p.row())
		}
	}
	for i := range s.tombs.len {
		row('r', s.tombs.at(i).rev)
	}
	for _, list := range s.bound {
		for _, b := range list {
			row('r', b.from)
		}
	}
	it, err := s.db.NewIter(nil)
	if err != nil {
		m.t.Fatal(err)
	}
	defer it.Close()
	var stray []string
	for ok := it.First(); ok; ok = it.Next() {
		if k := it.Key(); (k[0] == 'r' || k[0] == 'v') && !want[string(k)] {
			stray = append(stray, fmt.Sprintf("%c%x", k[0], k[1:]))
		}
		delete(want, string(it.Key()))
	}
	for k := range want {
		rev, _ := rowRevision([]byte(k))
		if rev.Main >= s.compacted { // the row of an absence may be gone before it
			stray = append(stray, "missing "+rev.String())
		}
	}
	slices.SortFunc(stray, cmp.Compare[string])
	if len(stray) > 0 {
		m.t.Fatalf("rows on disk differ from the index at compacted %d: %v", s.compacted, stray)
	}
}
