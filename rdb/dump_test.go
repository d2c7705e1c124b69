package rdb

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// types are all of them, by name.
var types = []struct {
	name string
	typ  Type
}{{"string", String}, {"list", List}, {"set", Set}, {"hash", Hash}, {"zset", ZSet}, {"stream", Stream}}

// ordered says whether Redis writes the members in an order that we know.
func ordered(v *Value) bool {
	switch kindOf(v) {
	case kindSet, kindHash:
		return false
	case kindStream2: // when consumers were seen is the server's own
		for _, g := range v.Stream.Groups {
			if len(g.Consumers) > 0 {
				return false
			}
		}
	}
	return true
}

// TestAgainstRedis builds random values with commands, and compares what Redis dumps with what we do, both ways.
func TestAgainstRedis(t *testing.T) {
	server := startRedis(t)
	rounds := 300
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
					t.Fatalf("seed %d: dumps differ:\nours  %s\nredis %s", seed, hex(ours), hex(theirs))
				}
				decoded, err := Decode(theirs)
				if err != nil {
					t.Fatalf("seed %d: Decode of Redis' dump %s: %v", seed, hex(theirs), err)
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

func hex(b []byte) string {
	if len(b) > 2000 {
		return fmt.Sprintf("%x... (%d bytes)", b[:2000], len(b))
	}
	return fmt.Sprintf("%x", b)
}
