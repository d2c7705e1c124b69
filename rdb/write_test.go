package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFileBytes is a file by hand.
func TestFileBytes(t *testing.T) {
	for _, c := range []struct {
		version int
		keys    []Key
		want    string
	}{
		{Version, nil, "REDIS0010" + "\xfa\x09redis-ver\x067.0.15" + "\xff"},
		{Version, []Key{
			{DB: 0, Name: []byte("a"), Value: &Value{Type: String, String: []byte("1")}},
			{DB: 3, Name: []byte("l"), Deadline: 0x0102030405, Value: &Value{Type: List, List: [][]byte{[]byte("x")}}},
			{DB: 3, Name: []byte("s"), Value: &Value{Type: Set, Set: [][]byte{[]byte("m"), []byte("7")}}},
			{DB: 3, Name: []byte("z"), Value: &Value{Type: ZSet, Form: Table, ZSet: []Member{{[]byte("m"), 1}}}},
		}, "REDIS0010" + "\xfa\x09redis-ver\x067.0.15" +
			"\xfe\x00\xfb\x01\x00" + "\x00\x01a\xc0\x01" +
			"\xfe\x03\xfb\x03\x01" + "\xfc\x05\x04\x03\x02\x01\x00\x00\x00\x12\x01l\x01\x02\x0a\x0a\x00\x00\x00\x01\x00\x81x\x02\xff" +
			"\x02\x01s\x02\x01m\xc0\x07" + "\x05\x01z\x01\x01m\x00\x00\x00\x00\x00\x00\xf0\x3f" + "\xff"},
		{VersionMax, []Key{{Name: []byte("h"), Value: &Value{Type: Hash, Hash: []Field{{[]byte("f"), []byte("v"), 9}}}}},
			"REDIS0012" + "\xfa\x09redis-ver\x067.0.15" + "\xfe\x00\xfb\x01\x00" + "\x18\x01h\x09\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01f\x01v" + "\xff"},
	} {
		var b bytes.Buffer
		w := NewWriter(&b, c.version, "redis-ver", "7.0.15")
		counts := map[int][2]int{}
		for _, k := range c.keys {
			n := counts[k.DB]
			n[0]++
			n[1] += min(1, int(k.Deadline))
			counts[k.DB] = n
		}
		for db, i := -1, 0; i < len(c.keys); i++ {
			if k := c.keys[i]; k.DB != db {
				db = k.DB
				w.Database(db, counts[db][0], counts[db][1])
			}
			if err := w.Key(c.keys[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); len(got) < 8 || got[:len(got)-8] != c.want {
			t.Errorf("file is\n%q, want\n%q", got, c.want)
		}
		if err := ReadFile(&b, Visitor{}); err != nil {
			t.Error(err)
		}
	}
}

// TestOldFileHasNoFieldDeadlines: nobody is given a file that it will not read, or that has lost something.
func TestOldFileHasNoFieldDeadlines(t *testing.T) {
	w := NewWriter(new(bytes.Buffer), Version)
	err := w.Key(Key{Name: []byte("h"), Value: &Value{Type: Hash, Hash: []Field{{[]byte("f"), []byte("v"), 9}}}})
	if !errors.Is(err, ErrVersion) {
		t.Errorf("a hash whose fields have deadlines, in version 10: %v", err)
	}
}

// largeKeys are collections that are written in pieces.
func largeKeys() (keys []Key) {
	r := rand.New(rand.NewPCG(5, 0))
	text := func(prefix string, i, length int) []byte {
		b := fmt.Appendf(nil, "%s%d ", prefix, i)
		for len(b) < length {
			b = append(b, byte('a'+r.IntN(26)))
		}
		return b
	}
	var list, set [][]byte
	var fields []Field
	var members []Member
	for i := range 5000 {
		list = append(list, text("item", i, r.IntN(100)))
		set = append(set, text("member", i, 30))
		fields = append(fields, Field{Name: text("field", i, 5), Value: text("", i, r.IntN(200))})
		members = append(members, Member{Name: text("m", i, 20), Score: float64(i) / 3})
	}
	list[17] = text("long", 17, 20_000)
	for _, v := range []*Value{
		{Type: List, List: list}, {Type: Set, Set: set}, {Type: Hash, Hash: fields}, {Type: ZSet, ZSet: members},
		{Type: String, String: text("string", 0, 3<<20)}, {Type: List, List: list[:listWholeMax]}, {Type: List, List: list[:listWholeMax+1]},
	} {
		keys = append(keys, Key{Name: fmt.Appendf(nil, "large%d", len(keys)), Value: v})
	}
	return keys
}

// pieces tells how long what is written at once is at most.
type pieces struct {
	bytes.Buffer
	longest int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.longest = max(p.longest, len(b))
	return p.Buffer.Write(b)
}

// TestLargeValuesInPieces: they are what they are in one piece, and few of them are in memory.
func TestLargeValuesInPieces(t *testing.T) {
	for _, k := range largeKeys() {
		var out pieces
		w := NewWriter(&out, Version)
		if err := w.Key(k); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		dump := AppendDump(nil, k.Value)
		value := dump[1 : len(dump)-footerBytes]
		if got := out.Bytes(); !bytes.Equal(got[len(got)-len(value)-9:len(got)-9], value) {
			t.Errorf("%s: it differs from its dump", k.Name)
		}
		if k.Value.Type != String && out.longest > fileBuffer+listNodeBytesMax+20_100 {
			t.Errorf("%s: a piece of %d bytes", k.Name, out.longest)
		}
		if err := ReadFile(&out, Visitor{Key: func(got Key) error {
			if !same(got.Value, k.Value, true) {
				t.Errorf("%s: it is read as another value", k.Name)
			}
			return nil
		}}); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}

type brokenWriter struct{ left int }

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, os.ErrClosed
	}
	return len(p), nil
}

func TestWriterStopsAtAnError(t *testing.T) {
	keys := largeKeys()
	w := NewWriter(&brokenWriter{100_000}, Version)
	if err := w.Key(keys[0]); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Key = %v", err)
	}
	if err := w.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Close = %v", err)
	}
}

// TestCheckedByRedis has Redis' own tool look at a file.
func TestCheckedByRedis(t *testing.T) {
	check, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		t.Skip("redis-check-rdb is not installed")
	}
	keys := append(fileKeys(4, 60), largeKeys()...)
	path := filepath.Join(t.TempDir(), "dump.rdb")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(file, Version, "redis-ver", "7.0.15", "redis-bits", "64", "ctime", "1")
	for _, k := range keys {
		if k.DB != w.db {
			w.Database(k.DB, 60, 20)
		}
		if err := w.Key(k); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(check, path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Checksum OK") || !strings.Contains(string(out), fmt.Sprintf("%d keys read", len(keys))) {
		t.Errorf("redis-check-rdb: %v\n%s", err, out)
	}
}
