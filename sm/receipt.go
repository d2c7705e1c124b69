package sm

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// Receipt is proof of what was applied of one node's batches: all up to Number of this incarnation, and
// none of an older incarnation any more.
//
//	batches 7 and 8 are proposed, 7 is lost, 8 gets through  (inc 3, 6): 8 is refused
//	7 and 8 are proposed again                              (3, 7), (3, 8)
//	8 comes a second time, from an earlier proposal         (3, 8): a duplicate
//	the node restarts and asks for an incarnation           (4, 0): whatever was left of 3 is void
type Receipt struct {
	Incarnation uint64
	Number      uint64
}

// verdict on a batch.
type verdict uint8

const (
	accepted  verdict = iota + 1
	duplicate         // applied before
	early             // a batch in front of it is missing
	void              // of an incarnation that is not the newest
)

// judge tells what is to be done with a batch.
func (r Receipt) judge(incarnation, number uint64) verdict {
	switch {
	case incarnation != r.Incarnation || incarnation == 0:
		return void
	case number <= r.Number:
		return duplicate
	case number > r.Number+1:
		return early
	}
	return accepted
}

// The Machine's own m row is stateFormat, log time and the receipts by node: varints, the time zigzag.
const (
	stateName   = "machine"
	stateFormat = 1
)

// state is what the Machine remembers beside the keys.
type state struct {
	logTime  int64
	receipts map[uint64]Receipt
	nodes    []uint64 // keys of receipts, ascending
}

func (s *state) set(node uint64, r Receipt) {
	if _, ok := s.receipts[node]; !ok {
		i, _ := slices.BinarySearch(s.nodes, node)
		s.nodes = slices.Insert(s.nodes, i, node)
	}
	s.receipts[node] = r
}

func (s *state) append(dst []byte) []byte {
	dst = append(dst, stateFormat)
	dst = binary.AppendVarint(dst, s.logTime)
	dst = binary.AppendUvarint(dst, uint64(len(s.nodes)))
	for _, node := range s.nodes {
		r := s.receipts[node]
		dst = binary.AppendUvarint(dst, node)
		dst = binary.AppendUvarint(dst, r.Incarnation)
		dst = binary.AppendUvarint(dst, r.Number)
	}
	return dst
}

// decodeState reads what append wrote; nothing is the state of a new store.
func decodeState(row []byte) (state, error) {
	s := state{receipts: map[uint64]Receipt{}}
	if row == nil {
		return s, nil
	}
	d := decoder{b: row}
	if format := d.byte(); format != stateFormat {
		return s, fmt.Errorf("sm: state of format %d, where %d is known: a newer version is needed", format, stateFormat)
	}
	s.logTime = d.varint()
	for n := d.count(3); n > 0; n-- {
		node := d.uvarint()
		s.receipts[node] = Receipt{Incarnation: d.uvarint(), Number: d.uvarint()}
	}
	if d.bad || d.left() > 0 {
		return s, fmt.Errorf("sm: damaged state: % x", row)
	}
	s.nodes = slices.Sorted(maps.Keys(s.receipts))
	return s, nil
}
