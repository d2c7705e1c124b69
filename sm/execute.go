package sm

import (
	"fmt"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// clockCommand is the internal request that sets log time to the wall clock, at a start. It is the Machine's
// own, since log time is.
const clockCommand = " CLOCK"

// wallMax is the end of the year 9999: deadlines reckoned from a later log time might overflow.
const wallMax = 253402300799999

// execution runs the requests of one batch. There is one, so that what it holds is used again.
type execution struct {
	m     *Machine
	space *keyspace.Space
	d     decoder
	h     Header
	local *Local // nil: no replies
	next  int    // of local.Ops

	fault     error // of the command that ran last, if its handler had one
	locked    bool  // the store's lock is held
	listening bool  // somebody on this node may want to hear what requests say
	queue     bool  // inside a MULTI block, where internal commands, which may not be undone, have no place

	args  [][]byte
	name  []byte        // of the command that was looked up last,
	spec  *command.Spec // and its declaration
	ahead prefetcher
	read  command.ReadCall
	write command.WriteCall
	view  keyspace.View
	row   []byte
}

// run executes the batch whose header was just read. Readers get a turn every few requests.
func (x *execution) run(h Header, local *Local) error {
	x.space = x.m.home.Load().space
	x.h, x.local, x.next = h, local, 0
	x.lock()
	x.m.advance(h.Now, clockStepMax)
	x.listening = x.m.o.Listening != nil && x.m.o.Listening()
	x.space.Hear(x.listening)
	held := x.riders()
	for i := range h.Count {
		if held >= lockRequestsMax {
			x.unlock()
			held = 0
			x.lock()
		}
		if i%mvcc.PrefetchMax == 0 {
			x.prefetch(h.Count - i)
		}
		if err := x.request(i); err != nil {
			x.unlock()
			return fmt.Errorf("request %d of %d: %w", i+1, h.Count, err)
		}
		held += 1 + x.riders()
	}
	x.unlock()
	if x.d.left() > 0 {
		return fmt.Errorf("%w: %d bytes behind its %d requests", errDamaged, x.d.left(), h.Count)
	}
	if local != nil && x.next < len(local.Ops) {
		panic(fmt.Sprintf("sm: batch %d has %d requests, fewer than the replies waited for", h.Number, h.Count))
	}
	x.local, x.space, x.d.b = nil, nil, nil
	if cap(x.args) > argsKeepMax {
		x.args = nil
	}
	clear(x.args[:cap(x.args)])
	return nil
}

func (x *execution) lock() {
	x.space.Store.Lock()
	x.locked = true
}

func (x *execution) unlock() {
	if x.locked {
		x.locked = false
		x.space.Store.Unlock()
	}
}

// riders gives the replies that need no request, up to the place of the next request.
func (x *execution) riders() (n int) {
	l := x.local
	if l == nil {
		return 0
	}
	for ; x.next < len(l.Ops) && l.Ops[x.next].Kind != OpRequest; x.next++ {
		op := &l.Ops[x.next]
		if op.Kind == OpReply {
			l.Out = append(l.Out, op.Raw...)
		} else {
			l.Out = x.ride(op).Append(l.Out, op.Proto)
		}
		op.End = len(l.Out)
		n++
	}
	return n
}

// ride runs a read at its place between the requests.
func (x *execution) ride(op *LocalOp) resp.Value {
	now := x.m.state.logTime
	x.view = x.space.View(op.DB, now, now, true)
	x.view.Seed = op.Seed
	x.view.TellMisses(x.listening, true)
	if op.Run != nil {
		return op.Run(&x.view)
	}
	x.read.Reset(op.Args, &x.view, op.Proto)
	return x.m.RunRead(&x.read, op.Spec)
}

// request executes the next request as one transaction, and its reply is encoded before the next may change
// what it aliases.
func (x *execution) request(i int) error {
	var op *LocalOp
	if l := x.local; l != nil {
		if x.next == len(l.Ops) {
			panic(fmt.Sprintf("sm: batch %d has %d requests, more than the replies waited for", x.h.Number, x.h.Count))
		}
		op = &l.Ops[x.next]
		x.next++
	}
	tx := x.space.Begin(x.m.batch, x.m.state.logTime, x.h.Seed+uint64(i)*seedStep)
	tx.CountFrom(min(x.h.Now, wallMax))
	err := x.transact(tx, op)
	if err != nil {
		tx.Abort()
		return err
	}
	changes := tx.Changes()
	rev, changed := tx.Commit()
	if changed && x.m.o.OnCommit != nil {
		x.m.o.OnCommit(changes)
	}
	if op != nil {
		op.End = len(x.local.Out)
		x.m.Lookups.Add(tx.Lookups())
		if changed {
			op.Rev = rev
		}
	}
	return nil
}

// seedStep keeps the chance of a batch's requests apart; it is odd, and not what keyspace counts in.
const seedStep = 0xd1342543de82ef95

func (x *execution) transact(tx *keyspace.Tx, op *LocalOp) error {
	kind := x.d.byte()
	x.queue = kind == requestMulti
	switch {
	case x.d.bad:
		return errDamaged
	case kind == requestCommand:
		return x.single(tx, op)
	case kind == requestMulti:
		return x.multi(tx, op)
	}
	return fmt.Errorf("sm: request of kind %d, which is unknown: a newer version is needed", kind)
}

func (x *execution) single(tx *keyspace.Tx, op *LocalOp) error {
	var db uint32
	db, x.args = x.d.command(x.args[:0])
	if x.d.bad {
		return errDamaged
	}
	tx.Select(db)
	v, err := x.command(tx, op)
	if err != nil || op == nil {
		return err
	}
	x.local.Out = v.Append(x.local.Out, op.Proto)
	if op.Blocked = blocks(x.fault, op.Again); op.Blocked && x.m.o.Blocked != nil {
		x.m.o.Blocked(op)
	}
	return nil
}

// command runs x.args in tx. An error is of the entry; one of the command is its reply.
func (x *execution) command(tx *keyspace.Tx, op *LocalOp) (resp.Value, error) {
	name := x.args[0]
	x.fault = nil
	if string(name) == clockCommand {
		return x.clock(), nil
	}
	if string(name) == alarmCommand {
		return x.alarm(), nil
	}
	if string(name) == memberCommand {
		return x.member(), nil
	}
	if string(name) == semanticsCommand {
		return x.raise()
	}
	spec, err := x.lookup(x.args)
	if err != nil {
		return resp.None, err
	}
	if x.queue && spec.Flags&command.Internal != 0 {
		return resp.None, fmt.Errorf("sm: command %q in a MULTI block, where it cannot be applied", spec.Name)
	}
	if !spec.Arity.Allows(len(x.args)) {
		return command.WrongArity(spec.Name), nil
	}
	proto := resp.RESP2
	x.write.Audience = nil
	if op != nil {
		proto = op.Proto
		x.write.Audience = x.m.o.Audience
	}
	if spec.Write != nil {
		x.write.Reset(x.args, tx, proto)
		var v resp.Value
		v, x.fault = x.m.runWrite(&x.write, spec)
		return v, nil
	}
	if op == nil {
		return resp.None, nil // a read that nobody waits for
	}
	x.view = tx.View()
	x.view.TellMisses(x.listening, true)
	x.read.Reset(x.args, &x.view, proto)
	return x.m.RunRead(&x.read, spec), nil
}

// lookup is Machine.lookup of the applier: a command often is the same as the one before.
func (x *execution) lookup(args [][]byte) (*command.Spec, error) {
	if x.spec == nil || string(args[0]) != string(x.name) {
		if x.spec = x.m.o.Table.Lookup(args[0]); x.spec != nil {
			x.name = append(x.name[:0], args[0]...)
		}
	}
	return meant(x.spec, args)
}

// lookup finds what a command in an entry means. Servers propose only what they know, so one that is not
// known was proposed by a newer version.
func (m *Machine) lookup(args [][]byte) (*command.Spec, error) {
	return meant(m.o.Table.Lookup(args[0]), args)
}

func meant(spec *command.Spec, args [][]byte) (*command.Spec, error) {
	if spec != nil && len(spec.Sub) > 0 && len(args) > 1 {
		spec = spec.Lookup(args[1])
	}
	if spec == nil || spec.IsSession() {
		return nil, fmt.Errorf("sm: command %.64q, which cannot be applied: a newer version is needed", args[0])
	}
	return spec, nil
}

// clock is " CLOCK wall-ms".
func (x *execution) clock() resp.Value {
	x.write.Reset(x.args, nil, resp.RESP2)
	if x.write.Len() != 2 {
		return command.WrongArity(clockCommand)
	}
	wall, err := x.write.Int(1)
	if err != nil {
		return command.ErrorReply(err)
	}
	if wall > wallMax {
		return resp.Error("ERR no wall clock shows that")
	}
	x.m.advance(wall, max(0, wall-x.m.state.logTime))
	return resp.OK()
}
