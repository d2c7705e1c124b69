package mvcc

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func reopen(t *testing.T, s *Store, o Options) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLeasesAndMetaSurvive(t *testing.T) {
	o := Options{Dir: "store", FS: vfs.NewMem(), Seed: 7}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	b := s.Begin()
	s.Lock()
	tx := b.Tx()
	for _, id := range []uint64{300, 2, 1 << 40} {
		tx.PutLease(id, fmt.Append(nil, "lease ", id))
	}
	mark := tx.Mark()
	tx.PutLease(9, []byte("rolled back"))
	tx.DeleteLease(2)
	tx.Rollback(mark)
	if main, changed := tx.Commit(); changed || main != 0 {
		t.Errorf("leases alone took revision %d", main)
	}
	tx = b.Tx()
	tx.DeleteLease(300)
	tx.Commit()
	s.Unlock()
	b.SetMeta("receipts", []byte("r1"))
	if got := s.Meta("receipts"); got != nil {
		t.Errorf("meta %q before the commit", got)
	}
	if err := b.Commit(4); err != nil {
		t.Fatal(err)
	}
	chain := s.ChainHash()
	o.Seed = 8 // the store keeps its own
	s = reopen(t, s, o)
	defer s.Close()
	var got []string
	s.Leases(func(id uint64, row []byte) bool { got = append(got, fmt.Sprintf("%d %s", id, row)); return true })
	if want := []string{"2 lease 2", "1099511627776 lease 1099511627776"}; !slices.Equal(got, want) {
		t.Errorf("leases %q, want %q", got, want)
	}
	if string(s.Meta("receipts")) != "r1" || s.Applied() != 4 || s.ChainHash() != chain || s.seed != 7 {
		t.Errorf("after reopen: receipts %q, applied %d, chain %x, seed %d", s.Meta("receipts"), s.Applied(), s.ChainHash(), s.seed)
	}
}

func TestOpenRefuses(t *testing.T) {
	o := Options{Dir: "store", FS: vfs.NewMem()}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); err == nil {
		t.Error("a directory in use was opened")
	}
	db := s.db
	if err := db.Set([]byte("m"+metaFormat), []byte{diskFormat + 1}, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(o); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("a newer directory gives %v", err)
	}

	o.FS = vfs.NewMem()
	foreign, err := openEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Set([]byte("key"), []byte("value"), pebble.NoSync)
	if err := errors.Join(foreign.Flush(), foreign.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, ErrNotStore) {
		t.Errorf("a foreign directory gives %v", err)
	}
	if err := Restore(Options{Dir: "store", FS: o.FS}, strings.NewReader(""), nil); !errors.Is(err, ErrNotStore) {
		t.Errorf("a restore over another store gives %v", err)
	}
}

func TestOpenRefusesDamagedRecord(t *testing.T) {
	for name, damage := range map[string]func(s *Store) error{
		"above the revision": func(s *Store) error {
			return s.db.Set(appendRowKey(nil, 'r', Revision{99, 0}), appendTombstone(nil, 1, []byte("k"), false), pebble.NoSync)
		},
		"no record": func(s *Store) error {
			return s.db.Set(appendRowKey(nil, 'r', Revision{1, 0}), []byte{1, 2}, pebble.NoSync)
		},
		"short key": func(s *Store) error { return s.db.Set([]byte("r1"), nil, pebble.NoSync) },
	} {
		o := Options{Dir: "store", FS: vfs.NewMem()}
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		apply(t, s, put("k", "v"))
		if err := errors.Join(damage(s), s.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o); !errors.Is(err, errRecord) {
			t.Errorf("%s: open gives %v", name, err)
		}
	}
}

func TestSnapshotRefusesDamage(t *testing.T) {
	s := newStore(t)
	apply(t, s, put("a", strings.Repeat("x", 5000)))
	apply(t, s, put("b", "y"))
	sn, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer sn.Close()
	var whole bytes.Buffer
	if err := sn.WriteTo(&whole, nil); err != nil {
		t.Fatal(err)
	}
	restore := func(stream []byte, stop chan struct{}) error {
		return Restore(Options{Dir: "r", FS: vfs.NewMem()}, bytes.NewReader(stream), stop)
	}
	for _, cut := range []int{0, 5, len(snapshotMagic), whole.Len() / 2, whole.Len() - 9, whole.Len() - 1} {
		if err := restore(whole.Bytes()[:cut], nil); !errors.Is(err, ErrSnapshot) {
			t.Errorf("%d of %d bytes give %v", cut, whole.Len(), err)
		}
	}
	for at := 0; at < whole.Len(); at += 1 + whole.Len()/50 {
		bad := bytes.Clone(whole.Bytes())
		bad[at] ^= 0x10
		if err := restore(bad, nil); !errors.Is(err, ErrSnapshot) {
			t.Errorf("a bit turned at %d of %d gives %v", at, whole.Len(), err)
		}
	}
	stop := make(chan struct{})
	close(stop)
	if err := restore(whole.Bytes(), stop); !errors.Is(err, ErrStopped) {
		t.Errorf("a stopped restore gives %v", err)
	}
	behind := bytes.NewReader(append(bytes.Clone(whole.Bytes()), "more"...))
	if err := Restore(Options{Dir: "r", FS: vfs.NewMem()}, behind, nil); err != nil || behind.Len() != 4 {
		t.Errorf("restore gives %v and leaves %d bytes, want the 4 behind the snapshot", err, behind.Len())
	}
}

// Values go to disk and come back; what was used lately stays, and so does what only memory has.
func TestCoolAndWarm(t *testing.T) {
	s := newStore(t)
	sizes := map[string]int{"counter": 8, "small": 64, "inline": 256, "large": 257, "huge": 100_000}
	value := func(n int) string { return strings.Repeat("v", n) }
	b := s.Begin()
	s.Lock()
	tx := b.Tx()
	refs := map[string]Ref{}
	for _, key := range []string{"counter", "small", "inline", "large", "huge"} {
		refs[key] = tx.Put(1, []byte(key), Attr{Type: String}, []byte(value(sizes[key])))
	}
	tx.Commit()
	if freed := s.Cool(1<<40, 100); freed != 0 {
		t.Errorf("%d bytes were cooled that no disk has", freed)
	}
	s.Unlock()
	if err := b.Commit(1); err != nil {
		t.Fatal(err)
	}
	s.Access(refs["small"], 5)
	s.Lock()
	before := s.values.Stats().Used
	freed := s.Cool(1<<40, 6)
	if got := before - s.values.Stats().Used; got != freed || freed < 100_000 {
		t.Errorf("cooled %d bytes, values shrank by %d", freed, got)
	}
	s.Unlock()
	for key, n := range sizes {
		it, ok := s.View().Lookup(1, []byte(key))
		if cold := key != "counter" && key != "small"; !ok || it.Cold != cold || it.Len != n {
			t.Errorf("%s: found %v, cold %v, length %d", key, ok, it.Cold, it.Len)
		}
		got, err := s.View().Load(it)
		if err != nil || string(got) != value(n) {
			t.Errorf("%s: loaded %d bytes, %v", key, len(got), err)
		}
		if warmed := s.Warm(it.Ref, it.Mod, got); warmed != it.Cold {
			t.Errorf("%s: warmed %v", key, warmed)
		}
		if again, _ := s.View().Lookup(1, []byte(key)); again.Cold || string(again.Value) != value(n) || again.row != it.row {
			t.Errorf("%s: not as it was after warming", key)
		}
	}
	if got := s.Accessed(refs["small"]); got != 5 {
		t.Errorf("accessed at %d, want 5", got)
	}
	apply(t, s, put("small", "other"))
	if s.Warm(refs["small"], Revision{1, 1}, []byte(value(64))) {
		t.Error("warmed a value that was overwritten")
	}
}

// A handle that outlived its key is harmless.
func TestStaleRef(t *testing.T) {
	s := newStore(t)
	var refs []Ref
	apply(t, s, func(tx *Tx) {
		for i := range 30_000 { // three chunks of cells
			refs = append(refs, tx.Put(1, fmt.Append(nil, "key", i), Attr{Type: String}, nil))
		}
	})
	apply(t, s, func(tx *Tx) {
		for i := range 30_000 {
			tx.Delete(1, fmt.Append(nil, "key", i))
		}
	})
	if _, _, ok := s.ByRef(refs[5]); ok {
		t.Error("a deleted key is found by its handle")
	}
	apply(t, s, put("k", "v"))
	compact(t, s, 3)
	for _, ref := range append(refs, 0, 1, 1<<32-1) {
		s.Access(ref, 1)
		if _, it, ok := s.ByRef(ref); ok && string(it.Key) != "k" {
			t.Fatalf("handle %d shows key %q", ref, it.Key)
		}
	}
}

// A bind row stays until the keyspace it dropped is gone, also when it is superseded before.
func TestDropSurvivesRestartBetweenSteps(t *testing.T) {
	o := Options{Dir: "store", FS: vfs.NewMem(), chunkRecords: 1, chunkLeast: 1} // a restart forgets what is freed of a chunk
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, func(tx *Tx) {
		for i := range 40 {
			put(fmt.Sprint("k", i), "v")(tx)
		}
		tx.Flush(0)
		tx.Put(tx.Keyspace(0), []byte("between"), Attr{Type: String}, nil)
		tx.Flush(0)
	})
	apply(t, s, func(tx *Tx) { tx.Put(tx.Keyspace(0), []byte("last"), Attr{Type: String}, nil) })
	apply(t, s, func(tx *Tx) { tx.Compact(1); tx.CompactStep(1000) }) // binds are due, drops are not
	apply(t, s, func(tx *Tx) { tx.Compact(2) })
	for restarts := 0; s.Garbage() > 0; restarts++ {
		if restarts > 20 {
			t.Fatalf("garbage %d is left after %d restarts", s.Garbage(), restarts)
		}
		apply(t, s, func(tx *Tx) { tx.CompactStep(7) })
		s = reopen(t, s, o)
	}
	defer s.Close()
	if got := rows(t, s); got != "1-42 2-0" {
		t.Errorf("rows %s are left, want the last binding and the last key", got)
	}
	if len(s.spaces) != 1 || s.dropped != 0 {
		t.Errorf("%d keyspaces and %d dropped keys are left", len(s.spaces), s.dropped)
	}
}

// elementRecords are records of elements of each type, and of a key that has them.
func elementRecords(x *index) (all [][]byte) {
	score := ScoreBytes(2.5)
	for _, e := range []struct {
		t Type
		e Element
	}{
		{List, Element{Major: 1<<63 + 2, Value: []byte("item")}},
		{List, Element{Major: 1 << 63, Name: []byte("fraction"), Value: []byte("item")}},
		{Set, Element{Name: []byte("member")}},
		{ZSet, Element{Name: []byte("member"), Value: score[:]}},
		{Hash, Element{Name: []byte("field"), Value: []byte("value")}},
		{Hash, Element{Name: []byte("field"), Deadline: 1234567}},
		{Stream, Element{Major: 5, Name: []byte("\x01"), Value: []byte("entry")}},
	} {
		k := &collection{idMain: 7, idSub: 1, typ: uint8(e.t), changes: 300}
		all = append(all, appendElement(nil, k, &e.e, Revision{9, 3}), appendElementGone(nil, k, &e.e, Revision{9, 3}))
	}
	for _, rev := range []Revision{{9, 3}, {7, 1}} { // made here, and made earlier
		_, c := x.newCell(5, []byte("key"))
		c.modMain, c.modSub, c.createMain, c.version = 9, 3, 7, 3
		c.setAttr(Attr{Type: Hash})
		c.value = uint64(x.newCollection(Hash, rev))
		all = append(all, x.appendPut(nil, c))
	}
	return all
}

// FuzzRecord checks that no bytes break the decoder, and that what it accepts of a put can be written again.
func FuzzRecord(f *testing.F) {
	x := newIndex(1, true)
	_, c := x.newCell(5, []byte("key"))
	c.modMain, c.createMain, c.version = 9, 7, 3
	c.setAttr(Attr{Type: String, Deadline: 1234567})
	x.setValue(c, []byte("value"), Revision{9, 0})
	f.Add(uint64(9), uint32(0), x.appendPut(nil, c))
	x.setCold(c, 1000, Revision{8, 2})
	f.Add(uint64(9), uint32(0), x.appendPut(nil, c))
	f.Add(uint64(9), uint32(0), appendTombstone(nil, 5, []byte("key"), true))
	f.Add(uint64(9), uint32(0), appendBind(nil, 3, 1<<31, 4))
	for _, r := range elementRecords(x) {
		f.Add(uint64(9), uint32(3), r)
	}
	f.Fuzz(func(t *testing.T, main uint64, sub uint32, b []byte) {
		var r, again record
		rev := Revision{main, sub}
		if r.decode(rev, b) != nil || r.length > 1<<20 {
			return
		}
		var out []byte
		switch r.kind {
		case kindElement, kindNoElement:
			k := &collection{idMain: r.collection.Main, idSub: r.collection.Sub, typ: uint8(r.attr.Type), changes: r.changes}
			if r.kind == kindElement {
				out = appendElement(nil, k, &r.element, rev)
			} else {
				out = appendElementGone(nil, k, &r.element, rev)
			}
		case kindPut:
			x := newIndex(1, true)
			ref, c := x.newCell(r.keyspace, r.key)
			c.modMain, c.modSub, c.createMain, c.createSub, c.version = main, sub, r.create.Main, r.create.Sub, r.version
			c.setAttr(r.attr)
			if !r.collection.IsZero() {
				handle := x.newCollection(r.attr.Type, r.collection)
				c.value, c.valueLen = uint64(handle), 0
			} else if r.length <= inlineMax {
				x.setValue(c, r.value, rev)
			} else {
				x.setCold(c, r.length, r.row)
			}
			out = x.appendPut(nil, c)
			x.freeCell(ref)
		case kindTombstone:
			out = appendTombstone(nil, uint32(r.keyspace), r.key, r.flags&flagMoved != 0)
		case kindBind:
			out = appendBind(nil, r.database, r.keyspace, r.dropped)
		}
		if err := again.decode(rev, out); err != nil {
			t.Fatalf("record %x is written again as %x: %v", b, out, err)
		}
		r.flags, again.flags = 0, 0
		if !bytes.Equal(r.key, again.key) || !bytes.Equal(r.value, again.value) {
			t.Fatalf("record %x becomes %x", b, out)
		}
		if e, f := r.element, again.element; !bytes.Equal(e.Name, f.Name) || !bytes.Equal(e.Value, f.Value) {
			t.Fatalf("record %x becomes %x", b, out)
		}
		r.key, again.key, r.value, again.value = nil, nil, nil, nil
		r.element.Name, again.element.Name, r.element.Value, again.element.Value = nil, nil, nil, nil
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("record %+v becomes %+v", r, again)
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add(state{applied: 9, revision: 300, compacted: 200, chain: 1 << 60, made: 3}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var st, again state
		if st.decode(b) != nil {
			return
		}
		if err := again.decode(st.append(nil)); err != nil || st != again {
			t.Fatalf("state %x: %+v becomes %+v, %v", b, st, again, err)
		}
	})
}

// A large value that its own transaction supersedes is still written: its memory must last until then.
func TestLargeValueSupersededInItsTransaction(t *testing.T) {
	s, err := Open(Options{Dir: "store", FS: vfs.NewMem()}) // mapped memory faults when it is gone
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first, second := bytes.Repeat([]byte("1"), 300_000), bytes.Repeat([]byte("2"), 300_000)
	apply(t, s, func(tx *Tx) {
		tx.Put(1, []byte("k"), Attr{Type: String}, first)
		tx.Put(1, []byte("k"), Attr{Type: String}, second)
	})
	for sub, want := range [][]byte{first, second} {
		got, err := s.readRow('v', Revision{1, uint32(sub)})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("row v 1-%d holds %d bytes beginning %.3q, %v", sub, len(got), got, err)
		}
	}
}
