package rdb

import (
	"bytes"
	"encoding/binary"
)

// A node of a stream holds up to so many entries, and takes no more of them when it has so many bytes. They are Redis' defaults.
const (
	streamNodeMax      = 100
	streamNodeBytesMax = 4096
)

// Flags of an entry in a listpack.
const (
	entryDeleted    = 1 << 0
	entrySameFields = 1 << 1 // the fields are those of the node, and left out
)

// entryHead is how many items an entry has beside its fields and values: flags, and both halves of the ID.
const entryHead = 3

// streamIDBytes is an ID as a key of a node, and in a list of pending entries: both halves big endian.
const streamIDBytes = 16

// stream appends the nodes that adding the entries makes, and what else there is to a stream. Each node is its ID and a listpack:
//
//	entries, of them deleted, fields, names of the fields, 0      the names are those of the first entry
//	flags, ID less the node's (two items), values, items but this          for each entry like the first
//	flags, ID less the node's (two items), fields, names and values by turns, items but this      for others
func (e *encoder) stream(s *StreamValue) {
	nodes := splitStream(s.Entries)
	e.length(uint64(len(nodes)))
	for _, node := range nodes {
		e.dst = append(e.dst, streamIDBytes)
		e.id(node[0].ID)
		e.pack.reset()
		packEntries(&e.pack, node)
		e.string(e.pack.finish())
	}
	e.length(uint64(len(s.Entries)))
	for _, id := range []StreamID{s.Last, s.First, s.MaxDeleted} {
		e.length(id.Millis)
		e.length(id.Seq)
	}
	e.length(s.Added)
	e.length(uint64(len(s.Groups)))
	for i := range s.Groups {
		e.group(&s.Groups[i])
	}
}

func (e *encoder) id(id StreamID) {
	e.dst = binary.BigEndian.AppendUint64(e.dst, id.Millis)
	e.dst = binary.BigEndian.AppendUint64(e.dst, id.Seq)
}

func (e *encoder) group(g *Group) {
	e.string(g.Name)
	e.length(g.Last.Millis)
	e.length(g.Last.Seq)
	e.length(uint64(g.Read))
	e.length(uint64(len(g.Pending)))
	of := make([][]StreamID, len(g.Consumers))
	for _, p := range g.Pending {
		e.id(p.ID)
		e.fixed(uint64(p.Delivered))
		e.length(p.Deliveries)
		of[p.Consumer] = append(of[p.Consumer], p.ID)
	}
	e.length(uint64(len(g.Consumers)))
	for i, c := range g.Consumers {
		e.string(c.Name)
		e.fixed(uint64(c.Seen))
		e.length(uint64(len(of[i])))
		for _, id := range of[i] {
			e.id(id)
		}
	}
}

// splitStream parts the entries into nodes. Redis asks for the room before it adds an entry, so the size of a node depends on how its
// count was written then, which here is always one byte as it is in the end.
func splitStream(entries []Entry) [][]Entry {
	var nodes [][]Entry
	var pack packWriter
	start := 0
	for i := range entries {
		total := 0
		for _, s := range entries[i].Pairs {
			total += len(s)
		}
		if i > start && (i-start >= streamNodeMax || pack.size()+total >= streamNodeBytesMax) {
			nodes = append(nodes, entries[start:i])
			start = i
		}
		if i == start {
			pack.reset()
			packNodeHead(&pack, 1, &entries[i])
		}
		packEntry(&pack, &entries[start], &entries[i])
	}
	if len(entries) > 0 {
		nodes = append(nodes, entries[start:])
	}
	return nodes
}

func packEntries(pack *packWriter, node []Entry) {
	packNodeHead(pack, len(node), &node[0])
	for i := range node {
		packEntry(pack, &node[0], &node[i])
	}
}

func packNodeHead(pack *packWriter, count int, first *Entry) {
	pack.addInt(int64(count))
	pack.addInt(0)
	pack.addInt(int64(len(first.Pairs) / 2))
	for i := 0; i < len(first.Pairs); i += 2 {
		pack.add(first.Pairs[i])
	}
	pack.addInt(0)
}

func packEntry(pack *packWriter, first, entry *Entry) {
	same := sameFields(first.Pairs, entry.Pairs)
	if same {
		pack.addInt(entrySameFields)
	} else {
		pack.addInt(0)
	}
	pack.addInt(int64(entry.ID.Millis - first.ID.Millis))
	pack.addInt(int64(entry.ID.Seq - first.ID.Seq))
	items := entryHead + len(entry.Pairs)/2
	if !same {
		pack.addInt(int64(len(entry.Pairs) / 2))
		items = entryHead + 1 + len(entry.Pairs)
	}
	for i, s := range entry.Pairs {
		if !same || i%2 == 1 {
			pack.add(s)
		}
	}
	pack.addInt(int64(items))
}

func sameFields(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i += 2 {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
