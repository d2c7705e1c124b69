package mvcc

// How the parts hang together
//
//	Tx, Batch ----> index (memory, at once, with undo notes)
//	     |            spaces: keyspace -> table (hash order) and tree (key order) of handles
//	     |            cells:  handle -> newest version and key; value in a slot of its own, or cold
//	     |            pasts:  cell -> superseded versions, newest first; where from and to are, not what
//	     +--------> Pebble batch at Commit: c (chunk of records), v (large value), l (lease), m (facts)
//	                     |                  r (record of its own: of a small batch, or cleaned out of a chunk)
//	                     +- chunks (memory): which revisions are in which chunk, and which of them are dead
//
//	View at R: the cell's version if its mod <= R, else the past that holds R; a past's content is read
//	from its record. Whatever the index names is in Pebble, or still hot in memory: records are removed in the same
//	batch as the index forgets them, and a value is never cooled before its batch is committed. What is removed from a
//	chunk lingers on disk until the chunk goes, and a start frees it once more: see chunks.go.
//
// What is replicated and what is not: revisions, rows, keyspace ids and hashes follow from the log alone.
// Handles (Ref), which values are hot, and how much garbage waits do not; nothing that reaches log, disk or
// reply may depend on them. CompactStep with the same budget may free less on one replica than on another
// that was started later; the views are the same.
//
// # Collections
//
// Hash fields, set and zset members, list items and stream entries hang below a key like this:
//
//   - A collection has an id, the revision that created it, and on disk the put of its key has that for a value. In
//     memory the key's cell holds a handle on the collection instead. DEL, RENAME, MOVE and FLUSHDB touch the key alone;
//     the elements follow the id, O(1) whatever their number. SetAttr and Move work unchanged.
//   - An element's record (put or removed) names the collection and says which of its changes it is, which is what the
//     key's version counts. The newest record of a collection stays, a removal included, since a start may find nothing
//     else that tells the key's mod revision and version: see collection.settle.
//   - In memory there are the live elements alone, in ranked trees (by hash of the name, by score, by place), and the
//     pasts of all elements that were superseded or removed, one list for a collection, newest first. What was live at R
//     is made of both: see collection.
//   - A collection whose key is gone goes with the past that holds it: when compaction frees that past, the collection is
//     handed over (letGo) and emptied in steps. Rows of elements may outlive those of their key on disk then; a start
//     hands such a collection over again: see element_replay.go.
