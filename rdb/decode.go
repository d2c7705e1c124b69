package rdb

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
)

// deadlineMax is the largest deadline of a field, in Unix milliseconds, as in Redis.
const deadlineMax = 1<<48 - 1

// Decode reads a payload of DUMP. RESTORE answers ErrVersion and ErrChecksum with one text, and all other errors with another.
func Decode(payload []byte) (*Value, error) {
	if len(payload) < footerBytes {
		return nil, ErrChecksum
	}
	body, footer := payload[:len(payload)-footerBytes], payload[len(payload)-footerBytes:]
	if binary.LittleEndian.Uint16(footer) > VersionMax {
		return nil, ErrVersion
	}
	if checksum(0, payload[:len(payload)-8]) != binary.LittleEndian.Uint64(footer[2:]) {
		return nil, ErrChecksum
	}
	return decodeBody(body)
}

// decodeBody reads a payload without its footer.
func decodeBody(body []byte) (*Value, error) {
	s := &source{b: body}
	k, err := s.byte()
	if err != nil {
		return nil, err
	}
	v, err := readValue(s, kind(k))
	if err != nil {
		return nil, err
	}
	if len(s.b) > 0 {
		return nil, corrupt("%d bytes come after the value", len(s.b))
	}
	return v, nil
}

func readValue(s *source, k kind) (v *Value, err error) {
	v = &Value{}
	switch k {
	case kindString:
		v.Type = String
		v.String, err = s.string()
	case kindList, kindListZiplist, kindQuicklist, kindQuicklist2:
		v.Type = List
		v.List, err = readList(s, k)
	case kindSet, kindIntset, kindSetListpack:
		v.Type = Set
		v.Set, err = readSet(s, k)
	case kindZSet, kindZSet2, kindZSetZiplist, kindZSetListpack:
		v.Type = ZSet
		v.ZSet, err = readZSet(s, k)
	case kindHash, kindZipmap, kindHashZiplist, kindHashListpack:
		v.Type = Hash
		v.Hash, err = readHash(s, k)
	case kindHashTTL, kindHashTTLDraft, kindHashPackTTL, kindHashPackDraft:
		v.Type = Hash
		v.Hash, err = readHashTTL(s, k)
	case kindStream, kindStream2, kindStream3:
		v.Type = Stream
		v.Stream, err = readStream(s, k)
	case kindModule, kindModule2:
		err = ErrModule
	default:
		err = corrupt("no value is of the kind %d", k)
	}
	switch k {
	case kindIntset, kindSetListpack, kindZSetZiplist, kindZSetListpack, kindHashZiplist, kindHashListpack: // a zipmap is measured
		v.Form = Packed
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// readStrings reads n strings. What it makes room for is bounded by what is left to read, not by n.
func readStrings(s *source, n uint64) ([][]byte, error) {
	out := make([][]byte, 0, s.room(n, 1))
	for range n {
		b, err := s.string()
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// readPacked reads a string and takes it apart with unpack.
func readPacked(s *source, unpack func([]byte) ([][]byte, error)) ([][]byte, error) {
	b, err := s.string()
	if err != nil {
		return nil, err
	}
	out, err := unpack(b)
	if err == nil && len(out) == 0 {
		err = ErrEmpty
	}
	return out, err
}

func readList(s *source, k kind) ([][]byte, error) {
	if k == kindListZiplist {
		return readPacked(s, readZiplist)
	}
	n, err := s.count()
	if err != nil {
		return nil, err
	}
	if k == kindList {
		return readStrings(s, n)
	}
	var out [][]byte
	for range n {
		node, err := readNode(s, k)
		if err != nil && !errors.Is(err, ErrEmpty) { // old releases wrote empty nodes
			return nil, err
		}
		out = append(out, node...)
	}
	if len(out) == 0 {
		return nil, ErrEmpty
	}
	return out, nil
}

func readNode(s *source, k kind) ([][]byte, error) {
	if k == kindQuicklist {
		return readPacked(s, readZiplist)
	}
	container, err := s.length()
	switch {
	case err != nil:
		return nil, err
	case container == nodePacked:
		return readPacked(s, readListpack)
	case container != nodePlain:
		return nil, corrupt("no node of a list is of the kind %d", container)
	}
	b, err := s.string()
	if err == nil && len(b) == 0 {
		err = corrupt("a plain node of a list is empty")
	}
	return [][]byte{b}, err
}

func readSet(s *source, k kind) (out [][]byte, err error) {
	switch k {
	case kindIntset:
		return readPacked(s, readIntset)
	case kindSetListpack:
		out, err = readPacked(s, readListpack)
	default:
		var n uint64
		if n, err = s.count(); err == nil {
			out, err = readStrings(s, n)
		}
	}
	if err != nil {
		return nil, err
	}
	return out, distinct(len(out), func(i int) []byte { return out[i] })
}

// distinct checks that no two of n names are equal.
func distinct(n int, name func(i int) []byte) error {
	seen := make(map[string]struct{}, n)
	for i := range n {
		seen[string(name(i))] = struct{}{}
		if len(seen) <= i {
			return corrupt("%q is there twice", name(i))
		}
	}
	return nil
}

func readHash(s *source, k kind) ([]Field, error) {
	var all [][]byte
	var err error
	switch k {
	case kindZipmap:
		all, err = readPacked(s, readZipmap)
	case kindHashZiplist:
		all, err = readPacked(s, readZiplist)
	case kindHashListpack:
		all, err = readPacked(s, readListpack)
	default:
		var n uint64
		if n, err = s.count(); err == nil && n > 1<<62 {
			err = corrupt("a hash has %d fields", n)
		}
		if err == nil {
			all, err = readStrings(s, 2*n)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(all)%2 != 0 {
		return nil, corrupt("a field of a hash has no value")
	}
	out := make([]Field, len(all)/2)
	for i := range out {
		out[i] = Field{Name: all[2*i], Value: all[2*i+1]}
	}
	return out, distinctFields(out)
}

func distinctFields(fields []Field) error {
	return distinct(len(fields), func(i int) []byte { return fields[i].Name })
}

// readHashTTL reads a hash whose fields have deadlines. The least of them comes first: in a listpack it only repeats what is there, and
// elsewhere the deadlines are counted from it.
func readHashTTL(s *source, k kind) (out []Field, err error) {
	var least uint64
	if k == kindHashTTL || k == kindHashPackTTL {
		if least, err = s.fixed(); err != nil {
			return nil, err
		}
		if least > deadlineMax+1 {
			return nil, corrupt("a field ends at %d", least)
		}
	}
	if k == kindHashPackTTL || k == kindHashPackDraft {
		out, err = readHashPackTTL(s)
	} else {
		out, err = readHashFieldsTTL(s, k, least)
	}
	if err != nil {
		return nil, err
	}
	return out, distinctFields(out)
}

func readHashFieldsTTL(s *source, k kind, least uint64) ([]Field, error) {
	n, err := s.count()
	if err != nil {
		return nil, err
	}
	out := make([]Field, 0, s.room(n, 3))
	for range n {
		deadline, err := s.length()
		if err != nil {
			return nil, err
		}
		if k == kindHashTTL && deadline != 0 && deadline <= deadlineMax {
			deadline += least - 1
		}
		if deadline > deadlineMax {
			return nil, corrupt("a field ends at %d", deadline)
		}
		name, err := s.string()
		if err != nil {
			return nil, err
		}
		value, err := s.string()
		if err != nil {
			return nil, err
		}
		out = append(out, Field{Name: name, Value: value, Deadline: int64(deadline)})
	}
	return out, nil
}

func readHashPackTTL(s *source) ([]Field, error) {
	all, err := readPacked(s, readListpack)
	if err != nil {
		return nil, err
	}
	if len(all)%3 != 0 {
		return nil, corrupt("a field of a hash has no value or no deadline")
	}
	out := make([]Field, len(all)/3)
	for i := range out {
		deadline, ok := parseInt(all[3*i+2])
		if !ok || deadline < 0 || deadline > deadlineMax {
			return nil, corrupt("a field ends at %q", all[3*i+2])
		}
		out[i] = Field{Name: all[3*i], Value: all[3*i+1], Deadline: deadline}
	}
	return out, nil
}

func readZSet(s *source, k kind) (out []Member, err error) {
	switch k {
	case kindZSetZiplist:
		out, err = readZSetPack(s, readZiplist)
	case kindZSetListpack:
		out, err = readZSetPack(s, readListpack)
	default:
		out, err = readZSetPlain(s, k)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), bytes.Compare(a.Name, b.Name))
	})
	return out, distinct(len(out), func(i int) []byte { return out[i].Name })
}

func readZSetPack(s *source, unpack func([]byte) ([][]byte, error)) ([]Member, error) {
	all, err := readPacked(s, unpack)
	if err != nil {
		return nil, err
	}
	if len(all)%2 != 0 {
		return nil, corrupt("a member of a sorted set has no score")
	}
	out := make([]Member, len(all)/2)
	for i := range out {
		score, err := parseScore(all[2*i+1])
		if err != nil {
			return nil, err
		}
		out[i] = Member{Name: all[2*i], Score: score}
	}
	return out, nil
}

func readZSetPlain(s *source, k kind) ([]Member, error) {
	n, err := s.count()
	if err != nil {
		return nil, err
	}
	out := make([]Member, 0, s.room(n, 2))
	for range n {
		name, err := s.string()
		if err != nil {
			return nil, err
		}
		score, err := readScore(s, k)
		if err != nil {
			return nil, err
		}
		out = append(out, Member{Name: name, Score: score})
	}
	return out, nil
}

// Lengths of a score in text that are none.
const (
	scoreNaN  = 253
	scoreInf  = 254
	scoreLess = 255 // negative infinity
)

func readScore(s *source, k kind) (float64, error) {
	if k == kindZSet2 {
		bits, err := s.fixed()
		score := math.Float64frombits(bits)
		if err == nil && math.IsNaN(score) {
			err = corrupt("a score is not a number")
		}
		return score, err
	}
	n, err := s.byte()
	if err != nil {
		return 0, err
	}
	switch n {
	case scoreNaN:
		return 0, corrupt("a score is not a number")
	case scoreInf:
		return math.Inf(1), nil
	case scoreLess:
		return math.Inf(-1), nil
	}
	b, err := s.take(uint64(n))
	if err != nil {
		return 0, err
	}
	return parseScore(b)
}

// parseScore reads a score in text. One that is too large is infinite, as it is to C, where numbers have no underscores.
func parseScore(b []byte) (float64, error) {
	score, err := strconv.ParseFloat(string(b), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(score) || bytes.IndexByte(b, '_') >= 0 {
		return 0, corrupt("the score %q is not a number", b)
	}
	return score, nil
}
