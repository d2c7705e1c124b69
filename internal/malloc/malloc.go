// Package malloc is the allocator of C, from which Pebble takes its memtables and the blocks of its cache when it is built with
// cgo. Without cgo both are objects of Go's heap, and there is nothing here.
package malloc

// mapMin is the size in bytes from which an allocation is a mapping of its own, which goes back to the system when it is freed.
//
// glibc raises its own limit to the largest mapping ever freed, up to 32 MiB. A memtable is freed by one thread after another, each
// with an arena of its own, and in each of them the room of one memtable stayed: a load of a million hashes left 146 MiB that
// nobody used.
const mapMin = 1 << 20

// Stats are bytes that C's allocator has from the system.
type Stats struct {
	Used int64 // by those who allocated
	Free int64 // kept for others
}
