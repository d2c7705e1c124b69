package server

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/sm"
)

// stats are the counters of INFO. CONFIG RESETSTAT zeroes them.
type stats struct {
	connections         atomic.Int64
	rejectedConnections atomic.Int64
	evictedClients      atomic.Int64
	copies              atomic.Int64 // asked for by SYNC
	commands            atomic.Int64
	reads               atomic.Int64 // of connections, whatever they brought
	unknown             atomic.Int64
	protocolErrors      atomic.Int64
	inputBytes          atomic.Int64
	outputBytes         atomic.Int64
	errorReplies        atomic.Int64
	expiredBefore       atomic.Uint64 // what the state machine had counted of expired and evicted keys then
	evictedBefore       atomic.Uint64

	mu     sync.Mutex
	errors map[string]int64 // by code, as in errorstat_ERR
}

// errorKindsMax bounds errorstats, as codes may come from clients' scripts.
const errorKindsMax = 128

// errorReply counts an error by its code; text begins with it, without the dash.
func (st *stats) errorReply(text []byte) {
	st.errorReplies.Add(1)
	code, _, _ := strings.Cut(string(text), " ")
	code = strings.TrimRight(code, "\r\n")
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.errors == nil {
		st.errors = map[string]int64{}
	}
	if _, known := st.errors[code]; known || len(st.errors) < errorKindsMax {
		st.errors[code]++
	}
}

// commandStats are one command's counters for INFO commandstats.
type commandStats struct {
	calls    atomic.Int64
	nanos    atomic.Int64
	rejected atomic.Int64
	failed   atomic.Int64
	latency  histogram
}

// Traffic is what a node has done since the start.
type Traffic struct {
	Answered int64 // commands, since CONFIG RESETSTAT
	Reads    int64 // of connections
	Messages int64 // from other members
	Applied  int64 // requests of the log
}

// Traffic may be called by any goroutine.
func (srv *Server) Traffic() Traffic {
	return Traffic{
		Answered: srv.stats.commands.Load(), Reads: srv.stats.reads.Load(),
		Messages: srv.replica.Messages(), Applied: int64(srv.machine.Stats().Requests),
	}
}

// account notes one run of a command that took nanos.
func (srv *Server) account(s *session, e *entry, args [][]byte, nanos int64, failed bool) {
	srv.stats.commands.Add(1)
	e.stats.calls.Add(1)
	e.stats.nanos.Add(nanos)
	if failed {
		e.stats.failed.Add(1)
	}
	srv.latency.command(e, nanos)
	if srv.slow.wants(nanos) {
		srv.slow.add(s, e, args, nanos)
	}
}

// accountWrite notes one write of an applied batch, at its share of the batch's time.
func (srv *Server) accountWrite(s *session, op *sm.LocalOp, failed bool) {
	if e := srv.bySpec[op.Spec]; e != nil {
		srv.account(s, e, op.Args, srv.applyTime.Load(), failed)
	}
}

func secondsOf(n int64) time.Duration { return time.Duration(n) * time.Second }

func upper(s string) string { return strings.ToUpper(s) }

// resetStats is CONFIG RESETSTAT.
func (srv *Server) resetStats() {
	st := &srv.stats
	for _, n := range []*atomic.Int64{&st.connections, &st.rejectedConnections, &st.evictedClients, &st.copies, &st.commands, &st.unknown, &st.protocolErrors,
		&st.inputBytes, &st.outputBytes, &st.errorReplies} {
		n.Store(0)
	}
	st.expiredBefore.Store(srv.expiredKeys())
	st.evictedBefore.Store(srv.evictedKeys())
	srv.machine.Lookups.Reset()
	st.mu.Lock()
	st.errors = nil
	st.mu.Unlock()
	for _, e := range srv.bySpec {
		e.stats.calls.Store(0)
		e.stats.nanos.Store(0)
		e.stats.rejected.Store(0)
		e.stats.failed.Store(0)
		e.stats.latency.reset()
	}
}
