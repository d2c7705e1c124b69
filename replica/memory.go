package replica

import (
	_ "unsafe" // for go:linkname

	_ "github.com/lni/dragonboat/v4" // whose variables these are
)

// dragonboat keeps the entries not yet applied in a slice that it makes anew, for
// 512 entries and so 41 KiB, whenever it has run empty. Between our batches it
// always has: at ten thousand batches a second that is 400 MB/s of garbage, the
// price of which the collector multiplies by the size of the index in memory.
// The size can be set, but only by a file in the current directory when the
// process starts. So we set the variables that were read from there.
//
// TestEntrySliceIsSmall fails if a newer dragonboat calls them otherwise.
//
//go:linkname entrySliceSize github.com/lni/dragonboat/v4/internal/raft.entrySliceSize
var entrySliceSize uint64

//go:linkname minEntrySliceSize github.com/lni/dragonboat/v4/internal/raft.minEntrySliceSize
var minEntrySliceSize uint64

const (
	entrySliceLen     = 16
	entrySliceFreeMin = 4
)

// shrinkEntrySlice is called before dragonboat starts, once.
func shrinkEntrySlice() {
	entrySliceSize, minEntrySliceSize = entrySliceLen, entrySliceFreeMin
}
