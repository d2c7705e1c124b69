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
// Hash fields, set and zset members, list positions and stream entries hang below a key like this:
//
//   - A collection has an id, the revision that created it. The key's cell has Type Hash, List ...; its value is
//     the collection's header (id, count), which is small and so rides in the record of its put
//     wherever a string's value would. DEL, RENAME, MOVE and FLUSHDB touch the key's row only; the
//     elements follow the id, O(1) whatever their number. SetAttr and Move work unchanged.
//   - An element record (kinds 4 put, 5 delete) names collection id, element, small value or v row, and the key's
//     new mod revision and version; the newest one therefore stands for the key's row too, and survives
//     compaction while its generation lives, a deletion included.
//   - In memory an element is a cell whose keyspace field is replaced by a handle on the collection: same
//     slots, same pasts, same queues, same undo. A collection has a table of its own for look-up and SCAN order and a
//     tree with rank (by element, by score, by position) in place of the keyspace's.
//   - A collection whose key is gone is dropped like a keyspace: it joins drops with the tombstone's
//     revision, is cooled at once and emptied in steps when compaction passes. A tombstone or bind row goes
//     only after the element rows it covers, as a keyspace's row does.
