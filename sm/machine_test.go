package sm

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

func TestCommands(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	for _, step := range []struct {
		line, want string
		rev        uint64
	}{
		{"PUT a 1", "+OK|", 1},
		{"SHOW a", "$1|1|", 1},
		{"COUNT a", ":2|", 2},
		{"DROP none", ":0|", 2},
		{"FAIL a", "-ERR as asked|", 2},
		{"BREAK a boom", "-ERR internal|", 2},
		{"BREAKREAD", "-ERR internal|", 2},
		{"PUT a", "-ERR wrong number of arguments for 'put' command|", 2},
		{"show a", "$1|2|", 2},
		{"DROP a", ":1|", 3},
		{"SHOW a", "$-1|", 3},
	} {
		if got := r.do(step.line); got != step.want || r.revision() != step.rev {
			t.Errorf("%s = %q at revision %d, want %q at %d", step.line, got, r.revision(), step.want, step.rev)
		}
	}
	if r.panics != 2 || r.m.Stats().Panics != 2 {
		t.Errorf("%d panics told, %d counted, want 2", r.panics, r.m.Stats().Panics)
	}
	if r.changes != 3 {
		t.Errorf("OnCommit was told of %d changes, want 3", r.changes)
	}
}

func TestRepliesAreAsIfRunInOrder(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	var b batch
	ride := func(line string) {
		b.local.Ops = append(b.local.Ops, LocalOp{
			Kind: OpRead, Proto: resp.RESP3, Spec: r.o.Table.Lookup([]byte("SHOW")), Args: b.local.CopyArgs(words(line)),
		})
	}
	ride("SHOW a")
	b.command("PUT a 1")
	ride("SHOW a")
	b.local.Ops = append(b.local.Ops, LocalOp{Kind: OpReply, Raw: []byte("+PONG\r\n")})
	b.command("PUT a 2").command("SHOW a").command("DROP a").command("DROP a")
	ride("SHOW a")
	got := strings.Join(r.run(&b), " ")
	r.expect(got, "_| +OK| $1|1| +PONG| +OK| $1|2| :1| :0| _|")
	var revs []uint64
	for _, op := range b.local.Ops {
		revs = append(revs, op.Rev)
	}
	r.expect(fmt.Sprint(revs), "[0 1 0 0 2 0 3 0 0]")
}

func TestManyRequestsInOneBatch(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	var b batch
	for range 5 * lockRequestsMax {
		b.command("COUNT n")
	}
	got := r.run(&b)
	r.expect(got[len(got)-1], fmt.Sprintf(":%d|", 5*lockRequestsMax))
}

func TestMulti(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.expect(r.multi(nil, "COUNT a", "SHOW a", "FAIL a", "-+PONG\r\n", "BREAK a x", "COUNT a", "SHOW a"),
		"*7|:1|$1|1|-ERR as asked|+PONG|-ERR internal|:2|$1|2|")
	if r.revision() != 1 {
		t.Errorf("one MULTI took revisions up to %d", r.revision())
	}
	r.expect(r.multi(nil), "*0|")
	r.expect(r.multi(nil, "FAIL a", "DROP none"), "*2|-ERR as asked|:0|")
	if r.revision() != 1 {
		t.Errorf("a MULTI that changes nothing went to revision %d", r.revision())
	}
	broken := []Guard{{Key: []byte("a"), Exact: true}}
	r.expect(r.multi(broken, "COUNT a", "-+PONG\r\n"), "*-1|")
	r.expect(r.do("SHOW a"), "$1|2|")
}

func TestMultiSelectsDatabases(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	b := &batch{}
	b.add(AppendMulti(nil, nil, []Op{{DB: 3, Args: words("PUT a 3")}, {DB: 0, Args: words("SHOW a")}, {DB: 3, Args: words("SHOW a")}}), LocalOp{})
	r.expect(r.run(b)[0], "*3|+OK|$-1|$1|3|")
}

// No replies wanted, same state: that is all another replica does differently.
func TestReplicasWithoutReplies(t *testing.T) {
	one, two := newRig(t, vfs.NewMem()), newRig(t, vfs.NewMem())
	for i := range 20 {
		var b batch
		b.command("COUNT a").command("SHOW a").command("BREAK a x").command(fmt.Sprint("PUT k", i, " v 100")).command("FAIL b").command("BREAKREAD")
		b.add(AppendMulti(b.body, nil, []Op{{Args: words("SHOW a")}, {Args: words("COUNT b")}, {Raw: []byte("+OK\r\n")}}), LocalOp{Slots: [][]byte{[]byte("+OK\r\n")}})
		one.now, two.now = one.now+60, two.now+60
		h := two.header(b.count)
		h.Seed = uint64(i)
		one.header(0)
		one.locals[one.receipt] = &b.local
		entry := SealBatch(nil, h, b.body)
		one.apply(entry)
		two.apply(entry)
	}
	if a, b := one.m.Space().Store.ChainHash(), two.m.Space().Store.ChainHash(); a != b {
		t.Errorf("hash %x with replies, %x without", a, b)
	}
}

func TestBrokenInvariantStops(t *testing.T) {
	for _, line := range []string{"BREAK a mvcc:lost", "BREAKSTORE"} {
		r := newRig(t, vfs.NewMem())
		func() {
			defer func() {
				if reason := recover(); !strings.Contains(fmt.Sprint(reason), "entry 2") {
					t.Errorf("%s: the panic is %v", line, reason)
				}
			}()
			r.do(line)
		}()
	}
}

func TestUnreadableDiskStops(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	h := r.header(1)
	err := r.try(SealBatch(nil, h, AppendCommand(nil, 0, words("BREAKDISK"))))
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "entry 2") {
		t.Errorf("the error is %v", err)
	}
	r.m.RLock() // is free again
	r.m.RUnlock()
}

// Readers beside Apply, Recover and Close see one state or the other, or that there is none.
func TestReadersBeside(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.do("PUT a 1")
	r.do("PUT b 1")
	stop, done := make(chan struct{}), make(chan int)
	m, show := r.m, r.o.Table.Lookup([]byte("SHOW"))
	for range 2 {
		go func() {
			var call command.ReadCall
			reads := 0
			read := func(key string) string {
				view := m.View(0, 0, true)
				call.Reset([][]byte{[]byte("SHOW"), []byte(key)}, &view, resp.RESP2)
				return string(m.RunRead(&call, show).Append(nil, resp.RESP2))
			}
			for {
				if m.RLock() {
					if a, b := read("a"), read("b"); a != b {
						t.Errorf("a is %q, b is %q", a, b)
					}
					reads++
				}
				m.RUnlock()
				select {
				case <-stop:
					done <- reads
					return
				default:
				}
			}
		}()
	}
	for i := range 100 {
		r.multi(nil, "COUNT a", "COUNT b")
		if i%40 == 20 {
			if err := m.Recover(strings.NewReader(r.snapshot()), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	if n := <-done + <-done; n == 0 {
		t.Error("nobody read anything")
	}
}

func TestReceipts(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	send := func(incarnation, number uint64) string {
		r.applied = nil
		r.apply(SealBatch(nil, Header{Node: testNode, Incarnation: incarnation, Number: number, Now: r.now, Count: 1}, AppendCommand(nil, 0, words("COUNT n"))))
		return fmt.Sprint(r.revision(), r.applied)
	}
	r.expect(send(1, 1), "1 [{1 1}]")
	r.expect(send(1, 3), "1 []") // 2 is missing
	r.expect(send(1, 2), "2 [{1 2}]")
	r.expect(send(1, 2), "2 [{1 2}]") // a duplicate
	r.expect(send(1, 1), "2 [{1 1}]")
	r.expect(send(1, 3), "3 [{1 3}]")
	r.expect(send(2, 1), "3 []") // never issued
	r.expect(send(1, 0), "3 [{1 0}]")
	r.apply(AppendIncarnate(nil, testNode, 5))
	r.expect(send(1, 4), "3 []")
	r.expect(send(2, 1), "4 [{2 1}]")
	r.expect(fmt.Sprint(r.m.Receipt(testNode)), "{2 1}")
	if s := r.m.Stats(); s.Duplicates != 3 || s.Refused != 3 || s.Batches != 4 {
		t.Errorf("stats %+v", s)
	}
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.expect(send(2, 1), "4 [{2 1}]")
	r.expect(send(2, 2), "5 [{2 2}]")
}

// TestTimeToLiveBehindOutage: a batch may not move log time as far as a long outage took. Time to live is counted from
// when it was proposed, though log time jumps there only later; and never from before log time.
func TestTimeToLiveBehindOutage(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.expect(r.do(" CLOCK 1700000000000"), "+OK|")
	r.now = 1700000060000
	r.expect(r.do("NOW"), ":1700000015000|")
	r.expect(r.do("COUNTED"), ":1700000060000|")
	r.now = 5
	r.expect(r.do("COUNTED"), ":1700000030000|")
}

func TestLogTime(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.now = 1 << 40
	r.expect(r.do("NOW"), fmt.Sprintf(":%d|", clockStepMax)) // no leap
	r.expect(r.do(" CLOCK 1700000000000"), "+OK|")
	r.now = 5
	r.expect(r.do("NOW"), ":1700000000000|") // nor back
	r.expect(r.do(" CLOCK 1600000000000"), "+OK|")
	r.expect(r.do("NOW"), ":1700000000000|")
	r.now = 1700000000000 + clockStepMax
	r.expect(r.do("NOW"), ":1700000015000|")
	r.expect(r.do(" CLOCK 9223372036854775807"), "-ERR no wall clock shows that|")
	r.expect(r.do(" CLOCK x"), "-ERR value is not an integer or out of range|")
	r.expect(r.do(" CLOCK"), "-ERR wrong number of arguments for ' clock' command|")
	r.m.Close()
	r.open()
	if got := r.m.LogTime(); got != 1700000015000 {
		t.Errorf("log time %d after opening again", got)
	}
}

func TestDamagedEntryIsNamed(t *testing.T) {
	good := SealBatch(nil, Header{Node: testNode, Incarnation: 1, Number: 1, Count: 1}, AppendCommand(nil, 0, words("COUNT n")))
	with := func(at int, b byte) []byte {
		e := append([]byte(nil), good...)
		e[at] = b
		return e
	}
	for name, data := range map[string][]byte{
		"empty":           {},
		"format":          with(0, 2),
		"semantics":       with(1, 2),
		"kind":            with(2, 3),
		"short":           good[:len(good)-1],
		"long":            append(append([]byte(nil), good...), 0),
		"huge count":      SealBatch(nil, Header{Node: testNode, Incarnation: 1, Number: 1, Count: 1 << 40}, nil),
		"unknown":         SealBatch(nil, Header{Node: testNode, Incarnation: 1, Number: 1, Count: 1}, AppendCommand(nil, 0, words("NOSUCH n"))),
		"kind of op":      SealBatch(nil, Header{Node: testNode, Incarnation: 1, Number: 1, Count: 1}, []byte{requestMulti, 0, 1, 9}),
		"kind of guard":   SealBatch(nil, Header{Node: testNode, Incarnation: 1, Number: 1, Count: 1}, []byte{requestMulti, 1, 9, 0, 0, 0, 0, 0, 0}),
		"no argument":     SealBatch(nil, Header{Node: testNode, Incarnation: 1, Number: 1, Count: 1}, []byte{requestCommand, 0, 0}),
		"tick in a MULTI": SealBatch(nil, Header{Node: testNode, Incarnation: 1, Number: 1, Count: 1}, AppendMulti(nil, nil, []Op{{Args: words(" TICK")}})),
		"many arguments":  SealBatch(nil, Header{Node: testNode, Incarnation: 1, Number: 1, Count: 1}, []byte{requestCommand, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}),
		"incarnate":       {entryFormat, byte(semanticsFirst), entryIncarnate, 1, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, vfs.NewMem())
			err := r.try(data)
			if err == nil || !strings.Contains(err.Error(), "entry 2") {
				t.Errorf("error %v does not name entry 2", err)
			}
			if again := r.try(good); !errors.Is(again, err) {
				t.Errorf("after the error Apply goes on: %v", again)
			}
		})
	}
}

func TestEntriesOutOfOrder(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.index--
	if err := r.try(AppendIncarnate(nil, testNode, 1)); err == nil {
		t.Error("an entry was applied twice")
	}
}

// snapshot is the present state as bytes.
func (r *rig) snapshot() string {
	r.t.Helper()
	src, err := r.m.Prepare()
	if err != nil {
		r.t.Fatal(err)
	}
	var b strings.Builder
	if err := errors.Join(src.WriteTo(&b, nil), src.Close()); err != nil {
		r.t.Fatal(err)
	}
	return b.String()
}

func TestRecover(t *testing.T) {
	fs := vfs.NewMem()
	from := newRig(t, vfs.NewMem())
	from.do("PUT a 1")
	from.do("PUT b 2 500")
	snap := from.snapshot()

	r := newRig(t, fs)
	r.do("PUT old x")
	pinned, err := r.m.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.m.Recover(strings.NewReader(snap[:len(snap)/2]), nil); err == nil {
		t.Fatal("half a snapshot was taken")
	}
	r.expect(r.do("SHOW old"), "$1|x|")
	if err := r.m.Recover(strings.NewReader(snap), nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pinned.WriteTo(io.Discard, nil), pinned.Close()); err != nil {
		t.Errorf("a snapshot taken before: %v", err)
	}
	names, _ := fs.List("data")
	if fmt.Sprint(len(names)) != "2" {
		t.Errorf("the directory holds %q", names)
	}
	r.expect(fmt.Sprint(r.m.Receipt(testNode)), "{1 2}")
	r.index, r.receipt = 3, r.m.Receipt(testNode)
	r.expect(r.do("SHOW a"), "$1|1|")
	r.expect(r.do("SHOW old"), "$-1|")
	r.expect(r.do("COUNT a"), ":2|")
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.expect(r.do("SHOW a"), "$1|2|")
	r.now += 5000
	r.expect(r.do("SHOW b"), "$-1|")
}

func TestRecoverStops(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.do("PUT a 1")
	snap := r.snapshot()
	stop := make(chan struct{})
	close(stop)
	if err := r.m.Recover(strings.NewReader(snap), stop); !errors.Is(err, mvcc.ErrStopped) {
		t.Errorf("stopped with %v", err)
	}
	r.expect(r.do("SHOW a"), "$1|1|")
}

// What an interrupted Recover leaves is swept away; what is no leftover is refused.
func TestOpenDirectory(t *testing.T) {
	fs := vfs.NewMem()
	r := newRig(t, fs)
	r.do("PUT a 1")
	r.m.Close()
	if err := fs.MkdirAll("data/store-2", 0o755); err != nil {
		t.Fatal(err)
	}
	r.open()
	if _, err := fs.Stat("data/store-2"); err == nil {
		t.Error("a leftover was left")
	}
	r.expect(r.do("SHOW a"), "$1|1|")
	r.m.Close()
	for name, spoil := range map[string]func() error{
		"no CURRENT": func() error { return fs.Remove("data/CURRENT") },
		"nonsense": func() error {
			f, err := fs.Create("data/CURRENT", vfs.WriteCategoryUnspecified)
			if err == nil {
				_, err = io.WriteString(f, "store-x")
			}
			return err
		},
		"missing store": func() error {
			f, err := fs.Create("data/CURRENT", vfs.WriteCategoryUnspecified)
			if err == nil {
				_, err = io.WriteString(f, "store-9\n")
			}
			return err
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := New(r.o).Open("data"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: opened with %v", name, err)
		}
	}
}

func TestClosed(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.m.Close()
	if err := r.m.Close(); err != nil {
		t.Error(err)
	}
	if r.m.RLock() {
		t.Error("a closed machine can be read")
	}
	r.m.RUnlock()
	if r.m.Space() != nil {
		t.Error("a closed machine has keys")
	}
	_, flush := r.m.FlushAsync()
	_, prepare := r.m.Prepare()
	for _, err := range []error{r.m.Sync(), r.m.Apply(nil), r.m.Recover(nil, nil), flush, prepare} {
		if !errors.Is(err, errClosed) {
			t.Errorf("closed, and the answer is %v", err)
		}
	}
}

// A snapshot from others takes a replica past the entry it could not apply.
func TestRecoverAfterAnError(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.do("PUT a 1")
	snap, index, receipt := r.snapshot(), r.index, r.receipt
	b := (&batch{}).command("PUT a 2").command("NOSUCH")
	if err := r.try(SealBatch(nil, r.header(b.count), b.body)); err == nil {
		t.Fatal("an unknown command was applied")
	}
	if err := r.m.Recover(strings.NewReader(snap), nil); err != nil {
		t.Fatal(err)
	}
	r.index, r.receipt = index, receipt
	r.expect(r.do("SHOW a"), "$1|1|")
}
