package server

import (
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// persistenceCommands keep Redis' promises in this server's terms. Every write is durable before its reply,
// so saving is never needed for safety: it makes the store's files hold everything, which lets the log be
// shortened and the next start be quick.
func persistenceCommands() []sessionCommand {
	save := costing("O(N) where N is the total number of keys in all databases",
		node("SAVE", "", "Synchronously saves the database(s) to disk.", "1.0.0", command.Exactly(1), operatorFlags|command.NoMulti, 0, save))
	lastSave := hinted("nondeterministic_output",
		node("LASTSAVE", "", "Returns the Unix timestamp of the last successful save to disk.", "1.0.0", command.Exactly(1), anytimeFlags|command.Fast, acl.Admin|acl.Dangerous, lastSave))
	shutdown := costing("O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
		node("SHUTDOWN", "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", "Synchronously saves the database(s) to disk and shuts down the server.", "1.0.0", command.AtLeast(1),
			operatorFlags|anytimeFlags|command.NoMulti|command.AllowBusy, 0, shutdown))
	return []sessionCommand{
		save,
		node("BGSAVE", "[SCHEDULE]", "Asynchronously saves the database(s) to disk.", "1.0.0", command.AtLeast(1), operatorFlags, 0, bgSave),
		node("BGREWRITEAOF", "", "Asynchronously shortens the log.", "1.0.0", command.Exactly(1), operatorFlags, 0, bgRewrite),
		lastSave,
		shutdown,
	}
}

// saves is what is known of the saves that clients asked for. The node also saves on its own account; those
// are not counted.
type saves struct {
	mu sync.Mutex
	savesReport
}

type savesReport struct {
	running      bool
	rewriting    bool
	started      time.Time
	last         time.Time // the last success; the process' start before it
	lastRevision uint64    // covered by it
	ok           bool
	took         time.Duration // negative: never
	count        int64
	rewriteOK    bool
	rewriteTook  time.Duration // negative: never
	rewrites     int64
}

// begin is the state of a fresh process.
func (p *saves) begin(revision uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.savesReport = savesReport{last: time.Now(), lastRevision: revision, ok: true, rewriteOK: true, took: -1, rewriteTook: -1}
}

func (p *saves) report() savesReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.savesReport
}

// changes are the revisions since the last save.
func (r *savesReport) changes(srv *Server) uint64 { return srv.revision() - r.lastRevision }

// revision is the current main revision; 0 while there is no state.
func (srv *Server) revision() uint64 {
	defer srv.machine.RUnlock()
	if !srv.machine.RLock() {
		return 0
	}
	return srv.machine.Space().Store.Revision()
}

func (r *savesReport) current() int64 {
	if !r.running {
		return -1
	}
	return int64(time.Since(r.started) / time.Second)
}

// start claims the only save there may be at a time.
func (p *saves) start(rewrite bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running || p.rewriting {
		return false
	}
	p.started = time.Now()
	p.running, p.rewriting = !rewrite, rewrite
	return true
}

func (p *saves) finish(revision uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := time.Since(p.started)
	if p.rewriting {
		p.rewriteOK, p.rewriteTook = err == nil, took
		p.rewrites++
	} else {
		p.ok, p.took = err == nil, took
		p.count++
	}
	p.running, p.rewriting = false, false
	if err == nil {
		p.last, p.lastRevision = time.Now(), revision
	}
}

// flush makes the store's files hold everything applied so far and lets the log be shortened. It blocks.
func (srv *Server) flush() error {
	revision := srv.revision()
	err := srv.replica.Snapshot()
	srv.saves.finish(revision, err)
	if err != nil {
		srv.log.Error("save failed", "err", err)
	}
	return err
}

var errSaving = resp.Error("ERR Background save already in progress")

func save(s *session, _ [][]byte) resp.Value {
	return s.later(func() resp.Value {
		if !s.srv.saves.start(false) {
			return errSaving
		}
		if err := s.srv.flush(); err != nil {
			return resp.Error("ERR " + err.Error())
		}
		return resp.OK()
	})
}

func bgSave(s *session, args [][]byte) resp.Value {
	if len(args) > 2 || len(args) == 2 && !is(args[1], "SCHEDULE") {
		return errSyntax
	}
	if !s.srv.saves.start(false) {
		return errSaving
	}
	s.srv.pool.run(func() { s.srv.flush() })
	return resp.Simple("Background saving started")
}

func bgRewrite(s *session, _ [][]byte) resp.Value {
	if !s.srv.saves.start(true) {
		return resp.Error("ERR Background append only file rewriting already in progress")
	}
	s.srv.pool.run(func() { s.srv.flush() })
	return resp.Simple("Background append only file rewriting started")
}

func lastSave(s *session, _ [][]byte) resp.Value { return resp.Int(s.srv.saves.report().last.Unix()) }

// shutdown asks the process to end. The connection closes with it, without a reply. Nothing is lost with
// NOSAVE either: the log has it. NOW and FORCE change nothing, as there is nothing to wait for or to fail.
func shutdown(s *session, args [][]byte) resp.Value {
	var save, noSave, abort, other bool
	for _, arg := range args[1:] {
		switch {
		case is(arg, "NOSAVE"):
			noSave = true
		case is(arg, "SAVE"):
			save = true
		case is(arg, "NOW"), is(arg, "FORCE"):
			other = true
		case is(arg, "ABORT"):
			abort = true
		default:
			return errSyntax
		}
	}
	if save && noSave || abort && (save || noSave || other) {
		return errSyntax
	}
	if abort {
		return resp.Error("ERR No shutdown in progress.")
	}
	s.srv.log.Warn("User requested shutdown...")
	if s.srv.shutdown != nil {
		s.srv.shutdown("SHUTDOWN")
	}
	s.waiting = true
	return resp.None
}
