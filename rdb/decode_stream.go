package rdb

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

func compareIDs(a, b StreamID) int {
	return cmp.Or(cmp.Compare(a.Millis, b.Millis), cmp.Compare(a.Seq, b.Seq))
}

func parseID(b []byte) StreamID {
	return StreamID{Millis: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}
}

func (s *source) rawID() (StreamID, error) {
	b, err := s.take(streamIDBytes)
	if err != nil {
		return StreamID{}, err
	}
	return parseID(b), nil
}

// lengthID reads an ID as two lengths.
func (s *source) lengthID() (id StreamID, err error) {
	if id.Millis, err = s.length(); err == nil {
		id.Seq, err = s.length()
	}
	return id, err
}

// readStream reads a stream. Beyond what Redis looks at, the entries must ascend up to the last ID, and be as many as are told of:
// a stream would not keep its promises otherwise.
func readStream(s *source, k kind) (*StreamValue, error) {
	out := &StreamValue{}
	nodes, err := s.length()
	if err != nil {
		return nil, err
	}
	for range nodes {
		if err := readStreamNode(s, out); err != nil {
			return nil, err
		}
	}
	n, err := s.length()
	if err != nil {
		return nil, err
	}
	if n != uint64(len(out.Entries)) {
		return nil, corrupt("a stream of %d entries says that it has %d", len(out.Entries), n)
	}
	if out.Last, err = s.lengthID(); err != nil {
		return nil, err
	}
	if i := len(out.Entries); i > 0 && compareIDs(out.Entries[i-1].ID, out.Last) > 0 {
		return nil, corrupt("an entry of a stream is behind its last ID")
	}
	if err := readStreamCounters(s, k, out); err != nil {
		return nil, err
	}
	groups, err := s.length()
	if err != nil {
		return nil, err
	}
	for range groups {
		g, err := readGroup(s, k, out)
		if err != nil {
			return nil, err
		}
		out.Groups = append(out.Groups, g)
	}
	slices.SortFunc(out.Groups, func(a, b Group) int { return bytes.Compare(a.Name, b.Name) })
	return out, distinct(len(out.Groups), func(i int) []byte { return out.Groups[i].Name })
}

func readStreamCounters(s *source, k kind, out *StreamValue) (err error) {
	if k == kindStream {
		if len(out.Entries) > 0 {
			out.First = out.Entries[0].ID
		}
		out.Added = uint64(len(out.Entries))
		return nil
	}
	if out.First, err = s.lengthID(); err != nil {
		return err
	}
	if out.MaxDeleted, err = s.lengthID(); err != nil {
		return err
	}
	out.Added, err = s.length()
	return err
}

// nodeReader reads the items of one node.
type nodeReader struct {
	packReader
	id     StreamID
	fields [][]byte // of the first entry
}

// int reads a number.
func (r *nodeReader) int() (int64, error) {
	it, err := r.next()
	if err != nil {
		return 0, err
	}
	v, ok := it.int()
	if !ok {
		return 0, corrupt("a string is where a node of a stream should have a number")
	}
	return v, nil
}

// size reads how many fields there are. No more than there can be are believed.
func (r *nodeReader) size() (int, error) {
	v, err := r.int()
	if err == nil && (v < 0 || v > int64(len(r.b))) {
		err = corrupt("an entry of a stream has %d fields", v)
	}
	return int(v), err
}

func (r *nodeReader) text() ([]byte, error) {
	it, err := r.next()
	return it.bytes(), err
}

// readStreamNode appends the entries of a node to those of the stream, without the deleted ones.
func readStreamNode(s *source, out *StreamValue) error {
	key, err := s.string()
	if err != nil {
		return err
	}
	if len(key) != streamIDBytes {
		return corrupt("the ID of a node of a stream has %d bytes", len(key))
	}
	b, err := s.string()
	if err != nil {
		return err
	}
	pack, err := openPack(b)
	if err != nil {
		return err
	}
	r := nodeReader{packReader: pack, id: parseID(key)}
	live, deleted, err := r.head()
	if err != nil {
		return err
	}
	for r.more() {
		entry, isDeleted, err := r.entry()
		if err != nil {
			return err
		}
		if isDeleted {
			deleted--
			continue
		}
		live--
		if i := len(out.Entries); i > 0 && compareIDs(out.Entries[i-1].ID, entry.ID) >= 0 {
			return corrupt("the entries of a stream do not ascend")
		}
		out.Entries = append(out.Entries, entry)
	}
	if live != 0 || deleted != 0 {
		return corrupt("a node of a stream does not have as many entries as it says")
	}
	return r.close()
}

// head reads what comes before the entries.
func (r *nodeReader) head() (live, deleted int64, err error) {
	if live, err = r.int(); err != nil {
		return 0, 0, err
	}
	if deleted, err = r.int(); err != nil {
		return 0, 0, err
	}
	n, err := r.size()
	if err != nil {
		return 0, 0, err
	}
	for range n {
		name, err := r.text()
		if err != nil {
			return 0, 0, err
		}
		r.fields = append(r.fields, name)
	}
	zero, err := r.int()
	if err == nil && zero != 0 {
		err = corrupt("the fields of a node of a stream do not end")
	}
	return live, deleted, err
}

func (r *nodeReader) entry() (e Entry, deleted bool, err error) {
	begin := r.counted
	flags, err := r.int()
	if err != nil {
		return Entry{}, false, err
	}
	millis, err := r.int()
	if err != nil {
		return Entry{}, false, err
	}
	seq, err := r.int()
	if err != nil {
		return Entry{}, false, err
	}
	e.ID = StreamID{Millis: r.id.Millis + uint64(millis), Seq: r.id.Seq + uint64(seq)}
	same := flags&entrySameFields != 0
	n := len(r.fields)
	if !same {
		if n, err = r.size(); err != nil {
			return Entry{}, false, err
		}
	}
	for i := range n {
		var name, value []byte
		if same {
			name = r.fields[i]
		} else if name, err = r.text(); err != nil {
			return Entry{}, false, err
		}
		if value, err = r.text(); err != nil {
			return Entry{}, false, err
		}
		e.Pairs = append(e.Pairs, name, value)
	}
	want := int64(r.counted - begin)
	items, err := r.int()
	if err == nil && items != want {
		err = corrupt("an entry of a stream has %d items and says %d", want, items)
	}
	return e, flags&entryDeleted != 0, err
}

// pendingBytesMin is what an entry of a group's list of pending ones takes at least.
const pendingBytesMin = streamIDBytes + 8 + 1

func readGroup(s *source, k kind, stream *StreamValue) (g Group, err error) {
	if g.Name, err = s.string(); err != nil {
		return Group{}, err
	}
	if g.Last, err = s.lengthID(); err != nil {
		return Group{}, err
	}
	if k == kindStream {
		g.Read = estimateRead(stream, g.Last)
	} else {
		read, err := s.length()
		if err != nil {
			return Group{}, err
		}
		g.Read = int64(read)
	}
	n, err := s.length()
	if err != nil {
		return Group{}, err
	}
	g.Pending = make([]Pending, 0, s.room(n, pendingBytesMin))
	for range n {
		p := Pending{Consumer: -1}
		if p.ID, err = s.rawID(); err != nil {
			return Group{}, err
		}
		delivered, err := s.fixed()
		if err != nil {
			return Group{}, err
		}
		p.Delivered = int64(delivered)
		if p.Deliveries, err = s.length(); err != nil {
			return Group{}, err
		}
		g.Pending = append(g.Pending, p)
	}
	slices.SortFunc(g.Pending, func(a, b Pending) int { return compareIDs(a.ID, b.ID) })
	for i := 1; i < len(g.Pending); i++ {
		if g.Pending[i].ID == g.Pending[i-1].ID {
			return Group{}, corrupt("an entry is pending twice")
		}
	}
	return g, readConsumers(s, k, &g)
}

// readConsumers reads the consumers of a group, and gives each its part of the pending entries.
func readConsumers(s *source, k kind, g *Group) error {
	n, err := s.length()
	if err != nil {
		return err
	}
	for i := range n {
		c := Consumer{}
		if c.Name, err = s.string(); err != nil {
			return err
		}
		seen, err := s.fixed()
		if err != nil {
			return err
		}
		c.Seen, c.Active = int64(seen), int64(seen)
		if k == kindStream3 {
			active, err := s.fixed()
			if err != nil {
				return err
			}
			c.Active = int64(active)
		}
		if err := readOwned(s, g, int(i)); err != nil {
			return err
		}
		g.Consumers = append(g.Consumers, c)
	}
	for _, p := range g.Pending {
		if p.Consumer < 0 {
			return corrupt("a pending entry belongs to no consumer")
		}
	}
	sortConsumers(g)
	return distinct(len(g.Consumers), func(i int) []byte { return g.Consumers[i].Name })
}

// readOwned reads the IDs of what is pending for a consumer.
func readOwned(s *source, g *Group, consumer int) error {
	n, err := s.length()
	if err != nil {
		return err
	}
	for range n {
		id, err := s.rawID()
		if err != nil {
			return err
		}
		at, ok := slices.BinarySearchFunc(g.Pending, id, func(p Pending, id StreamID) int { return compareIDs(p.ID, id) })
		if !ok {
			return corrupt("an entry is pending for a consumer, but not for its group")
		}
		if g.Pending[at].Consumer >= 0 {
			return corrupt("an entry is pending for two consumers")
		}
		g.Pending[at].Consumer = consumer
	}
	return nil
}

// sortConsumers sorts them by name, and lets the pending entries follow.
func sortConsumers(g *Group) {
	order := make([]int, len(g.Consumers)) // old places in the new order
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return bytes.Compare(g.Consumers[a].Name, g.Consumers[b].Name) })
	sorted, place := make([]Consumer, len(order)), make([]int, len(order))
	for at, old := range order {
		sorted[at], place[old] = g.Consumers[old], at
	}
	g.Consumers = sorted
	for i := range g.Pending {
		g.Pending[i].Consumer = place[g.Pending[i].Consumer]
	}
}

// estimateRead is how many entries a group has read whose last ID is that, or -1 if that cannot be known. Before Redis 7.0 dumps did not
// tell, nor did they tell of deleted entries, so that there seem to be none.
func estimateRead(s *StreamValue, last StreamID) int64 {
	switch {
	case s.Added == 0:
		return 0
	case last == s.Last:
		return int64(s.Added)
	case compareIDs(last, s.Last) > 0:
		return -1
	case compareIDs(last, s.First) < 0:
		return 0
	case last == s.First:
		return 1
	}
	return -1
}
