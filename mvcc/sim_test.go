package mvcc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

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
	m.o.chunkRecords = [...]int{chunkRecords, 1, 2, 3, 5, 9}[m.rnd.IntN(6)]
	m.o.chunkLeast = 1 + m.rnd.IntN(4)
	m.o.lingerMin, m.o.chunkMin = 1+m.rnd.IntN(300), 1+m.rnd.IntN(100)
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
	if seed%4 == 0 {
		m.checkView(tx.View(), m.now)
	}
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
	case n < 45 && live && old.attr.Type.HasElements() && rnd.IntN(8) > 0:
		for range 1 + rnd.IntN(6) {
			m.elementOp(tx, rnd, ks, key)
		}
	case n < 15:
		a.Type = List + Type(rnd.IntN(5))
		tx.Make(ks, []byte(key), a)
		m.now.put(ks, key, a, "", rev)
		for range rnd.IntN(10) {
			m.elementOp(tx, rnd, ks, key)
		}
	case n < 45:
		v := simValue(rnd)
		_, it, _ := tx.ByRef(tx.Put(ks, []byte(key), a, v))
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
		a.Type = old.attr.Type
		tx.SetAttr(ks, []byte(key), a)
		m.now.put(ks, key, a, old.value, rev)
	case n < 90 && live:
		to, dest := tx.Keyspace(uint32(rnd.IntN(3))), simKeys[rnd.IntN(len(simKeys))]
		if to == ks && dest == key {
			return
		}
		a.Type = old.attr.Type
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

func TestStoreAgainstModel(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 6
	}
	if n, err := strconv.Atoi(os.Getenv("REDOUBT_SIM_SEEDS")); err == nil {
		rounds = n // a long search
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			m := newSim(t, seed)
			for range 12 {
				m.grow(20 + m.rnd.IntN(60))
				m.checkPast()
				m.checkRows()
				m.disturb()
				m.checkPast()
				m.checkRows()
			}
		})
	}
}

// disturb closes, crashes, restores, compacts or makes the store an old one.
func (m *sim) disturb() {
	switch m.rnd.IntN(7) {
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
	case 5:
		m.age()
	case 6:
		m.part()
	}
}

// age turns the store into one of the format that had no chunks.
func (m *sim) age() {
	b := m.s.db.NewBatch()
	scanRows(m.t, m.s, 'c', func(first Revision, row []byte) {
		b.SingleDelete(appendRowKey(nil, 'c', first), nil)
		for r := readChunk(first, row); ; {
			record, ok := r.next()
			if !ok {
				break
			}
			if c, i := m.s.chunks.find(r.rev); c.dead>>i&1 == 0 {
				b.Set(appendRowKey(nil, 'r', r.rev), record, nil)
			}
		}
	})
	b.Set([]byte("m"+metaFormat), []byte{1}, nil)
	if err := errors.Join(b.Commit(pebble.NoSync), b.Close(), m.s.Close()); err != nil {
		m.t.Fatal(err)
	}
	m.open()
	if got := m.s.meta[metaFormat]; !bytes.Equal(got, []byte{diskFormat}) {
		m.t.Fatalf("format %v after opening an old store", got)
	}
}

// part checks a snapshot as of an earlier revision.
func (m *sim) part() {
	sn, err := m.s.Snapshot()
	if err != nil {
		m.t.Fatal(err)
	}
	defer sn.Close()
	main := m.s.Revision() - m.rnd.Uint64N(m.s.Revision()-m.s.Compacted()+1)
	var stream bytes.Buffer
	if err := sn.WriteAt(main, &stream, nil); err != nil {
		m.t.Fatal(err)
	}
	o := m.o
	o.FS = vfs.NewMem()
	if err := Restore(o, &stream, nil); err != nil {
		m.t.Fatal(err)
	}
	s, err := Open(o)
	if err != nil {
		m.t.Fatal(err)
	}
	whole, states := m.s, m.states
	defer func() { m.s, m.states = whole, states; s.Close() }()
	m.s, m.states = s, m.states[:main+1]
	for at := s.Compacted(); at <= main; at++ {
		v, err := s.At(at)
		if err != nil {
			m.t.Fatal(err)
		}
		m.checkView(v, m.states[at])
	}
	m.checkRows()
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
	if err := Restore(Options{Dir: m.o.Dir, FS: m.fs}, &stream, nil); err != nil {
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
	m.checkOwned()
	if err := m.s.Flush(); err != nil { // the log does not have this compaction
		m.t.Fatal(err)
	}
}
