package sm

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// testCommands are what the tests of the machinery need, so that they do not hang on the real families.
func testCommands() []command.Spec {
	str := mvcc.Attr{Type: mvcc.String}
	return []command.Spec{
		{Name: "PUT", Arity: command.Between(3, 4), Write: func(c *command.WriteCall) (resp.Value, error) {
			a := str
			if c.Len() == 4 {
				ttl, err := c.Int(3)
				if err != nil {
					return resp.None, err
				}
				a.Deadline = c.Tx.Now() + ttl
			}
			c.Tx.Put(c.At(1), a, c.At(2))
			return resp.OK(), nil
		}},
		{Name: "DROP", Arity: command.Exactly(2), Write: func(c *command.WriteCall) (resp.Value, error) {
			if c.Tx.Delete(c.At(1)) {
				return resp.Int(1), nil
			}
			return resp.Int(0), nil
		}},
		{Name: "COUNT", Arity: command.Exactly(2), Write: func(c *command.WriteCall) (resp.Value, error) {
			n := 0
			if it, ok := c.Tx.Lookup(c.At(1)); ok {
				n, _ = strconv.Atoi(string(c.Tx.Value(it)))
			}
			c.Tx.Put(c.At(1), str, strconv.AppendInt(nil, int64(n+1), 10))
			return resp.Int(int64(n + 1)), nil
		}},
		{Name: "SHOW", Arity: command.Exactly(2), Read: func(c *command.ReadCall) (resp.Value, error) {
			it, ok := c.View.Lookup(c.At(1))
			if !ok {
				return resp.Null(), nil
			}
			return resp.Bulk(c.View.Value(it)), nil
		}},
		{Name: "FAIL", Arity: command.Exactly(2), Write: func(c *command.WriteCall) (resp.Value, error) {
			c.Tx.Put(c.At(1), str, []byte("never seen"))
			return resp.None, command.Error("ERR as asked")
		}},
		{Name: "BREAK", Arity: command.Exactly(3), Write: func(c *command.WriteCall) (resp.Value, error) {
			c.Tx.Put(c.At(1), str, []byte("never seen"))
			panic(string(c.At(2)))
		}},
		{Name: "BREAKSTORE", Arity: command.Exactly(1), Write: func(c *command.WriteCall) (resp.Value, error) {
			var view mvcc.View // of no store: any call goes astray inside mvcc
			return resp.Int(int64(view.Len(1))), nil
		}},
		{Name: "BREAKDISK", Arity: command.Exactly(1), Write: func(c *command.WriteCall) (resp.Value, error) {
			panic(&keyspace.DiskError{Err: io.ErrUnexpectedEOF})
		}},
		{Name: "BREAKREAD", Arity: command.Exactly(1), Read: func(c *command.ReadCall) (resp.Value, error) {
			panic("a reader's")
		}},
		{Name: "WIPE", Arity: command.Exactly(1), Write: func(c *command.WriteCall) (resp.Value, error) {
			c.Tx.Flush()
			return resp.OK(), nil
		}},
		{Name: "CHANGE", Arity: command.Exactly(3), Write: func(c *command.WriteCall) (resp.Value, error) {
			a, _ := c.Int(1)
			b, _ := c.Int(2)
			return resp.OK(), c.Tx.Swap(uint32(a), uint32(b))
		}},
		{Name: "FORGET", Arity: command.Exactly(2), Write: func(c *command.WriteCall) (resp.Value, error) {
			rev, _ := c.Int(1)
			return resp.OK(), c.Tx.Compact(uint64(rev))
		}},
		{Name: " TICK", Arity: command.Exactly(1), Flags: command.Internal, Write: func(c *command.WriteCall) (resp.Value, error) {
			return resp.OK(), nil
		}},
		{Name: "NOW", Arity: command.Exactly(1), Write: func(c *command.WriteCall) (resp.Value, error) {
			return resp.Int(c.Tx.Now()), nil
		}},
		{Name: "COUNTED", Arity: command.Exactly(1), Write: func(c *command.WriteCall) (resp.Value, error) {
			return resp.Int(c.Tx.Counted()), nil
		}},
	}
}

const testNode = 7

// rig is a Machine with a log of its own, and the only node that proposes.
type rig struct {
	t       testing.TB
	m       *Machine
	o       Options
	index   uint64
	receipt Receipt
	now     int64
	locals  map[Receipt]*Local
	applied []Receipt
	panics  int
	changes int
}

func newRig(t testing.TB, fs vfs.FS) *rig {
	r := &rig{t: t, now: 1000, locals: map[Receipt]*Local{}}
	r.o = Options{
		Table: command.NewTable(testCommands()),
		Store: mvcc.Options{FS: fs, HeapMemory: true, MemTableBytes: 1 << 20, CacheBytes: 1 << 20},
		Local: func(node, incarnation, number uint64) *Local { return r.locals[Receipt{incarnation, number}] },
		Applied: func(node, incarnation, number uint64) {
			r.applied = append(r.applied, Receipt{incarnation, number})
		},
		Incarnated: func(node, nonce, incarnation uint64) { r.receipt = Receipt{Incarnation: incarnation} },
		OnCommit:   func(c []mvcc.Change) { r.changes += len(c) },
		Panicked:   func(string, any, []byte) { r.panics++ },
	}
	r.open()
	r.apply(AppendIncarnate(nil, testNode, 1))
	t.Cleanup(func() { r.m.Close() })
	return r
}

func (r *rig) open() {
	r.t.Helper()
	r.m = New(r.o)
	applied, err := r.m.Open("data")
	if err != nil {
		r.t.Fatal(err)
	}
	r.index = applied
}

// reopen is a restart, perhaps of another program.
func (r *rig) reopen() {
	r.t.Helper()
	if err := r.m.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open()
}

func (r *rig) apply(data []byte) {
	r.t.Helper()
	if err := r.try(data); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) try(data []byte) error {
	r.index++
	return r.m.Apply([]Entry{{r.index, data}})
}

func (r *rig) header(count int) Header {
	r.receipt.Number++
	return Header{Node: testNode, Incarnation: r.receipt.Incarnation, Number: r.receipt.Number, Now: r.now, Seed: r.index, Count: count}
}

// batch is several requests and what rides with them.
type batch struct {
	body  []byte
	count int
	local Local
}

func words(line string) (args [][]byte) {
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	if line[0] == ' ' { // an internal command
		args[0] = append([]byte(" "), args[0]...)
	}
	return args
}

func (b *batch) add(body []byte, op LocalOp) {
	b.body = body
	b.count++
	op.Kind, op.Proto = OpRequest, resp.RESP2
	b.local.Ops = append(b.local.Ops, op)
}

func (b *batch) command(line string) *batch {
	b.add(AppendCommand(b.body, 0, words(line)), LocalOp{})
	return b
}

// run applies the batch and returns its replies.
func (r *rig) run(b *batch) []string {
	r.t.Helper()
	h := r.header(b.count)
	r.locals[r.receipt] = &b.local
	r.apply(SealBatch(nil, h, b.body))
	return replies(&b.local)
}

func replies(l *Local) (out []string) {
	at := 0
	for i := range l.Ops {
		out = append(out, strings.ReplaceAll(string(l.Out[at:l.Ops[i].End]), "\r\n", "|"))
		at = l.Ops[i].End
	}
	return out
}

// do runs one command on database 0.
func (r *rig) do(line string) string {
	r.t.Helper()
	return r.run((&batch{}).command(line))[0]
}

// multi runs a MULTI block; a word with a dash in front is a slot with that as its reply.
func (r *rig) multi(guards []Guard, lines ...string) string {
	r.t.Helper()
	var ops []Op
	var slots [][]byte
	for _, line := range lines {
		if raw, ok := strings.CutPrefix(line, "-"); ok {
			slots = append(slots, []byte(raw))
			ops = append(ops, Op{Raw: []byte(raw)})
			continue
		}
		ops = append(ops, Op{Args: words(line)})
	}
	b := &batch{}
	b.add(AppendMulti(nil, guards, ops), LocalOp{Slots: slots})
	return r.run(b)[0]
}

func (r *rig) revision() uint64 { return r.m.Space().Store.Revision() }

func (r *rig) expect(got, want string) {
	r.t.Helper()
	if got != want {
		r.t.Errorf("got %q, want %q", got, want)
	}
}
