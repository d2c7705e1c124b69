package rdb

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "record testdata/dumps.txt anew from redis-server")

// recordedFile has a name and a payload of a real redis-server in each line.
const recordedFile = "testdata/dumps.txt"

func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		name, digits, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	return out
}

// record writes some dumps of all types, those in their compact encodings shorter than others.
func record(t *testing.T) {
	server := startRedis(t)
	var out strings.Builder
	for _, typ := range types {
		for seed, most := range []int{60, 200, 200, 500, 500, 1500, 1500, 6000} {
			r := rand.New(rand.NewPCG(uint64(seed), 11))
			for {
				dump := server.build("k", random(r, typ.typ))
				if len(dump) <= most && len(dump) > most/4 {
					fmt.Fprintf(&out, "%s%d %x\n", typ.name, seed, dump)
					break
				}
			}
		}
	}
	if err := os.WriteFile(recordedFile, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRecorded reads and writes dumps of a real server where there may be none.
func TestRecorded(t *testing.T) {
	if *rewrite {
		record(t)
	}
	for name, dump := range recorded(t) {
		v, err := Decode(dump)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if again := AppendDump(nil, v); !bytes.Equal(again, dump) {
			t.Errorf("%s becomes %x, want %x", name, again, dump)
		}
	}
}

// FuzzDecode gives payloads, to which a right footer is put, and what can be read must be written and read again as the same value.
func FuzzDecode(f *testing.F) {
	for _, dump := range recorded(f) {
		f.Add(dump[:len(dump)-footerBytes])
	}
	for seed := range uint64(5) {
		for _, b := range payloads(seed) {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := Decode(sealed(VersionMax, body))
		if err != nil {
			return
		}
		dump := AppendDump(nil, v)
		again, err := Decode(dump)
		if err != nil {
			t.Fatalf("%x is written as %x: %v", body, dump, err)
		}
		if twice := AppendDump(nil, again); !bytes.Equal(twice, dump) {
			t.Fatalf("%x is written as %x and then %x", body, dump, twice)
		}
		if !same(v, again, false) {
			t.Fatalf("%x is %s and becomes %s", body, plain(v, true), plain(again, true))
		}
	})
}

// FuzzFile gives whole files.
func FuzzFile(f *testing.F) {
	f.Add(written(f))
	f.Add([]byte("REDIS0004\xfd\x00\x00\x00\x01\xf8\x05\xf9\x01\xfb\x01\x01\xf4\x01\x01\x01\x00\x01k\x01v\xff"))
	f.Add([]byte("REDIS0004\xf7\x01\x02\x01\x01\x05\x02\x05\x03\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x05\x01x\x00\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var b bytes.Buffer
		w := NewWriter(&b, VersionMax)
		keys := 0
		if ReadFile(bytes.NewReader(file), Visitor{Key: func(k Key) error { keys++; return w.Key(k) }}) != nil {
			return
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		err := ReadFile(&b, Visitor{Key: func(Key) error { keys--; return nil }})
		if err != nil || keys != 0 {
			t.Fatalf("%x is written with %d keys less, %v", file, keys, err)
		}
	})
}

// FuzzLZF compresses, and expands what may never have been compressed.
func FuzzLZF(f *testing.F) {
	f.Add([]byte(strings.Repeat("abcabd", 20)), uint16(100))
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		var z lzf
		for range 2 { // the second time with a table that was used
			if packed := z.compress(b); packed != nil {
				if out, err := lzfExpand(packed, uint64(len(b))); err != nil || !bytes.Equal(out, b) || len(packed) > len(b)-lzfGain {
					t.Fatalf("%x is compressed to %x, and that is %x, %v", b, packed, out, err)
				}
			}
		}
		if out, err := lzfExpand(b, uint64(n)); err == nil && len(out) != int(n) {
			t.Fatalf("%x is expanded to %d bytes, want %d", b, len(out), n)
		}
	})
}
