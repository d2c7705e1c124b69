package server

import (
	"bytes"
	"strings"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// run answers a session command. It runs on the session's loop and must not block; an answer that
// comes later is session.wait, then finish, with resp.None returned now.
type run func(s *session, args [][]byte) resp.Value

// sessionCommand declares a command that needs the connection or the node rather than keys.
type sessionCommand struct {
	command.Spec
	run run
	sub []sessionCommand // of a container; Spec.Sub is derived
}

// entry is one command as this server runs it.
type entry struct {
	*command.Spec
	name  string // lower case; "config|set" for a subcommand
	run   run    // of a session command
	sub   []*entry
	stats *commandStats

	// reading is the command where it stores nothing, of one that may: see command.Spec.Stores.
	reading *entry

	// original is the name that the log knows the command by, of one that rename-command calls otherwise.
	original []byte
}

// bind joins the families of command with the session commands into what the server runs. A container
// may have subcommands of both kinds.
func bind(families [][]command.Spec, session [][]sessionCommand) (*command.Table, map[string]*entry) {
	var own []command.Spec
	runs := map[string]*sessionCommand{}
	for _, family := range session {
		for i := range family {
			c := &family[i]
			for _, sub := range c.sub {
				c.Spec.Sub = append(c.Spec.Sub, sub.Spec)
			}
			own = append(own, c.Spec)
			runs[c.Name] = c
		}
	}
	table := command.NewTable(append(families, own)...)
	entries := make(map[string]*entry, len(table.List()))
	for _, spec := range table.List() {
		entries[spec.Name] = newEntry(spec, strings.ToLower(spec.Name), runs[spec.Name])
	}
	return table, entries
}

func newEntry(spec *command.Spec, name string, c *sessionCommand) *entry {
	e := &entry{Spec: spec, name: name, stats: new(commandStats)}
	if r := spec.Reading(); r != nil {
		e.reading = &entry{Spec: r, name: name, stats: e.stats}
	}
	if c != nil {
		e.run = c.run
	}
	for i := range spec.Sub {
		sub := &spec.Sub[i]
		child := newEntry(sub, name+"|"+strings.ToLower(sub.Name), nil)
		if c != nil {
			for j := range c.sub {
				if c.sub[j].Name == sub.Name {
					child.run = c.sub[j].run
				}
			}
		}
		e.sub = append(e.sub, child)
	}
	return e
}

// form is the command as args use it: one that may write is a read where it does not.
func (e *entry) form(args [][]byte) *entry {
	if e.reading != nil && e.ReadsOnly(args) {
		return e.reading
	}
	return e
}

// lookup finds what args run: the subcommand of a container if there is one. Nil and the reply if
// there is no such thing.
func (srv *Server) lookup(args [][]byte) (*entry, resp.Value) {
	var upper [64]byte
	name := args[0]
	if len(name) > len(upper) {
		return nil, unknownCommand(args)
	}
	for i, c := range name {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	e := srv.entries[string(upper[:len(name)])]
	if e == nil || e.Flags&command.Internal != 0 {
		return nil, unknownCommand(args)
	}
	if len(e.sub) > 0 && len(args) > 1 {
		for _, sub := range e.sub {
			if strings.EqualFold(sub.Name, string(args[1])) {
				e = sub
				if !e.Arity.Allows(len(args)) {
					e.stats.rejected.Add(1)
					return nil, command.WrongArity(e.name)
				}
				return srv.inForce(e)
			}
		}
		if e.run == nil && e.Read == nil && e.Write == nil {
			return nil, unknownSubcommand(e.name, args[1])
		}
	}
	if !e.Arity.Allows(len(args)) {
		e.stats.rejected.Add(1)
		return nil, command.WrongArity(e.name)
	}
	return srv.inForce(e)
}

// unknownCommand quotes up to 128 bytes of name and arguments, as Redis does.
func unknownCommand(args [][]byte) resp.Value {
	var b strings.Builder
	for _, a := range args[1:] {
		if b.Len() >= 128 {
			break
		}
		b.WriteString("'" + clip(a, 128-b.Len()) + "' ")
	}
	return resp.Error("ERR unknown command '" + clip(args[0], 128) + "', with args beginning with: " + b.String())
}

func unknownSubcommand(name string, sub []byte) resp.Value {
	return resp.Error("ERR unknown subcommand '" + clip(sub, 128) + "'. Try " + strings.ToUpper(name) + " HELP.")
}

// clip is what Redis shows of an argument in an error: not more than n bytes, and nothing behind a zero.
func clip(b []byte, n int) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if len(b) > n {
		b = b[:n]
	}
	return string(b)
}

// dispatch runs or queues one command. False means that the session has parked before it: the command
// is offered again.
func (s *session) dispatch(args [][]byte) bool {
	srv := s.srv
	e, fault := srv.lookup(args)
	if e == nil {
		if s.pendingReads > 0 && endsMulti(args) { // a WATCH before it has not seen its keys yet
			s.parked = true
			return false
		}
		s.abortMulti()
		srv.stats.unknown.Add(1)
		s.reply(s.endedBy(args, fault))
		return true
	}
	if e.original != nil {
		args[0] = e.original // other nodes may call it by yet another name
	}
	e = e.form(args)
	if park := s.mustPark(e) || s.waitsForRoom(e, args); park {
		s.parked = true
		return false
	}
	s.info.command.Store(e)
	if refusal := s.refuse(e, args); !refusal.IsNone() {
		s.abortMulti()
		e.stats.rejected.Add(1)
		s.reply(refusal)
		return true
	}
	if s.multi != nil && !runsInMulti(e) {
		s.queue(e, args)
		return true
	}
	s.route(e, args)
	return true
}

// mustPark tells whether the command has to wait for replies before it, or for CLIENT UNPAUSE.
func (s *session) mustPark(e *entry) bool {
	if s.window.holds(s.pendingWrites + s.pendingReads) {
		return true
	}
	if s.srv.pause.active() && s.srv.pause.stops(s, e) {
		s.srv.pause.hold(s)
		return true
	}
	queued := s.multi != nil && !runsInMulti(e)
	switch {
	case queued || e.Flags&command.Immediate != 0:
		return false
	case e.Write != nil || e.name == "exec":
		return s.pendingReads > 0
	case e.Read != nil:
		return s.pendingWrites+s.pendingReads > 0 && e.Flags&command.Long != 0 // a ReadIndex of its own would overtake
	}
	return s.pendingWrites > 0 || s.pendingReads > 0
}

// route sends a command on its way: into the batch, to the turn's reads, or to its own code.
func (s *session) route(e *entry, args [][]byte) {
	s.srv.show(s, e, args)
	switch {
	case e.Write != nil && e.Flags&command.Blocking != 0:
		s.block(e, args)
	case e.Write != nil:
		if !s.answerIdle(e, args) {
			s.stageCommand(e, args)
		}
	case e.Read != nil && s.pendingWrites > 0:
		s.stageRead(e, args)
	case e.Read != nil:
		op := readOp{entry: e, args: args, db: s.db, proto: s.proto}
		op.mute = s.owner() == any(&s.mutedMe)
		if e.Flags&command.Long != 0 {
			s.readLong(op)
			return
		}
		s.loop.queueRead(s, op)
	default:
		start := s.srv.mono()
		v := s.guarded(e, args)
		if s.waiting && s.exec == nil { // else it is EXEC, and one of its commands is late
			s.late = newLate(e, cloneArgs(args), start)
			return
		}
		s.srv.account(s, e, args, s.srv.mono()-start, v.IsError())
		s.reply(v)
	}
}

// readLong runs a walk over many keys on the pool, after its ReadIndex; the session waits in order.
func (s *session) readLong(op readOp) {
	op.s, op.args = s, cloneArgs(op.args)
	s.pendingReads++
	s.parked = true
	begin := func(err error) {
		s.loop.post(func() {
			if err != nil {
				s.readDone(&op, noQuorum)
				return
			}
			s.again = append(s.again, op)
			if !s.catching {
				s.catching = true
				s.srv.runAgain(s)
			}
		})
	}
	if s.stale {
		begin(nil)
		return
	}
	s.srv.replica.ReadIndex(begin)
}

func cloneArgs(args [][]byte) [][]byte {
	var own readTurn
	return own.copyArgs(args)
}

// refuse is the reply to a command that may not run now: not authenticated, no memory, no room.
func (s *session) refuse(e *entry, args [][]byte) resp.Value {
	srv := s.srv
	if !s.authenticated && e.Flags&command.NoAuth == 0 {
		return resp.Error("NOAUTH Authentication required.")
	}
	if srv.loading.Load() && e.Flags&command.Loading == 0 && !(s.stale && e.Read != nil && e.Write == nil) {
		return loadingReply
	}
	if e.Flags&command.Protected != 0 && !srv.allowed(s, e) {
		return protectedReply(e)
	}
	if e.Flags&command.NoMulti != 0 && s.multi != nil {
		return resp.Error("ERR Command not allowed inside a transaction")
	}
	if e.Flags&command.DenyOOM != 0 {
		if r := s.refusal(); !r.IsNone() {
			return r
		}
	}
	if e.Write != nil {
		if srv.batcher.Busy() {
			return busyReply
		}
		if limit := srv.limits.Load().Request; limit > 0 && int64(sm.RequestSize(args)) > limit {
			return resp.Error("ERR request is larger than max-request-size")
		}
	}
	if !s.mayRun(e) {
		return resp.Error("ERR Can't execute '" + e.name + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
	}
	return resp.None
}
