package server

import (
	"strings"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// multi is a transaction being queued.
type multi struct {
	ops    []queued
	bytes  int
	args   int
	growth int64 // of the data, if it is executed
	dirty  bool  // a command was refused: EXEC aborts
}

type queued struct {
	entry *entry
	args  [][]byte
}

// transactions are the commands of MULTI.
func transactions() []sessionCommand {
	immediate := command.Fast | command.Loading | command.Stale | command.AllowBusy
	return []sessionCommand{
		{Spec: command.Spec{Name: "MULTI", Summary: "Starts a transaction.", Since: "1.2.0", Group: "transactions", Complexity: "O(1)",
			Arity: command.Exactly(1), Flags: immediate | command.NoScript | command.Immediate, ACL: transactionACL}, run: startMulti},
		{Spec: command.Spec{Name: "EXEC", Summary: "Executes all commands in a transaction.", Since: "1.2.0", Group: "transactions",
			Complexity: "Depends on commands in the transaction", Arity: command.Exactly(1), Flags: command.Loading | command.Stale | command.NoScript | command.SkipSlowlog, ACL: transactionACL}, run: executeMulti},
		{Spec: command.Spec{Name: "DISCARD", Summary: "Discards a transaction.", Since: "2.0.0", Group: "transactions",
			Complexity: "O(N), when N is the number of queued commands", Arity: command.Exactly(1), Flags: immediate | command.NoScript, ACL: transactionACL}, run: discard},
		{Spec: command.Spec{Name: "WATCH", Syntax: "key [key ...]", Summary: "Monitors changes to keys to determine the execution of a transaction.", Since: "2.2.0", Group: "transactions",
			Complexity: "O(1) for every key.", Arity: command.AtLeast(2), Keys: command.KeysFromTo(1, -1, 1), Flags: immediate | command.NoScript, ACL: transactionACL}, run: watchKeys},
		{Spec: command.Spec{Name: "WATCHREV", Syntax: "key revision [key revision ...]", Summary: "Makes the next transaction depend on the revisions of keys.", Since: "redoubt", Group: "redoubt",
			Complexity: "O(1) for every key.", Arity: command.AtLeast(3), Keys: command.KeysFromTo(1, -1, 2), Flags: immediate | command.NoScript | command.Immediate, ACL: transactionACL}, run: watchRevisions},
		{Spec: command.Spec{Name: "UNWATCH", Summary: "Forgets about watched keys of a transaction.", Since: "2.2.0", Group: "transactions", Complexity: "O(1)",
			Arity: command.Exactly(1), Flags: immediate | command.NoScript, ACL: transactionACL}, run: unwatch}, // behind a WATCH that waits for its view
	}
}

// runsInMulti tells the commands that act at once inside MULTI.
func runsInMulti(e *entry) bool {
	switch e.name {
	case "multi", "exec", "discard", "watch", "watchrev", "quit", "reset":
		return true
	}
	return false
}

func startMulti(s *session, _ [][]byte) resp.Value {
	if s.multi != nil {
		return resp.Error("ERR MULTI calls can not be nested")
	}
	s.multi = &multi{}
	s.info.multi.Store(0)
	return resp.OK()
}

// abortMulti makes EXEC fail, after a command was refused.
func (s *session) abortMulti() {
	if s.multi != nil {
		s.multi.dirty = true
	}
}

// endsMulti says that a command ends the transaction although it is not understood: EXEC with too many arguments.
func endsMulti(args [][]byte) bool { return strings.EqualFold(string(args[0]), "EXEC") }

// endedBy is the reply to a command that was not understood.
func (s *session) endedBy(args [][]byte, fault resp.Value) resp.Value {
	if !endsMulti(args) {
		return fault
	}
	s.endMulti()
	return resp.Error("EXECABORT Transaction discarded because of: " + strings.TrimPrefix(string(fault.Text()), "ERR "))
}

// queue keeps a command for EXEC.
func (s *session) queue(e *entry, args [][]byte) {
	m := s.multi
	if e.Flags&command.Long != 0 && e.Write == nil && e.Read == nil {
		m.dirty = true
	}
	m.ops = append(m.ops, queued{e, cloneArgs(args)})
	s.info.multi.Store(int32(len(m.ops)))
	m.bytes += sm.RequestSize(args)
	m.args += len(args)
	s.info.queued.Store(int64(m.bytes))
	m.growth += growth(e, args)
	if limit := s.srv.limits.Load().Request; limit > 0 && int64(m.bytes) > limit {
		m.dirty = true
		s.reply(resp.Error("ERR transaction is larger than max-request-size"))
		return
	}
	s.reply(resp.Simple("QUEUED"))
}

func (s *session) endMulti() {
	s.multi, s.watched = nil, nil
	s.info.multi.Store(-1)
	s.info.queued.Store(0)
	s.watchedBytes = 0
	s.info.watch.Store(0)
}

func discard(s *session, _ [][]byte) resp.Value {
	if s.multi == nil {
		return resp.Error("ERR DISCARD without MULTI")
	}
	s.endMulti()
	return resp.OK()
}

// executeMulti makes the queued commands one request. Commands of the session itself run now, and their
// replies keep their places; SELECT counts for the commands behind it.
func executeMulti(s *session, _ [][]byte) resp.Value {
	m := s.multi
	switch {
	case m == nil:
		return resp.Error("ERR EXEC without MULTI")
	case m.dirty:
		s.endMulti()
		return resp.Error("EXECABORT Transaction discarded because of previous errors.")
	}
	guards := s.watched
	s.endMulti()
	if len(m.ops) == 0 && len(guards) == 0 {
		return resp.Array()
	}
	if r := s.refuseTransaction(m); !r.IsNone() {
		return r
	}
	s.exec = &execution{queued: m.ops, guards: guards, ops: make([]sm.Op, len(m.ops)), growth: m.growth, bytes: m.memory()}
	s.executing += s.exec.bytes
	return s.goOn()
}

// execution is an EXEC at work: the session commands of the transaction run one after the other, some of
// them with an answer that comes later; then all the others go into the log as one request.
type execution struct {
	queued []queued
	guards []sm.Guard
	ops    []sm.Op
	next   int // the next of queued to look at
	growth int64
	bytes  int // that the queued commands take
}

// executed is a transaction on its way to the log and back.
type executed struct {
	ops   []queued
	bytes int
}

// goOn runs session commands until one has to wait, or all are done and the request is staged.
func (s *session) goOn() resp.Value {
	x := s.exec
	for ; x.next < len(x.queued); x.next++ {
		q := x.queued[x.next]
		if !q.entry.IsSession() {
			x.ops[x.next] = sm.Op{DB: s.db, Args: q.args}
			continue
		}
		start := s.srv.mono()
		v := s.guarded(q.entry, q.args)
		if s.waiting {
			s.late = newLate(q.entry, q.args, start)
			return resp.None
		}
		s.srv.account(s, q.entry, q.args, s.srv.mono()-start, v.IsError())
		x.ops[x.next].Raw = v.Append([]byte{}, s.proto)
	}
	s.exec = nil
	s.executed = append(s.executed, executed{x.queued, x.bytes})
	op := sm.LocalOp{Kind: sm.OpRequest, Owner: s.owner(), Proto: s.proto, Slots: slots(x.ops)}
	s.loop.stageRequest(op, func(dst []byte) []byte { return sm.AppendMulti(dst, x.guards, x.ops) })
	s.loop.claimRoom(x.growth)
	s.pendingWrites++
	for i, q := range x.queued {
		s.loop.stageBehind(q.entry, q.args, x.ops[i].DB)
	}
	return resp.None
}

// slotDone takes the late answer of a session command in a transaction.
func (s *session) slotDone(v resp.Value) {
	x := s.exec
	x.ops[x.next].Raw = v.Append([]byte{}, s.proto)
	x.next++
	s.goOn()
}

// refuseTransaction looks again at what may have changed since the commands were queued.
func (s *session) refuseTransaction(m *multi) resp.Value {
	for _, q := range m.ops {
		if q.entry.Write != nil && s.srv.batcher.Busy() {
			return resp.Error("EXECABORT Transaction discarded because of: " + string(busyReply.Text()))
		}
		if q.entry.Flags&command.DenyOOM == 0 {
			continue
		}
		if r := s.refusal(); !r.IsNone() {
			return resp.Error("EXECABORT Transaction discarded because of: " + string(r.Text()))
		}
	}
	return resp.None
}

// slots are the ready replies among a transaction's, in order.
func slots(ops []sm.Op) (raw [][]byte) {
	for _, op := range ops {
		if op.Raw != nil {
			raw = append(raw, op.Raw)
		}
	}
	return raw
}

// watchKeys notes the revisions of keys in a linearizable view.
func watchKeys(s *session, args [][]byte) resp.Value {
	if s.multi != nil {
		return resp.Error("ERR WATCH inside MULTI is not allowed")
	}
	keys, db := cloneArgs(args[1:]), s.db
	s.readThen(func(view *keyspace.View) resp.Value {
		for _, key := range keys {
			s.watchKey(db, key, view)
		}
		s.info.watch.Store(int32(len(s.watched)))
		return resp.OK()
	})
	return resp.None
}

func (s *session) watchKey(db uint32, key []byte, view *keyspace.View) {
	for _, g := range s.watched {
		if g.DB == db && string(g.Key) == string(key) && !g.Exact {
			return
		}
	}
	if g := view.Guard(key); view.Need() == 0 {
		s.watched = append(s.watched, g)
		s.watchedBytes += len(key)
	}
}

func watchRevisions(s *session, args [][]byte) resp.Value {
	if s.multi != nil {
		return resp.Error("ERR WATCHREV inside MULTI is not allowed")
	}
	if len(args)%2 == 0 {
		return command.WrongArity("watchrev")
	}
	guards := make([]sm.Guard, 0, len(args)/2)
	for i := 1; i < len(args); i += 2 {
		rev, ok := parseUint(args[i+1])
		if !ok {
			return errNotInteger
		}
		g := sm.Guard{DB: s.db, Key: append([]byte(nil), args[i]...), Exact: true}
		g.Rev.Main = rev
		guards = append(guards, g)
		s.watchedBytes += len(g.Key)
	}
	s.watched = append(s.watched, guards...)
	s.info.watch.Store(int32(len(s.watched)))
	return resp.OK()
}

func unwatch(s *session, _ [][]byte) resp.Value {
	if s.multi == nil {
		s.watched, s.watchedBytes = nil, 0
		s.info.watch.Store(0)
	}
	return resp.OK()
}

// readThen answers a session command by a linearizable read; run holds the store's read lock.
func (s *session) readThen(run func(view *keyspace.View) resp.Value) {
	s.loop.queueRead(s, s.ownRead(readOp{run: run, db: s.db}))
}

// ownRead makes the read of a session command: inside a transaction its reply is a slot's.
func (s *session) ownRead(op readOp) readOp {
	if s.exec == nil {
		op.mute = s.owner() == any(&s.mutedMe)
		return op
	}
	s.wait()
	op.then = s.finish
	return op
}
