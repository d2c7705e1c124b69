// Package raftlog keeps the log of Raft in files that are written from front to back: one write and one sync, in the goroutine that
// saves, for whatever has to be on disk before Raft's next message. It is what dragonboat calls a LogDB.
//
// # Files
//
// A log is a directory of segments, 0000000001.raftlog and on. The last one is written. When it has grown large, and whenever the log
// is opened, the next one begins; segments in front that hold no live entry are removed. This is a segment:
//
//	0    header of the segment (64 bytes)
//	64   record: all that is known besides entries
//	...  record, record, ... each at a multiple of 32
//	...  zeros, written ahead
//
// Where the file system can, that is written in blocks past the kernel's cache (blocks.go); the bytes are the same.
//
// All numbers are little endian, all checksums CRC32C and never 0. The header of segment 2, the first of whose records has number 41:
//
//	52 44 42 54 52 41 46 54                          magic, "RDBTRAFT"
//	01 00 00 00  3a 14 cb d3                         format, checksum of the other 60 bytes
//	02 00 00 00 00 00 00 00                          number of the segment
//	88 77 66 55 44 33 22 11                          salt, by chance
//	99 00 00 00 00 00 00 00                          salt of segment 1
//	00 10 00 00 00 00 00 00  28 00 00 00 00 00 00 00 it counts up to byte 4096, the end of its record 40
//	00 00 00 00 00 00 00 00                          nothing
//
// A record is what is saved at once: all of it, or nothing. This one saves term, vote and commit index and one entry, for replica 7 of
// shard 1:
//
//	88 77 66 55 44 33 22 11  29 00 00 00 00 00 00 00 salt of the segment, number of the record: 41
//	59 00 00 00  00 00 00 00  00 00 00 00            89 bytes of items, sectors that are meant to be zero, nothing
//	ef e4 50 9c                                      checksum of these 28 bytes
//	10 00 00 00  01 00 00 00  d2 17 46 3e            item: 16 bytes, kind 1, checksum of length, kind and payload
//	  01 00 00 00 00 00 00 00  07 00 00 00 00 00 00 00  the next items are about shard 1, replica 7
//	18 00 00 00  02 00 00 00  26 d0 12 ef            item: 24 bytes, kind 2
//	  03 00 ...  07 00 ...  29 00 ...                   term 3, vote 7, commit index 41
//	0d 00 00 00  03 00 00 00  ca d3 9c 42            item: 13 bytes, kind 3
//	  02 03 2a ac 02 00 00 00  68 65 6c 6c 6f           type, term 3, index 42, key 300, client, series, answered; "hello"
//	00 00 00                                         up to a multiple of 32, less 4
//	5e 0b 80 c0                                      checksum of the checksums of header and items
//
// The other kinds are in format.go. Entries replace the log from their index on; what they replace stays in its file, and is passed over when
// the file is read again.
//
// # What a crash leaves
//
// A record is written when the one before it is synced. So there is at most one that the disk may hold in part, the last; its end is cut
// off at the next start. Damage in front of it is found because a later record follows, damage of it because power
// takes whole sectors and these read as zeros; scan.go tells how. Then the log is refused, with what can be done.
//
// The last record may also be whole, and not on the disk: the process died before the sync, or the sync failed, and what is read comes from the
// kernel's memory. So opening a log writes that record again, into a new segment, whose header says that the
// one before counts up to that record only. From then on nobody looks at what lies behind.
//
// Files get their names when they are synced, and nothing is written to one before its name is; so a name stands for a whole header and a
// whole first record. What is removed is needless already by what is synced, and each removal may be lost.
//
// # What is not synced
//
// A commit index alone waits in memory for the next record, unless it moves over a change of the membership: see group.spares.
// So does where the log begins, unless segments are removed.
package raftlog
