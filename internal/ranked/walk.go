package ranked

// Ascend calls fn with the entries from a rank on until it returns false. The entry is the same object each
// time; fn must not change the tree.
func (f *Forest) Ascend(r Root, rank int, fn func(e *Entry) bool) {
	rank = max(rank, 0)
	if rank >= f.Len(r) {
		return
	}
	var e Entry
	if !r.many {
		f.ascendLeaf(r.at, r.layout, rank, &e, fn)
		return
	}
	var p path
	rank = p.rank(f.root(r), rank)
	for f.ascendLeaf(p.leaf(), r.layout, rank, &e, fn) && p.next() {
		rank = 0
	}
}

func (f *Forest) ascendLeaf(ref uint32, l Layout, rank int, e *Entry, fn func(e *Entry) bool) bool {
	b := f.leaf(ref)
	b.warm()
	for off, used := b.skip(l.head(), rank), b.used(); off < used; {
		off = f.open(b, l, off, e)
		if !fn(e) {
			return false
		}
	}
	return true
}

// Descend is Ascend towards the front, beginning with the entry of the rank.
func (f *Forest) Descend(r Root, rank int, fn func(e *Entry) bool) {
	rank = min(rank, f.Len(r)-1)
	if rank < 0 {
		return
	}
	var e Entry
	if !r.many {
		f.descendLeaf(r.at, r.layout, rank, &e, fn)
		return
	}
	var p path
	rank = p.rank(f.root(r), rank)
	for f.descendLeaf(p.leaf(), r.layout, rank, &e, fn) && p.back() {
		rank = f.leaf(p.leaf()).count() - 1
	}
}

// entriesMax is more entries than a leaf can have: none is shorter than four bytes.
const entriesMax = leafMax / 2

func (f *Forest) descendLeaf(ref uint32, l Layout, rank int, e *Entry, fn func(e *Entry) bool) bool {
	var at [entriesMax]uint16 // entries know where they end, not where the one in front begins
	b := f.leaf(ref)
	b.warm()
	for i, off := 0, l.head(); i <= rank; i++ {
		at[i] = uint16(off)
		_, off = span(b, off)
	}
	for i := rank; i >= 0; i-- {
		f.open(b, l, int(at[i]), e)
		if !fn(e) {
			return false
		}
	}
	return true
}
