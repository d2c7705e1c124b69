package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// Writers of encodings that are only read, for tests.

// sealed gives a body the footer of a payload.
func sealed(version uint16, body []byte) []byte {
	body = binary.LittleEndian.AppendUint16(body[:len(body):len(body)], version)
	return binary.LittleEndian.AppendUint64(body, checksum(0, body))
}

func ziplist(items ...[]byte) []byte {
	b := make([]byte, zipHead)
	before, tail := 0, zipHead
	for _, s := range items {
		tail = len(b)
		if before < zipBig {
			b = append(b, byte(before))
		} else {
			b = appendLittle(append(b, zipBig), int64(before), 4)
		}
		if v, ok := parseInt(s); ok {
			b = ziplistInt(b, v)
		} else {
			switch n := len(s); {
			case n < 1<<6:
				b = append(b, byte(n))
			case n < 1<<14:
				b = append(b, 0x40|byte(n>>8), byte(n))
			default:
				b = binary.BigEndian.AppendUint32(append(b, 0x80), uint32(n))
			}
			b = append(b, s...)
		}
		before = len(b) - tail
	}
	b = append(b, zipEnd)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[4:], uint32(tail))
	binary.LittleEndian.PutUint16(b[8:], uint16(min(len(items), zipCountMax)))
	return b
}

func ziplistInt(b []byte, v int64) []byte {
	switch {
	case v >= 0 && v <= 12:
		return append(b, 0xf1+byte(v))
	case fits(v, 1):
		return append(b, 0xfe, byte(v))
	case fits(v, 2):
		return appendLittle(append(b, 0xc0), v, 2)
	case fits(v, 3):
		return appendLittle(append(b, 0xf0), v, 3)
	case fits(v, 4):
		return appendLittle(append(b, 0xd0), v, 4)
	}
	return appendLittle(append(b, 0xe0), v, 8)
}

func zipmap(items ...[]byte) []byte {
	b := []byte{byte(min(len(items)/2, zipBig))}
	for i, s := range items {
		if len(s) < zipBig {
			b = append(b, byte(len(s)))
		} else {
			b = appendLittle(append(b, zipBig), int64(len(s)), 4)
		}
		free := 0
		if i%2 == 1 {
			free = len(s) % 3
			b = append(b, byte(free))
		}
		b = append(append(b, s...), "???"[:free]...)
	}
	return append(b, zipEnd)
}

func listpack(items ...[]byte) []byte {
	var w packWriter
	w.reset()
	for _, s := range items {
		w.add(s)
	}
	return w.finish()
}

// body encodes v as k.
func body(v *Value, k kind) []byte {
	e := encoder{dst: []byte{byte(k)}}
	var flat [][]byte
	for _, f := range v.Hash {
		flat = append(flat, f.Name, f.Value)
	}
	for _, m := range v.ZSet {
		flat = append(flat, m.Name, appendScore(nil, m.Score))
	}
	switch k {
	case kindList:
		e.length(uint64(len(v.List)))
		for _, s := range v.List {
			e.string(s)
		}
	case kindListZiplist:
		e.string(ziplist(v.List...))
	case kindQuicklist:
		e.length(uint64(len(v.List)/7 + 1))
		for i := 0; i <= len(v.List)/7; i++ {
			e.string(ziplist(v.List[i*7 : min(i*7+7, len(v.List))]...))
		}
	case kindQuicklist2:
		e.length(uint64(len(v.List)))
		for i, s := range v.List {
			if i%2 == 0 && len(s) > 0 {
				e.length(nodePlain)
				e.string(s)
			} else {
				e.length(nodePacked)
				e.string(listpack(s))
			}
		}
	case kindSetListpack:
		e.string(listpack(v.Set...))
	case kindZSet:
		e.length(uint64(len(v.ZSet)))
		for _, m := range v.ZSet {
			e.string(m.Name)
			switch text := appendScore(nil, m.Score); {
			case math.IsInf(m.Score, 0) && m.Score > 0:
				e.dst = append(e.dst, scoreInf)
			case math.IsInf(m.Score, 0):
				e.dst = append(e.dst, scoreLess)
			default:
				e.dst = append(append(e.dst, byte(len(text))), text...)
			}
		}
	case kindZSetZiplist, kindHashZiplist:
		e.string(ziplist(flat...))
	case kindZipmap:
		e.string(zipmap(flat...))
	}
	return e.dst
}

func TestOldEncodings(t *testing.T) {
	server := startRedis(t)
	for _, c := range []struct {
		typ   Type
		kinds []kind
	}{
		{List, []kind{kindList, kindListZiplist, kindQuicklist, kindQuicklist2}},
		{Set, []kind{kindSetListpack}},
		{Hash, []kind{kindHashZiplist, kindZipmap}},
		{ZSet, []kind{kindZSet, kindZSetZiplist}},
	} {
		for _, k := range c.kinds {
			for seed := range uint64(60) {
				v := random(rand.New(rand.NewPCG(seed, uint64(k))), c.typ)
				payload := sealed(9, body(v, k))
				got, err := Decode(payload)
				if err != nil || !same(got, v, false) {
					t.Fatalf("kind %d, seed %d: %v", k, seed, err)
				}
				if k > kindStream2 {
					continue // newer than the server
				}
				server.restored("k", payload)
				theirs, err := Decode([]byte(server.do("DUMP", "k")))
				if err != nil || !same(theirs, v, false) {
					t.Fatalf("kind %d, seed %d: redis understands something else, %v", k, seed, err)
				}
			}
		}
	}
}

// TestNewEncodings reads what Redis writes since 7.2 and 7.4, byte by byte.
func TestNewEncodings(t *testing.T) {
	deadlines := &Value{Type: Hash, Hash: []Field{
		{Name: []byte("a"), Value: []byte("1")}, {Name: []byte("b"), Value: []byte("x"), Deadline: 1000}, {Name: []byte("c"), Value: []byte("y"), Deadline: 2000}}}
	pack := listpack([]byte("b"), []byte("x"), []byte("1000"), []byte("c"), []byte("y"), []byte("2000"), []byte("a"), []byte("1"), []byte("0"))
	least := "\xe8\x03\x00\x00\x00\x00\x00\x00"
	for _, c := range []struct {
		name, body string
		want       *Value
	}{
		{"deadlines counted from the least", "\x18" + least + "\x03\x00\x01a\xc0\x01\x01\x01b\x01x\x43\xe9\x01c\x01y", deadlines},
		{"deadlines of candidates", "\x16\x03\x00\x01a\xc0\x01\x43\xe8\x01b\x01x\x47\xd0\x01c\x01y", deadlines},
		{"deadlines in a listpack", "\x19" + least + string(rune(len(pack))) + string(pack), deadlines},
		{"deadlines in a listpack of candidates", "\x17" + string(rune(len(pack))) + string(pack), deadlines},
		{"a set in a listpack", "\x14\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x07\x01\xff", &Value{Type: Set, Set: [][]byte{[]byte("7"), []byte("a")}}},
	} {
		got, err := decodeBody([]byte(c.body))
		if err != nil || !same(got, c.want, true) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	dump := AppendDump(nil, deadlines)
	if kind(dump[0]) != kindHashTTL || dump[len(dump)-footerBytes] != VersionMax {
		t.Errorf("a hash with deadlines is written as %s", shown(dump))
	}
	if got, err := Decode(dump); err != nil || !same(got, deadlines, true) {
		t.Errorf("a hash with deadlines is read as %v, %v", got, err)
	}

	stream := "\x15\x00\x00\x05\x01\x00\x00\x00\x00\x02\x01\x01g\x00\x00\x00" +
		"\x01" + strings.Repeat("\x00", 15) + "\x07" + "\x09\x00\x00\x00\x00\x00\x00\x00" + "\x03" +
		"\x01\x01c" + "\x0a\x00\x00\x00\x00\x00\x00\x00" + "\x0b\x00\x00\x00\x00\x00\x00\x00" + "\x01" + strings.Repeat("\x00", 15) + "\x07"
	want := &StreamValue{Last: StreamID{5, 1}, Added: 2, Groups: []Group{{Name: []byte("g"), Consumers: []Consumer{{Name: []byte("c"), Seen: 10, Active: 11}},
		Pending: []Pending{{ID: StreamID{0, 7}, Delivered: 9, Deliveries: 3}}}}}
	if got, err := decodeBody([]byte(stream)); err != nil || !same(got, &Value{Type: Stream, Stream: want}, true) {
		t.Errorf("a stream with active times: %v, %v", got, err)
	}
}

func TestDecodeErrors(t *testing.T) {
	good := AppendDump(nil, &Value{Type: String, String: []byte("x")})
	bad := append(good[:len(good)-1:len(good)-1], good[len(good)-1]^1)
	if _, err := Decode(bad); !errors.Is(err, ErrChecksum) {
		t.Errorf("a wrong checksum: %v", err)
	}
	if _, err := Decode(good[:9]); !errors.Is(err, ErrChecksum) {
		t.Errorf("no footer: %v", err)
	}
	if _, err := Decode(sealed(VersionMax, []byte("\x00\x01x"))); err != nil {
		t.Errorf("the last version: %v", err)
	}
	if _, err := Decode(sealed(VersionMax+1, []byte("\x00\x01x"))); !errors.Is(err, ErrVersion) {
		t.Errorf("a later version: %v", err)
	}
	z := func(k kind, items ...string) string {
		var b [][]byte
		for _, s := range items {
			b = append(b, []byte(s))
		}
		packed := string(listpack(b...))
		return string(rune(k)) + string(rune(len(packed))) + packed
	}
	cg := "\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00" // a stream without entries, up to its groups
	id := strings.Repeat("\x00", 15) + "\x01"
	time := "\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"nothing", "", ErrCorrupt},
		{"an unknown kind", "\x08\x00", ErrCorrupt},
		{"a kind after the last", "\x1a\x00", ErrCorrupt},
		{"a module", "\x07\x00", ErrModule},
		{"a length beyond the end", "\x00\x05x", ErrCorrupt},
		{"a huge length", "\x00\x81\xff\xff\xff\xff\xff\xff\xff\xf7", ErrCorrupt},
		{"a huge list", "\x01\x81\x7f\xff\xff\xff\xff\xff\xff\xf7", ErrCorrupt},
		{"a huge hash", "\x04\x81\xff\xff\xff\xff\xff\xff\xff\xf7", ErrCorrupt},
		{"a huge compressed string", "\x00\xc3\x01\x81\x7f\xff\xff\xff\xff\xff\xff\xf7\x00", ErrCorrupt},
		{"something behind the value", "\x00\x01xy", ErrCorrupt},
		{"an empty list", "\x01\x00", ErrEmpty},
		{"an empty set", "\x02\x00", ErrEmpty},
		{"an empty listpack", z(kindHashListpack), ErrEmpty},
		{"only empty nodes", "\x12\x01\x02\x07" + string(listpack()), ErrEmpty},
		{"a member twice", "\x02\x02\x01a\x01a", ErrCorrupt},
		{"a member twice in a listpack", z(kindSetListpack, "a", "b", "a"), ErrCorrupt},
		{"a field twice", "\x04\x02\x01a\x01x\x01a\x01y", ErrCorrupt},
		{"a field twice in a listpack", z(kindHashListpack, "a", "1", "a", "2"), ErrCorrupt},
		{"a field without a value", z(kindHashListpack, "a", "1", "b"), ErrCorrupt},
		{"a field twice in two forms", "\x10\x11\x11\x00\x00\x00\x04\x00\x07\x01\x01\x01\x81\x37\x02\x01\x01\xff", ErrCorrupt},
		{"a member with two scores", z(kindZSetListpack, "a", "1", "a", "2"), ErrCorrupt},
		{"a score in words", z(kindZSetListpack, "a", "b"), ErrCorrupt},
		{"a score with an underscore", z(kindZSetListpack, "a", "1_0"), ErrCorrupt},
		{"a score that is none", z(kindZSetListpack, "a", "nan"), ErrCorrupt},
		{"a binary score that is none", "\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f", ErrCorrupt},
		{"a late deadline", z(kindHashPackDraft, "a", "b", fmt.Sprint(int64(deadlineMax)+1)), ErrCorrupt},
		{"no deadline", z(kindHashPackDraft, "a", "b", "c"), ErrCorrupt},
		{"an intset that does not ascend", "\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00", ErrCorrupt},
		{"an empty intset", "\x0b\x08\x02\x00\x00\x00\x00\x00\x00\x00", ErrCorrupt},
		{"an empty zipmap", "\x09\x02\x00\xff", ErrCorrupt},
		{"a stream with less than it says", "\x13\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", ErrCorrupt},
		{"a group", cg + "\x01\x01g\x00\x00\x00\x01" + id + time + "\x01" + "\x01\x01c" + time + "\x01" + id, nil},
		{"a group twice", cg + "\x02\x01g\x00\x00\x00\x00\x00\x01g\x00\x00\x00\x00\x00", ErrCorrupt},
		{"a consumer twice", cg + "\x01\x01g\x00\x00\x00\x00\x02\x01c" + time + "\x00\x01c" + time + "\x00", ErrCorrupt},
		{"pending for nobody", cg + "\x01\x01g\x00\x00\x00\x01" + id + time + "\x01\x00", ErrCorrupt},
		{"pending for two", cg + "\x01\x01g\x00\x00\x00\x01" + id + time + "\x01" + "\x02\x01c" + time + "\x01" + id + "\x01d" + time + "\x01" + id, ErrCorrupt},
		{"pending twice", cg + "\x01\x01g\x00\x00\x00\x02" + id + time + "\x01" + id + time + "\x01" + "\x01\x01c" + time + "\x01" + id, ErrCorrupt},
		{"pending for a consumer only", cg + "\x01\x01g\x00\x00\x00\x00\x01\x01c" + time + "\x01" + id, ErrCorrupt},
	} {
		if _, err := Decode(sealed(Version, []byte(c.body))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}
