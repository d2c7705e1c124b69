package rdb

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// payloads are small values in every encoding that Redis 7.0 reads.
func payloads(seed uint64) [][]byte {
	var out [][]byte
	r := rand.New(rand.NewPCG(seed, 7))
	for _, typ := range types {
		v := random(r, typ.typ)
		for plain := AppendDump(nil, v); len(plain) > 1500; plain = AppendDump(nil, v) {
			v = random(r, typ.typ)
		}
		dump := AppendDump(nil, v)
		out = append(out, dump[:len(dump)-footerBytes])
		var kinds []kind
		switch typ.typ {
		case List:
			kinds = []kind{kindList, kindListZiplist, kindQuicklist, kindQuicklist2}
		case Hash:
			kinds = []kind{kindHashZiplist, kindZipmap}
		case ZSet:
			kinds = []kind{kindZSet, kindZSetZiplist}
		}
		for _, k := range kinds {
			out = append(out, body(v, k))
		}
	}
	return out
}

// mutate changes some bytes, in ways that keep much of it intact.
func mutate(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + r.IntN(3) {
		at := 1 + r.IntN(max(1, len(b)-1))
		if r.IntN(2) == 0 {
			at = 1 + r.IntN(min(len(b)-1, 40)) // where the lengths are
		}
		switch r.IntN(5) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] += byte(r.IntN(5) - 2)
		case 2:
			b[at] = byte(r.IntN(256))
		case 3:
			b[at] = []byte{0, 0xff, 0xfe, 0x7f, 0x80, 0xc0, 0xf0}[r.IntN(7)]
		default:
			if len(b) > 4 {
				from := 1 + r.IntN(len(b)-2)
				copy(b[at:], b[from:min(len(b), from+1+r.IntN(8))])
			}
		}
	}
	return b
}

// stricter is what we refuse and Redis takes, which never writes any of it.
var stricter = []string{
	"is not a number",                       // it takes what it can of a score, or 0
	"bytes come after the value",            // it does not look
	"where a length should be",              // it takes the encoding's number
	"no length begins with",                 // it takes the largest number
	"bytes are wanted where there are",      // it reads on into the footer
	"compressed data",                       // of an empty string, for which a failure and success are the same number
	"an item of a listpack has two lengths", // it reads a long one on into its item
	"do not ascend",                         // of entries, which it takes for granted
	"is behind its last ID",                 // likewise
	"a stream of",                           // it does not count the entries
	"items says that it has",                // nor the items of a listpack in a stream
	"have as many entries as it says",       // nor which of them are deleted
}

// TestMutatedAgainstRedis changes payloads and asks Redis, which checks them as thoroughly as it can: what it refuses we must refuse,
// and what both take must be the same value.
func TestMutatedAgainstRedis(t *testing.T) {
	server := startRedis(t)
	server.do("CONFIG", "SET", "sanitize-dump-payload", "yes")
	rounds := 100
	if testing.Short() {
		rounds = 40
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 8))
		for i, original := range payloads(seed) {
			changed := mutate(r, original)
			payload := sealed(9, changed)
			ours, err := Decode(payload)
			theirs := server.try("RESTORE", "k", "0", string(payload), "REPLACE")
			switch {
			case theirs != "OK" && err == nil:
				t.Fatalf("seed %d, %d: %s is taken as %s, but redis says %s", seed, i, shown(payload), plain(ours, true), theirs)
			case theirs == "OK" && err != nil:
				known := func(why string) bool { return strings.Contains(err.Error(), why) }
				if !slices.ContainsFunc(stricter, known) {
					t.Errorf("seed %d, %d: redis takes %s, but we say %v", seed, i, shown(payload), err)
				}
			case err == nil:
				got, err := Decode([]byte(server.do("DUMP", "k")))
				if err != nil || !same(got, ours, false) {
					t.Fatalf("seed %d, %d: %s is taken as\n%s, but redis has %v\n%s", seed, i, shown(payload), plain(ours, true), err, plain(got, true))
				}
			}
		}
	}
}
