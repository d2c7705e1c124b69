package server

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// stageBytesMax is how much of a turn's writes goes to the batcher at once.
const stageBytesMax = 512 << 10

// Replies to writes that Raft did not settle, as DESIGN section 3 defines them.
var (
	noQuorum       = resp.Error("NOQUORUM no quorum of nodes answered in time; the command was not applied")
	outcomeUnknown = resp.Error("TIMEOUT outcome unknown")
	replyLost      = resp.Error("APPLIED reply lost in snapshot transfer")
)

// stage is the writes of one loop turn, on their way to the open batch: the batcher's lock is taken once a
// turn, not once a command, and a pipeline is not torn in two.
type stage struct {
	body  []byte
	ops   []stagedOp
	local sm.Local // arena of what rides
	armed bool     // there is something to commit when the turn ends
	claim *claim   // what the turn's writes may add to the data; nil when that is bounded by nothing
}

type stagedOp struct {
	op  sm.LocalOp
	end int // of the op's request in body; as before it for what rides
}

// stageRequest adds an encoded request; encode appends it.
func (l *loop) stageRequest(op sm.LocalOp, encode func(dst []byte) []byte) {
	l.stage.body = encode(l.stage.body)
	l.stageOp(op)
}

func (l *loop) stageOp(op sm.LocalOp) {
	st := &l.stage
	st.ops = append(st.ops, stagedOp{op, len(st.body)})
	st.armed = true
}

// stageCommand is the hot path: one command of one session.
func (s *session) stageCommand(e *entry, args [][]byte) {
	l := s.loop
	l.stage.body = sm.AppendCommand(l.stage.body, s.db, args)
	op := sm.LocalOp{Kind: sm.OpRequest, Owner: s.owner(), Proto: s.proto, Spec: e.Spec}
	if s.srv.slow.keepsWrites() {
		op.Args = l.stage.local.CopyArgs(args)
	}
	l.stageOp(op)
	l.claimRoom(growth(e, args))
	s.pendingWrites++
	l.stageBehind(e, args, s.db)
}

// stageRead lets a read ride behind the writes before it.
func (s *session) stageRead(e *entry, args [][]byte) {
	l := s.loop
	own := l.stage.local.CopyArgs(args)
	l.stageOp(sm.LocalOp{Kind: sm.OpRead, Owner: s.owner(), Proto: s.proto, Spec: e.Spec, Args: own, DB: s.db, Seed: s.srv.seed()})
	s.pendingWrites++
}

// rideReply lets a ready reply keep its place behind pending writes.
func (srv *Server) rideReply(s *session, v resp.Value) {
	s.loop.stageOp(sm.LocalOp{Kind: sm.OpReply, Owner: s, Proto: s.proto, Raw: v.Append(nil, s.proto)})
	s.pendingWrites++
}

// commitStage hands the turn's writes to the open batch.
func (l *loop) commitStage() {
	st := &l.stage
	st.armed = false
	grown, from := st.claim, 0
	room := l.srv.makeRoom(grown, len(st.ops))
	for from < len(st.ops) {
		to, start := from, l.stageStart(from)
		for to < len(st.ops) && (to == from || st.ops[to].op.Again || st.ops[to].end-start <= stageBytesMax) { // who is served by a write stays behind it
			to++
		}
		var last *claim
		if to == len(st.ops) {
			last = grown
		}
		l.commitOps(from, to, room, last)
		room, from = front{}, to
	}
	st.claim = nil
	clear(st.ops)
	st.ops = st.ops[:0]
	if st.body = st.body[:0]; cap(st.body) > arenaKeepMax {
		st.body = nil
	}
	st.local.Reset()
}

func (l *loop) stageStart(i int) int {
	if i == 0 {
		return 0
	}
	return l.stage.ops[i-1].end
}

// commitOps hands some of them over, what makes room in front of them and c, which is told of their fate, behind; c
// may be nil.
func (l *loop) commitOps(from, to int, room front, c *claim) {
	st := &l.stage
	body := st.body[l.stageStart(from):st.ops[to-1].end]
	l.srv.spend(len(room.body) + len(body))
	batch := l.srv.batcher.OpenFor(len(room.body) + len(body))
	room.put(batch)
	batch.Body = append(batch.Body, body...)
	writes := 0
	for i := from; i < to; i++ {
		op := st.ops[i].op
		if op.Args != nil { // of a read, or for the slow log
			op.Args = batch.Local.CopyArgs(op.Args)
		}
		if op.Kind == sm.OpRequest {
			writes++
		}
		batch.Local.Ops = append(batch.Local.Ops, op)
	}
	batch.Requests += writes
	batch.Riders += to - from - writes
	if c != nil {
		c.put(batch)
	}
	l.srv.freeGarbage(batch, writes)
	l.srv.batcher.Done()
}

// delivery is a settled batch on its way to the loops whose sessions wait for it.
type delivery struct {
	local *sm.Local
	err   resp.Value // none when applied
	loops atomic.Int32
}

// settled is called by the batcher when a batch's fate is known.
func (srv *Server) settled(b *replica.Batch[*sm.Local], err error) {
	d := &delivery{local: b.Local, err: unsettled(err)}
	b.Local = nil
	concerned := srv.answerInternal(d)
	if len(concerned) == 0 {
		srv.locals.put(d.local)
		return
	}
	d.loops.Store(int32(len(concerned)))
	for _, l := range concerned {
		l.post(func() { l.deliver(d) })
	}
}

// answerInternal tells the server's own requests their replies, and returns the loops whose sessions
// wait for the others.
func (srv *Server) answerInternal(d *delivery) (concerned []*loop) {
	start := 0
	for i := range d.local.Ops {
		op := &d.local.Ops[i]
		var l *loop
		switch o := op.Owner.(type) {
		case *session:
			l = o.loop
		case *muted:
			l = o.s.loop
		case *waiter:
			l = o.s.loop
		case *claim:
			srv.room.settle(o)
		case *internalRequest:
			if failed := !d.err.IsNone(); failed {
				o.done(nil, true)
			} else {
				o.done(d.local.Out[start:op.End], false)
			}
		}
		start = op.End
		if l != nil && !slices.Contains(concerned, l) {
			concerned = append(concerned, l)
		}
	}
	return concerned
}

func unsettled(err error) resp.Value {
	switch {
	case err == nil:
		return resp.None
	case errors.Is(err, replica.ErrNotApplied):
		return noQuorum
	case errors.Is(err, replica.ErrReplyLost):
		return replyLost
	}
	return outcomeUnknown
}

// deliver hands this loop's sessions their replies, in order.
func (l *loop) deliver(d *delivery) {
	out, start := d.local.Out, 0
	failed := !d.err.IsNone()
	for i := range d.local.Ops {
		op := &d.local.Ops[i]
		end := op.End
		var reply []byte
		if !failed {
			reply = out[start:end]
			start = end
		}
		switch o := op.Owner.(type) {
		case *session:
			if o.loop == l {
				l.deliverTo(o, op, reply, d, false)
			}
		case *muted:
			if o.s.loop == l {
				l.deliverTo(o.s, op, reply, d, true)
			}
		case *waiter:
			if o.s.loop == l {
				o.settled(op, reply, d.err)
			}
		}
	}
	if d.loops.Add(-1) == 0 {
		l.srv.locals.put(d.local)
	}
}

func (l *loop) deliverTo(s *session, op *sm.LocalOp, reply []byte, d *delivery, mute bool) {
	if op.Kind == sm.OpRequest && op.Spec == nil {
		s.accountMulti(reply)
	}
	if !d.err.IsNone() {
		reply = d.err.Append(nil, s.proto)
		if op.Kind == sm.OpReply {
			reply = op.Raw
		}
	} else if op.Spec != nil {
		l.srv.accountWrite(s, op, len(reply) > 0 && reply[0] == '-')
	}
	s.settled(reply, op.Rev, mute)
}

// internalRequest is a request of the server's own: expiry, compaction, a tick.
type internalRequest struct {
	done func(reply []byte, failed bool) // on the goroutine that settles batches; must not block
}

// submit proposes a request of the server's own in the next batch. done may be nil.
func (srv *Server) submit(db uint32, args [][]byte, done func(reply []byte, failed bool)) {
	if done == nil {
		done = func([]byte, bool) {}
	}
	batch := srv.batcher.OpenFor(sm.RequestSize(args))
	batch.Body = sm.AppendCommand(batch.Body, db, args)
	batch.Requests++
	batch.Local.Ops = append(batch.Local.Ops, sm.LocalOp{Kind: sm.OpRequest, Owner: &internalRequest{done}, Proto: resp.RESP2})
	srv.batcher.Done()
}

// await is submit for those who may block: never from a loop.
func (srv *Server) await(db uint32, args ...[]byte) error {
	result := make(chan error, 1)
	srv.submit(db, args, func(reply []byte, failed bool) {
		switch {
		case failed:
			result <- errNotSettled
		case len(reply) > 0 && reply[0] == '-':
			result <- errors.New(string(reply[1:]))
		default:
			result <- nil
		}
	})
	return <-result
}

var errNotSettled = errors.New("server: request was not settled")

// tick moves log time to this node's estimate.
func (srv *Server) tick() error { return srv.await(0, []byte(" TICK")) }
