package keyspace

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/mvcc"
)

// A member of a sorted set is an element of that name whose value is its score. The store ranks the members beside that, in
// Collection.Scores: by score and then by name.
//
// Redis takes -0 and 0 for equal, so that names alone order members that have either; in the compact form it keeps 0
// for both. Here -0 becomes 0 always, on its way in.

// ErrScore is a score that is not a number, made by adding infinities of both signs.
var ErrScore = errors.New("keyspace: score is not a number")

// ZSet is the sorted set at a key, to be changed.
type ZSet struct{ elements }

// ZSet is the sorted set at key, which may be absent; ErrWrongType if it is another type.
func (tx *Tx) ZSet(key []byte) (ZSet, error) {
	e, err := tx.elements(key, mvcc.ZSet)
	return ZSet{e}, err
}

// Scored is a member and its score.
type Scored struct {
	Name  []byte
	Score float64
}

func compareScored(a, b Scored) int {
	if c := cmp.Compare(a.Score, b.Score); c != 0 {
		return c
	}
	return bytes.Compare(a.Name, b.Name)
}

// Adding says what Add does with members that are there, or are not.
type Adding struct {
	New, Existing bool // only members that are not there yet; only those that are
	Greater, Less bool // of those that are, only if the score gets so
	Increment     bool // the score is to be added to the one that is there
}

// Added is what Add did.
type Added uint8

const (
	Refused Added = iota + 1 // a condition did not hold
	Kept                     // the member had this score
	Updated                  // the member has another score now
	Joined                   // the member is new
)

// Add gives a member a score, and returns the score given. The error is ErrScore.
func (z *ZSet) Add(m Scored, o Adding) (did Added, score float64, err error) {
	old := z.lookup(m.Name)
	had := old != nil
	switch {
	case had && o.New || !had && o.Existing:
		return Refused, 0, nil
	case !had:
		z.put(m)
		return Joined, m.Score, nil
	}
	was := mvcc.Score(old.Value)
	if o.Increment {
		m.Score += was
	}
	switch {
	case math.IsNaN(m.Score):
		return Refused, 0, ErrScore
	case o.Greater && m.Score <= was || o.Less && m.Score >= was:
		return Refused, 0, nil
	case m.Score == was:
		return Kept, m.Score, nil
	}
	z.elements.put(scoredElement(m, new([8]byte)))
	return Updated, m.Score, nil
}

// put adds a new member, and notes when there are too many of them, or one is too long, for the compact form.
func (z *ZSet) put(m Scored) {
	limits := &z.tx.space.limits
	if int64(z.Len()) >= limits.zsetEntries || int64(len(m.Name)) > limits.zsetValue {
		z.large()
	}
	z.elements.put(scoredElement(m, new([8]byte)))
}

// scoredElement is the element of a member; its value lies in room.
func scoredElement(m Scored, room *[8]byte) mvcc.Element {
	if m.Score == 0 {
		m.Score = 0 // no longer -0
	}
	*room = mvcc.ScoreBytes(m.Score)
	return mvcc.Element{Name: m.Name, Value: room[:]}
}

// Remove takes a member out; false if it is not there.
func (z *ZSet) Remove(name []byte) bool { return z.remove(mvcc.Element{Name: name}) }

// RemoveRanks takes out the members whose ranks are from up to but not including to, and returns how many.
func (z *ZSet) RemoveRanks(from, to int) int {
	if from >= to {
		return 0
	}
	if from == 0 && to == z.Len() {
		z.end()
		return to
	}
	for range to - from {
		m, _ := z.now().Scores.At(from)
		z.remove(m)
	}
	return to - from
}

// Pop takes out n members, or as many as there are, from the lowest score up or from the highest down. The names are
// good until the request ends.
func (z *ZSet) Pop(n int, highest bool) []Scored {
	n = min(n, z.Len())
	if n == 0 {
		return nil
	}
	if n < z.Len() && (!highest || n == 1) { // several from the highest down are removed from the lowest of them up
		list := make([]Scored, n)
		for i := range list {
			e := z.tx.mv.PopScored(&z.it, highest)
			list[i] = Scored{e.Name, mvcc.Score(e.Value)}
		}
		return list
	}
	from, to := 0, n
	if highest {
		from, to = z.Len()-n, z.Len()
	}
	list := make([]Scored, 0, n)
	names := arenaFor(n)
	z.now().Scores.Ascend(from, func(e *mvcc.Element) bool {
		list = append(list, Scored{names.copy(e.Name), mvcc.MajorScore(e.Major)})
		return len(list) < n
	})
	if highest {
		slices.Reverse(list)
	}
	z.RemoveRanks(from, to)
	return list
}

// Collection is the members as they are now: good until the next change, and only if the key exists.
func (z *ZSet) Collection() mvcc.Collection { return z.now() }

// StoreZSet makes key the sorted set of those members, whatever was there, and tells the event; without members, the
// key goes. It copies names first, which may be of what is there, and returns how many members there are now.
func (tx *Tx) StoreZSet(key []byte, members []Scored, event string) int {
	if len(members) == 0 {
		if tx.Delete(key) {
			tx.Notify(ClassGeneric, "del", key)
		}
		return 0
	}
	limits := &tx.space.limits
	names := arenaFor(len(members))
	compact := int64(len(members)) <= limits.zsetEntries
	for i := range members {
		members[i].Name = names.copy(members[i].Name)
		compact = compact && int64(len(members[i].Name)) <= limits.zsetValue
	}
	e := tx.newElements(key, mvcc.ZSet)
	e.make(hintFor(compact))
	room := new([8]byte)
	for _, m := range members {
		e.put(scoredElement(m, room))
	}
	tx.Notify(ClassZSet, event, key)
	return e.Len()
}

// arenaFor is an arena for n names of the usual length, that takes no more memory than a few need.
func arenaFor(n int) arena { return arena{make([]byte, 0, min(32*n, arenaBlock))} }

// Compact tells whether Redis would hold the collection at key in one piece: a scan shows it as a whole then.
func (v *View) Compact(key []byte) bool {
	it, ok := v.Glance(key)
	return ok && it.Hint == HintCompact
}
