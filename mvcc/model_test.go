package mvcc

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// The model keeps everything as full copies: one state after each main revision.

type modelVersion struct {
	attr        Attr
	value       string
	create, mod Revision
	row         Revision // of the key itself: mod but for the changes of elements since
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
	v := modelVersion{attr: a, value: value, create: rev, mod: rev, row: rev, version: 1}
	if old, ok := m.get(ks, key); ok {
		v.create, v.version = old.create, old.version+1
	}
	m.add(ks, key, v)
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
	length := len(want.value)
	if it.Type.HasElements() {
		value, length = m.elements(v.Collection(it), it.Type), 0
	}
	got := modelVersion{it.Attr, string(value), it.Create, it.Mod, want.row, it.Version, false}
	if got != want || string(it.Key) != key || it.Len != length {
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
		if parts := partHashes(m.t, m.s, main, uint8(m.rnd.IntN(4)), 1+m.rnd.IntN(20)); parts != sum {
			m.t.Fatalf("revision %d has content hash %x, and parts of %x", main, sum, parts)
		}
	}
	m.checkHistories(compacted, current)
}

func (m *sim) checkHistories(compacted, current uint64) {
	for _, key := range simKeys {
		ks := m.now.keyspace(uint32(m.rnd.IntN(3)))
		from, to := compacted+1+m.rnd.Uint64N(10), current-m.rnd.Uint64N(min(current, 10)+1)
		var want []modelVersion
		for _, v := range m.now.keys[ks][key] {
			if row := v.row; v.dead && v.mod.Main >= from && v.mod.Main <= to || !v.dead && row.Main >= from && row.Main <= to {
				want = append(want, v)
			}
		}
		newest := m.rnd.IntN(2) == 0
		if newest {
			slices.Reverse(want)
		}
		i := 0
		m.s.View().History(ks, []byte(key), from, to, newest, func(v Version) bool {
			if i == len(want) || v.Tombstone != want[i].dead || v.Tombstone && v.Mod != want[i].mod || !v.Tombstone && v.Mod != want[i].row {
				m.t.Fatalf("history of %q, %d..%d: version %d is %v %v", key, from, to, i, v.Mod, v.Tombstone)
			}
			if !v.Tombstone && !v.Type.HasElements() {
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

// checkRows compares the rows on disk with what the index knows of.
func (m *sim) checkRows() {
	m.t.Helper()
	s, want := m.s, map[string]bool{}
	row := func(kind byte, rev Revision) { want[string(appendRowKey(nil, kind, rev))] = true }
	may := map[string]bool{} // the row of an absence may be gone before it, and the value of what is due may be gone before a start
	value := func(due bool, rev Revision) {
		if may[string(appendRowKey(nil, 'v', rev))] = true; !due {
			row('v', rev)
		}
	}
	for ref := s.cells.Next(0); ref != 0; ref = s.cells.Next(ref) {
		if c := s.cell(uint32(ref)); c.flags&cellUsed != 0 {
			row('r', c.mod())
			if c.live() && c.large() {
				drop := s.spaces[Keyspace(c.keyspace)].drop
				value(!drop.IsZero() && drop.Main < s.compacted, s.valueRow(c))
			}
		}
	}
	for ref := s.colls.Next(0); ref != 0; ref = s.colls.Next(ref) {
		if k := s.collection(uint32(ref)); k.flags&collUsed != 0 {
			s.forest.Ascend(k.root, 0, func(e *Element) bool { row('r', Revision{e.Main, e.Sub}); return true })
			if k.flags&collBase != 0 {
				row('r', k.base())
			}
		}
	}
	for i := range s.pasts.len {
		p := s.past(s.pasts.at(i))
		if p.flags&pastElement != 0 && p.flags&pastEnds != 0 {
			row('r', Revision{p.toMain, p.toSub})
		}
		if p.flags&(pastElement|pastAbsent) == pastElement|pastAbsent {
			continue
		}
		if p.flags&pastAbsent != 0 {
			may[string(appendRowKey(nil, 'r', p.from()))] = true
			continue
		}
		row('r', p.from())
		if p.flags&(pastOwnsRow|pastHolds) == pastOwnsRow {
			value(p.toMain <= s.compacted, p.row())
		}
	}
	for i := range s.tombs.len {
		row('r', s.tombs.at(i).rev)
	}
	for _, rev := range s.stale {
		row('r', rev)
	}
	for _, list := range s.bound {
		for _, b := range list {
			row('r', b.from)
		}
	}
	var stray []string
	found := func(kind byte, rev Revision) {
		k := string(appendRowKey(nil, kind, rev))
		if !want[k] && !may[k] {
			stray = append(stray, fmt.Sprintf("%c %v", kind, rev))
		}
		delete(want, k)
	}
	for _, rev := range diskRecords(m.t, s) {
		if c, i := s.chunks.find(rev); c == nil || c.dead>>i&1 == 0 {
			found('r', rev)
		}
	}
	scanRows(m.t, s, 'v', func(rev Revision, _ []byte) { found('v', rev) })
	for k := range want {
		rev, _ := rowRevision([]byte(k))
		stray = append(stray, fmt.Sprintf("missing %c %v", k[0], rev))
	}
	slices.SortFunc(stray, cmp.Compare[string])
	if len(stray) > 0 {
		m.t.Fatalf("rows on disk differ from the index at compacted %d: %v", s.compacted, stray)
	}
}
