package ranked

import (
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// A blob is a name or a value that is too long for a leaf: a count of the leaves that refer to it, and the bytes.
const blobHead = 4

func blobSize(n int) int64 { return int64(slab.Size(blobHead + n)) }

func (f *Forest) blobRefs(ref slab.Ref) *uint32 { return (*uint32)(f.blobs.Pointer(ref)) }

// blob is the n bytes of one.
func (f *Forest) blob(ref slab.Ref, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(f.blobs.Pointer(ref), blobHead)), n)
}

// addBlob copies a string into a new one.
func (f *Forest) addBlob(s []byte) slab.Ref {
	ref := f.blobs.Alloc(blobHead + len(s))
	*f.blobRefs(ref) = 1
	copy(f.blob(ref, len(s)), s)
	f.grown += blobSize(len(s))
	return ref
}

// shareBlob counts one more leaf.
func (f *Forest) shareBlob(ref slab.Ref, n int) {
	*f.blobRefs(ref)++
	f.grown += blobSize(n)
}

// dropBlob counts one leaf less.
func (f *Forest) dropBlob(ref slab.Ref, n int) {
	f.grown -= blobSize(n)
	refs := f.blobRefs(ref)
	if *refs--; *refs == 0 {
		f.blobs.Free(ref)
	}
}

// eachBlob calls fn for all blobs of a leaf.
func (b leaf) eachBlob(l Layout, fn func(ref slab.Ref, n int)) {
	if !b.blobs() {
		return
	}
	b.blobsUntil(l, b.used(), fn)
}

// blobsUntil calls fn for the blobs of the entries in front of end.
func (b leaf) blobsUntil(l Layout, end int, fn func(ref slab.Ref, n int)) {
	for off := l.head(); off < end; {
		out := b.outsideOf(l, off)
		if out.name != 0 {
			fn(out.name, out.nameLen)
		}
		if out.value != 0 {
			fn(out.value, out.valueLen)
		}
		_, off = span(b, off)
	}
}

func (f *Forest) outsideBytes(b leaf, l Layout) (n int64) {
	b.eachBlob(l, func(_ slab.Ref, size int) { n += blobSize(size) })
	return n
}

// place finds room for the long strings of an entry: the name's blob of the entry it replaces, and the value's if it
// is that very value, else new ones.
func (f *Forest) place(e *Entry, old outside) (out outside) {
	if len(e.Name) > inlineMax {
		if out.name = old.name; out.name == 0 {
			out.name = f.addBlob(e.Name)
		}
	}
	if n := len(e.Value); n > inlineMax {
		if old.valueLen == n && unsafe.SliceData(e.Value) == unsafe.SliceData(f.blob(old.value, n)) {
			out.value = old.value
		} else {
			out.value = f.addBlob(e.Value)
		}
	}
	return out
}
