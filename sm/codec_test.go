package sm

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
)

// The bytes of entries are for ever.
func TestEntryBytes(t *testing.T) {
	guards := []Guard{{DB: 1, Key: []byte("k"), Rev: mvcc.Revision{Main: 300, Sub: 2}, View: 301}, {Key: []byte("x"), Exact: true}}
	body := AppendCommand(nil, 300, [][]byte{[]byte("SET"), {}, []byte("v")})
	body = AppendMulti(body, guards, []Op{{DB: 2, Args: [][]byte{[]byte("GET")}}, {Raw: []byte("+OK")}})
	entry := SealBatch([]byte("<"), Header{Node: 7, Incarnation: 200, Number: 3, Now: -1, Seed: 0x0102, Count: 2}, body)
	const want = "3c" + "010101" + "07" + "c801" + "03" + "01" + "0201000000000000" + "02" +
		"01" + "ac02" + "03" + "03534554" + "00" + "0176" +
		"02" + "02" + "00" + "01" + "016b" + "ac02" + "02" + "ad02" + "01" + "00" + "0178" + "00" + "00" + "00" +
		"02" + "01" + "02" + "01" + "03474554" + "02"
	if got := fmt.Sprintf("%x", entry); got != want {
		t.Errorf("batch\n%s, want\n%s", got, want)
	}
	if got := fmt.Sprintf("%x", AppendIncarnate(nil, 300, 5)); got != "010102"+"ac02"+"0500000000000000" {
		t.Errorf("incarnate %s", got)
	}
}

func TestDecodeWhatWasEncoded(t *testing.T) {
	h := Header{Node: 1 << 63, Incarnation: 5, Number: 1 << 40, Now: -5, Seed: 1 << 63, Count: 1}
	args := [][]byte{[]byte("SET"), bytes.Repeat([]byte("k"), 200), {}}
	d := decoder{b: SealBatch(nil, h, AppendCommand(nil, databaseMax, args))}
	kind, err := d.preamble(NewestSemantics)
	if err != nil || kind != entryBatch {
		t.Fatal(kind, err)
	}
	if got, err := d.header(); err != nil || got != h {
		t.Errorf("header %+v, %v", got, err)
	}
	if kind := d.byte(); kind != requestCommand {
		t.Errorf("kind %d", kind)
	}
	db, got := d.command(nil)
	if d.bad || d.left() != 0 || db != databaseMax || !reflect.DeepEqual(got, args) {
		t.Errorf("database %d, arguments %q, %d left", db, got, d.left())
	}
	g := Guard{DB: 5, Key: []byte("k"), Rev: mvcc.Revision{Main: 1 << 50, Sub: 1<<32 - 1}, View: 1 << 51, Exact: true}
	d = decoder{b: appendGuard(nil, &g)}
	if got := d.guard(); d.bad || d.left() != 0 || !reflect.DeepEqual(got, g) {
		t.Errorf("guard %+v, want %+v", got, g)
	}
}

func TestRequestSize(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384} {
		args := [][]byte{[]byte("SET"), make([]byte, n)}
		size, exact := RequestSize(args), len(AppendCommand(nil, databaseMax, args))
		if size != exact {
			t.Errorf("an argument of %d bytes: size %d, want %d", n, size, exact)
		}
	}
}

func TestState(t *testing.T) {
	s, err := decodeState(nil)
	if err != nil || s.logTime != 0 {
		t.Fatal(s, err)
	}
	s.logTime = 1 << 41
	for _, node := range []uint64{9, 1 << 60, 3} {
		s.set(node, Receipt{node + 1, node + 2})
	}
	row := s.append(nil)
	got, err := decodeState(row)
	if err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("state %+v, %v; want %+v", got, err, s)
	}
	for n := range row {
		if _, err := decodeState(row[:n]); err == nil {
			t.Errorf("%d bytes of %d were taken for a state", n, len(row))
		}
	}
}

func TestLocalKeepsWhatItCopied(t *testing.T) {
	var l Local
	var all [][][]byte
	for i := range 100 {
		all = append(all, l.CopyArgs([][]byte{fmt.Append(nil, "key", i), {}, fmt.Append(nil, "value", i)}))
	}
	for i, args := range all {
		if string(args[0]) != fmt.Sprint("key", i) || len(args[1]) != 0 || string(args[2]) != fmt.Sprint("value", i) {
			t.Errorf("arguments %d became %q", i, args)
		}
	}
	args := [][]byte{[]byte("GET"), []byte("k")}
	l.Reset()
	if n := testing.AllocsPerRun(100, func() { l.CopyArgs(args); l.Reset() }); n != 0 {
		t.Errorf("a warm Local allocates %v times", n)
	}
}

// FuzzEntry applies anything at all: an error or not, but no panic and no allocation out of proportion.
func FuzzEntry(f *testing.F) {
	h := Header{Node: testNode, Incarnation: 1, Number: 1, Now: 5000, Count: 2}
	body := AppendCommand(nil, 0, words("INCR n"))
	f.Add(SealBatch(nil, h, AppendMulti(body, []Guard{{Key: []byte("n")}}, []Op{{Args: words("APPEND n 12")}, {Raw: []byte("x")}})))
	f.Add(SealBatch(nil, h, AppendCommand(body, 1, words(" CLOCK 5"))))
	f.Add(SealBatch(nil, h, AppendCommand(body, 1, words("SET n 1 PX 1000 GET"))))
	f.Add(SealBatch(nil, h, AppendCommand(body, 0, words("BITFIELD n SET u8 #2 200 OVERFLOW SAT INCRBY i5 1 100"))))
	f.Add(SealBatch(nil, h, AppendCommand(body, 0, words("LEASE GRANT 1000 ID 7"))))
	f.Add(AppendIncarnate(nil, 3, 4))
	r := newRig(f, vfs.NewMem())
	r.m.o.Table = command.NewTable(command.Families()...)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := r.m
		m.state.set(testNode, Receipt{Incarnation: 1})
		m.failed, m.done = nil, nil // an open batch stays open
		if err := r.try(data); err != nil && !strings.Contains(err.Error(), fmt.Sprint("entry ", r.index)) {
			t.Errorf("entry %d: the error is %v", r.index, err)
		}
		if r.panics > 0 {
			t.Error("a handler panicked")
		}
		if cap(m.x.args) > 2*max(len(data), argsKeepMax) {
			t.Errorf("an entry of %d bytes made room for %d arguments", len(data), cap(m.x.args))
		}
	})
}

// FuzzRequest reads anything as a request; what is read is written as it was, if numbers are in their shortest form.
func FuzzRequest(f *testing.F) {
	f.Add(AppendCommand(nil, 3, words("SET a b"))[1:])
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		d := decoder{b: data}
		db, args := d.command(nil)
		if d.bad {
			return
		}
		again := decoder{b: appendCommand(nil, db, args)}
		db2, args2 := again.command(nil)
		if again.bad || again.left() != 0 || db != db2 || !reflect.DeepEqual(args, args2) {
			t.Errorf("%x read as %d %q, then as %d %q", data, db, args, db2, args2)
		}
	})
}

func FuzzState(f *testing.F) {
	s, _ := decodeState(nil)
	s.set(3, Receipt{1, 2})
	f.Add(s.append(nil))
	f.Fuzz(func(t *testing.T, row []byte) {
		s, err := decodeState(row)
		if err != nil {
			return
		}
		if again, err := decodeState(s.append(nil)); err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("state %+v read back as %+v, %v", s, again, err)
		}
	})
}
