package mvcc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTableAgainstMap drives a table through growth and decay beside a map.
func TestTableAgainstMap(t *testing.T) {
	x := newIndex(3, true)
	tab := newTable(x.tables)
	rnd := rand.New(rand.NewPCG(9, 9))
	refs := map[string]uint32{}
	var keys []string
	for step := range 120_000 {
		if grow := step < 60_000; len(keys) == 0 || rnd.IntN(100) < 20 == !grow {
			key := fmt.Sprint("k", step)
			ref, _ := x.newCell(1, []byte(key))
			tab.insert(x.hash.name([]byte(key)), ref)
			refs[key], keys = ref, append(keys, key)
			continue
		}
		i := rnd.IntN(len(keys))
		tab.remove(x.hash.name([]byte(keys[i])), refs[keys[i]])
		x.freeCell(refs[keys[i]])
		delete(refs, keys[i])
		keys[i] = keys[len(keys)-1]
		keys = keys[:len(keys)-1]
		if step%20_000 == 0 {
			checkTable(t, x, tab, refs)
		}
	}
	checkTable(t, x, tab, refs)
	freed := 0
	for n := tab.drop(); n >= 0; n = tab.drop() {
		freed += n
	}
	if freed != len(refs) || x.tables.Stats().Used != 0 {
		t.Errorf("dropped %d entries of %d, %d bytes left", freed, len(refs), x.tables.Stats().Used)
	}
}

func checkTable(t *testing.T, x *index, tab *table, refs map[string]uint32) {
	t.Helper()
	if tab.len != len(refs) {
		t.Fatalf("the table has %d entries, want %d", tab.len, len(refs))
	}
	for key, ref := range refs {
		if got := tab.find(&x.heap, x.hash.name([]byte(key)), []byte(key)); got != ref {
			t.Fatalf("key %q has handle %d, want %d", key, got, ref)
		}
	}
	if got := tab.find(&x.heap, x.hash.name([]byte("none")), []byte("none")); got != 0 {
		t.Fatalf("an absent key has handle %d", got)
	}
	var hashes []uint64
	seen := map[uint32]bool{}
	tab.ascend(0, func(hash uint64, ref uint32) bool {
		if want := x.hash.name(x.key(x.cell(ref))); hash != want {
			t.Fatalf("handle %d is under hash %x, want %x", ref, hash, want)
		}
		hashes, seen[ref] = append(hashes, hash), true
		return true
	})
	if !slices.IsSorted(hashes) || len(seen) != len(refs) {
		t.Fatalf("ascended over %d of %d handles, sorted: %v", len(seen), len(refs), slices.IsSorted(hashes))
	}
	for range 20 {
		from := rand.Uint64() >> (64 - hashBits)
		i, _ := slices.BinarySearch(hashes, from)
		n := 0
		tab.ascend(from, func(uint64, uint32) bool { n++; return true })
		if n != len(hashes)-i {
			t.Fatalf("ascended over %d handles from %x, want %d", n, from, len(hashes)-i)
		}
	}
}

// Keys whose hashes are all the same still work, only slowly.
func TestTableOfEqualHashes(t *testing.T) {
	x := newIndex(3, true)
	tab := newTable(x.tables)
	var refs []uint32
	for i := range 2000 {
		ref, _ := x.newCell(1, fmt.Append(nil, i))
		tab.insert(42, ref)
		refs = append(refs, ref)
	}
	for i, ref := range refs {
		if got := tab.find(&x.heap, 42, fmt.Append(nil, i)); got != ref {
			t.Fatalf("key %d has handle %d, want %d", i, got, ref)
		}
	}
	for _, ref := range refs {
		tab.remove(42, ref)
	}
	if tab.len != 0 || x.tables.Stats().Used != 0 {
		t.Fatalf("%d entries in %d bytes left", tab.len, x.tables.Stats().Used)
	}
}

// Every key is picked about as often as any other, in small tables and large ones.
func TestTablePickIsUniform(t *testing.T) {
	for _, n := range []int{3, 700, 3 * pickWalkMax} {
		x := newIndex(1, true)
		tab := newTable(x.tables)
		count := map[uint32]int{}
		for i := range n {
			key := fmt.Append(nil, "k", i)
			ref, _ := x.newCell(1, key)
			tab.insert(x.hash.name(key), ref)
			count[ref] = 0
		}
		// Parts of 64 handles are counted together, for a bound that chance keeps.
		parts := max(1, n/64)
		hits := make([]int, parts)
		refs := make([]uint32, 0, n)
		for ref := range count {
			refs = append(refs, ref)
		}
		slices.Sort(refs)
		draws := 2000 * parts
		if n == 3 {
			draws = 3000
		}
		for i := range draws {
			ref := tab.pick(splitMix(uint64(i)))
			count[ref]++
			at, ok := slices.BinarySearch(refs, ref)
			if !ok {
				t.Fatalf("picked %d, which is not there", ref)
			}
			hits[at*parts/n]++
		}
		for i, got := range hits {
			if want := draws / parts; got < want*8/10 || got > want*12/10 {
				t.Errorf("%d keys: part %d was picked %d times, want about %d", n, i, got, want)
			}
		}
		if n == 3 && len(count) == 3 {
			for ref, got := range count {
				if got < 800 || got > 1200 {
					t.Errorf("key %d of 3 was picked %d times of 3000", ref, got)
				}
			}
		}
	}
}

// A scan shows what is there throughout exactly once, whatever comes and goes between its calls.
func TestScanAmongChanges(t *testing.T) {
	s := newStore(t)
	stay := func(i int) string { return fmt.Sprint("stay", i) }
	apply(t, s, func(tx *Tx) {
		for i := range 2000 {
			put(stay(i), "v")(tx)
		}
	})
	seen := map[string]int{}
	rnd := rand.New(rand.NewPCG(1, 1))
	for cursor, first, calls := uint64(0), true, 0; first || cursor != 0; first, calls = false, calls+1 {
		cursor = s.View().Scan(1, cursor, 10, func(it Item) { seen[string(it.Key)]++ })
		apply(t, s, func(tx *Tx) {
			for range 60 { // grows the table several times
				put(fmt.Sprint("come", rnd.IntN(40_000)), "v")(tx)
				del(fmt.Sprint("come", rnd.IntN(40_000)))(tx)
			}
		})
	}
	for i := range 2000 {
		if seen[stay(i)] != 1 {
			t.Errorf("%s was shown %d times", stay(i), seen[stay(i)])
		}
	}
}

// The vectors are those of SipHash-1-3 with the key 00 01 .. 0f, cut to hashBits.
func TestHashIsSipHash13(t *testing.T) {
	h := hasher{k0: 0x0706050403020100, k1: 0x0f0e0d0c0b0a0908}
	input := make([]byte, 0, 16)
	for i, want := range []uint64{
		0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d, 0x8bf80ab8e7ddf7fb,
		0xcf75576088d38328, 0xdef9d52f49533b67, 0xc50d2b50c59f22a7, 0xd3927d989bb11140,
		0x369095118d299a8e,
	} {
		if got := h.name(input); got != want>>(64-hashBits) {
			t.Errorf("hash of %d bytes is %x, want %x", i, got, want>>(64-hashBits))
		}
		input = append(input, byte(i))
	}
}
