package rdb

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// types are all of them, by name.
var types = []struct {
	name string
	typ  Type
}{{"string", String}, {"list", List}, {"set", Set}, {"hash", Hash}, {"zset", ZSet}, {"stream", Stream}}

// ordered says whether Redis writes what v was built of in an order that we know.
func ordered(v *Value) bool {
	switch kindOf(v) {
	case kindSet, kindHash:
		return false
	case kindStream2: // when consumers were seen is the server's own
		return !slices.ContainsFunc(v.Stream.Groups, func(g Group) bool { return len(g.Consumers) > 0 })
	}
	return true
}

// TestAgainstRedis builds random values with commands, and compares what Redis dumps with what we do, both ways.
func TestAgainstRedis(t *testing.T) {
	server := startRedis(t)
	rounds := 100
	if testing.Short() {
		rounds = 40
	}
	for _, typ := range types {
		t.Run(typ.name, func(t *testing.T) {
			server.t = t
			for seed := range uint64(rounds) {
				v := random(rand.New(rand.NewPCG(seed, uint64(typ.typ))), typ.typ)
				theirs := server.build("theirs", v)
				ours := AppendDump(nil, v)
				if ordered(v) && !bytes.Equal(ours, theirs) {
					t.Fatalf("seed %d: dumps differ:\nours  %s\nredis %s", seed, shown(ours), shown(theirs))
				}
				decoded, err := Decode(theirs)
				if err != nil {
					t.Fatalf("seed %d: Decode of Redis' dump %s: %v", seed, shown(theirs), err)
				}
				if again := AppendDump(nil, decoded); !bytes.Equal(again, theirs) {
					t.Fatalf("seed %d: Redis' dump becomes another:\nours  %s\nredis %s", seed, shown(again), shown(theirs))
				}
				if !same(decoded, v, false) {
					t.Fatalf("seed %d: Redis' dump has\n%s, want\n%s", seed, plain(decoded, false), plain(v, false))
				}
				encoding, digest := server.held("theirs")
				if got, gotDigest := server.restored("ours", ours); got != encoding || gotDigest != digest {
					t.Fatalf("seed %d: restored as %s %s, want %s %s", seed, got, gotDigest, encoding, digest)
				}
				if again, err := Decode(ours); err != nil || !same(again, v, true) {
					t.Fatalf("seed %d: Decode of our own dump: %v", seed, err)
				}
			}
		})
	}
}

// TestEdgesAgainstRedis puts strings of all lengths near those where something about their encoding changes into all types.
func TestEdgesAgainstRedis(t *testing.T) {
	server := startRedis(t)
	for _, edge := range []int{0, 12, 21, 33, 64, 128, 264, 4096, 8192, 16384, 65536, 2097152} {
		for n := max(0, edge-9); n <= edge+2; n++ {
			if edge > 100_000 && n < edge-6 {
				continue
			}
			noise := make([]byte, n)
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			for i := range noise {
				noise[i] = byte(rng.Uint32())
			}
			for _, s := range [][]byte{noise, bytes.Repeat([]byte("a"), n)} {
				for _, v := range []*Value{
					{Type: String, String: s},
					{Type: List, List: [][]byte{[]byte("x"), s, []byte("y"), s}},
					{Type: Hash, Hash: []Field{{Name: []byte("x"), Value: s}}},
					{Type: ZSet, ZSet: []Member{{Name: s, Score: 1.5}}},
					{Type: Set, Set: [][]byte{s}},
					{Type: Stream, Stream: &StreamValue{Added: 2, First: StreamID{1, 1}, Last: StreamID{1, 2},
						Entries: []Entry{{ID: StreamID{1, 1}, Pairs: [][]byte{[]byte("x"), s}}, {ID: StreamID{1, 2}, Pairs: [][]byte{[]byte("x"), s}}}}},
				} {
					if ours, theirs := AppendDump(nil, v), server.build("k", v); !bytes.Equal(ours, theirs) {
						t.Fatalf("type %d of %d bytes: ours %s, redis %s", v.Type, n, shown(ours), shown(theirs))
					}
				}
			}
		}
	}
}

// TestNumbersAgainstRedis has all numbers near powers of two, as strings, members, scores and in sets.
func TestNumbersAgainstRedis(t *testing.T) {
	server := startRedis(t)
	for bit := range 64 {
		for d := int64(-2); d <= 2; d++ {
			for _, n := range []int64{1<<bit + d, -(1 << bit) + d} {
				s := strconv.AppendInt(nil, n, 10)
				for _, v := range []*Value{
					{Type: String, String: s},
					{Type: List, List: [][]byte{s}},
					{Type: ZSet, ZSet: []Member{{Name: s, Score: float64(n)}}},
					{Type: Set, Set: [][]byte{s}},
				} {
					ours, theirs := AppendDump(nil, v), server.build("k", v)
					if !bytes.Equal(ours, theirs) {
						t.Fatalf("type %d of %d: ours %s, redis %s", v.Type, n, shown(ours), shown(theirs))
					}
					if again, err := Decode(ours); err != nil || !same(again, v, false) {
						t.Fatalf("type %d of %d is read as %v, %v", v.Type, n, again, err)
					}
				}
			}
		}
	}
}

func TestChecksum(t *testing.T) {
	if got := checksum(checksum(0, []byte("1234")), []byte("56789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("the checksum of 123456789 is %#x", got)
	}
}

func shown(b []byte) string {
	if len(b) > 2000 {
		return fmt.Sprintf("%x... (%d bytes)", b[:2000], len(b))
	}
	return fmt.Sprintf("%x", b)
}
