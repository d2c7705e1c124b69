// Package server is the edge: listeners, sessions, dispatch, transactions, the commands about
// connections and the node, and the chores of a leader.
package server

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/internal/aio"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// Options are what a node is started with.
type Options struct {
	Conf *conf.Set
	Log  *slog.Logger
	// Fatal is called once if the node cannot go on (a full or broken disk under the log); it should
	// say so and end the process.
	Fatal func(reason string)
	// Shutdown is called when a client asks for the end of the process, perhaps before Open returns. It must not block.
	Shutdown func(by string)
	// Heavy is told of the beginning and the end of work that takes a processor for long. It must not take long
	// itself. Nil: nobody is told.
	Heavy func(begins bool)
	// Version of the program, for INFO.
	Version string
	// Semantics is the newest semantics version known; the program's by default.
	Semantics uint64
	// Commands are those on keys; command.Families by default.
	Commands [][]command.Spec
	// Wall is this machine's wall clock; time.Now by default.
	Wall func() time.Time
}

// Server is one running node.
type Server struct {
	conf    *conf.Set
	log     *slog.Logger
	version string
	runID   string
	knows   uint64 // semantics version
	clock   *clock
	table   *command.Table
	public  *command.Table // table, with rename-command's names
	entries map[string]*entry
	bySpec  map[*command.Spec]*entry
	lock    *os.File

	machine *sm.Machine
	replica *replica.Replica
	batcher *replica.Batcher[*sm.Local]
	ready   atomic.Pointer[replica.Batcher[*sm.Local]] // nil while the log is replayed
	locals  localPool

	loops        []*loop
	net          *network
	secure       secure
	pool         *pool
	chores       *chores
	peers        *peers
	acquaintance atomic.Pointer[peers] // peers, for goroutines of Raft's, which are there before it
	where        addresses
	loading      atomic.Bool // not all of what Open does is done
	clients      clientList
	clientMemory clientMemory
	nextClient   atomic.Uint64
	limits       atomic.Pointer[limits]
	pause        pauseState
	guard        guard
	space        space
	room         room
	uses         keyspace.Uses
	stats        stats
	slow         slowlog
	latency      latency
	saves        saves
	backups      backups
	exports      exports
	probes       *probes // nil without metrics-port
	rates        rates
	monitors     monitors
	hub          hub
	waiters      waiters
	peak         memoryPeak
	applyTime    atomic.Int64 // nanoseconds the last batch took to apply, per request
	applyStart   int64        // apply's goroutine only
	wrote        atomic.Int64 // writes of clients handed to the batcher
	changed      atomic.Int64 // changes applied since a batch of writes was last made up
	owed         atomic.Int64 // changes before that for which no batch has freed garbage yet
	garbage      atomic.Int64 // versions that compaction has passed, when last looked

	syncer  *aio.Syncer                     // nil where there is none
	besides atomic.Pointer[replica.Replica] // whose log is synced by it

	trouble  trouble
	shutdown func(by string)
	closed   sync.Once
}

// Open starts a node top to bottom: directory, machine, Raft, log replayed, listeners. When it returns,
// the node serves.
func Open(o Options) (*Server, error) {
	srv := &Server{conf: o.Conf, log: o.Log, version: o.Version, clock: newClock(o.Wall), knows: cmp.Or(o.Semantics, sm.NewestSemantics), shutdown: o.Shutdown, trouble: trouble{log: o.Log}}
	srv.runID = fmt.Sprintf("%016x%016x%08x", rand.Uint64(), rand.Uint64(), rand.Uint32())
	if o.Commands == nil {
		o.Commands = command.Families()
	}
	srv.table, srv.entries = bind(o.Commands, sessionFamilies())
	if err := errors.Join(srv.refuseUsers(), srv.rename()); err != nil {
		return nil, err
	}
	srv.public = srv.publicTable()
	srv.bySpec = bySpec(srv.entries)
	srv.applyConf(nil)
	srv.conf.Subscribe(srv.applyConf)
	dir := o.Conf.String("dir")
	if err := srv.openDir(dir); err != nil {
		return nil, err
	}
	srv.loading.Store(true)
	var err error
	if srv.where, err = ownAddresses(o.Conf.View()); err != nil {
		srv.lock.Close()
		return nil, err
	}
	from, err := srv.findOrigin(dir)
	if err != nil {
		srv.lock.Close()
		return nil, err
	}
	if err := srv.openReplica(dir, from, o); err != nil {
		srv.lock.Close()
		return nil, adviseOpen(dir, err)
	}
	srv.pool = newPool(o.Heavy)
	srv.peers = startPeers(srv, dir, from)
	if srv.probes, err = startProbes(srv); err != nil {
		srv.Close()
		return nil, err
	}
	if err := srv.beginServing(o.Fatal); err != nil {
		srv.Close()
		return nil, err
	}
	return srv, nil
}

// beginServing opens the client ports, since the other members may need to ask this one before any of them can go
// on; waits until the log is replayed and the first entry of this process is applied; and starts what comes then.
func (srv *Server) beginServing(fatal func(reason string)) error {
	if err := srv.listen(); err != nil {
		return err
	}
	go srv.endWhenRemoved(fatal)
	<-srv.batcher.Ready()
	srv.clock.observe(srv.machine.LogTime())
	srv.saves.begin(srv.revision())
	if err := srv.loadShared(); err != nil {
		return err
	}
	if err := srv.startClock(); err != nil {
		return err
	}
	srv.uses.Begin(srv.clock.estimate())
	srv.chores = startChores(srv)
	srv.awaitTime()
	srv.loading.Store(false)
	srv.peers.look()
	srv.replica.ReadIndex(func(error) {}) // a node alone knows by it that it is: see ReadsAtOnce
	return nil
}

// isReady tells whether the log is replayed, and entries of this process are applied.
func (srv *Server) isReady() bool {
	select {
	case <-srv.batcher.Ready():
		return true
	default:
		return false
	}
}

// openReplica brings up the state machine and this node's member of the Raft group.
func (srv *Server) openReplica(dir string, from origin, o Options) error {
	srv.machine = sm.New(sm.Options{
		Table:    srv.table,
		Panicked: srv.panicked,
		Store: mvcc.Options{
			MaxMemory: srv.conf.Bytes("maxmemory"),
			Seed:      from.seed,
			Run:       sideBySide,
			Logger:    pebbleLogger{srv.log, o.Fatal},
			Trouble:   srv.trouble.tell,
			Damaged:   srv.damaged(dir, o.Fatal),
			Heavy:     o.Heavy,
			Ahead:     srv.settleLog,
		},
		Uses:       &srv.uses,
		Semantics:  srv.knows,
		Local:      srv.local,
		Applied:    srv.applied,
		Incarnated: srv.incarnated,
		Alarms:     srv.alarmed,
		Members:    srv.placeMembers,
		Listening:  srv.hub.listening,
		Said:       srv.said,
		OnCommit:   srv.committed,
		Blocked:    srv.commandBlocked,
		Audience:   srv.hub.audience,
	})
	rep, err := replica.Open(replica.Options{
		TLS:        srv.where.tls,
		Dir:        filepath.Join(dir, "raft"),
		MachineDir: filepath.Join(dir, "data"),
		Address:    srv.where.raft,
		Listen:     srv.where.listen,
		Join:       from.cluster,
		Addresses:  from.known,
		OnMembers:  srv.lookAtPeers,
		Machine:    machineAdapter{srv.machine, srv},
		Logger:     srv.log,
		OnFatal:    o.Fatal,
	})
	if err != nil {
		return err
	}
	srv.replica = rep
	srv.batcher = replica.NewBatcher(rep, replica.BatcherOptions[*sm.Local]{
		Seal:         srv.seal,
		Incarnate:    func(node, nonce uint64) []byte { return sm.AppendIncarnate(nil, node, nonce) },
		Now:          srv.clock.estimate,
		Seed:         srv.seed,
		NewLocal:     srv.locals.get,
		Settled:      srv.settled,
		WriteTimeout: writeTimeout(srv.conf.View()),
		Gather:       replica.Gather{Fraction: 2, Max: time.Millisecond},
	})
	srv.ready.Store(srv.batcher)
	srv.placeMembers(srv.machine.Members())
	return nil
}

// startClock steps log time forward to wall time, so that time to live counts through downtime. It never
// steps back. Where there are others who vote, the leader does it: see takeOver.
func (srv *Server) startClock() error {
	if len(srv.replica.Membership().Voters) > 1 || !srv.leads() {
		return nil
	}
	srv.clock.live.Store(true)
	wall := srv.clock.wall()
	if wall.UnixMilli() <= srv.clock.estimate() {
		return nil
	}
	srv.clock.push(wall.UnixNano()) // the millisecond it is in began earlier, and log time would stay behind
	if err := srv.await(0, []byte(" CLOCK"), strconv.AppendInt(nil, wall.UnixMilli(), 10)); err != nil {
		return fmt.Errorf("set log time: %w", err)
	}
	return nil
}

func (srv *Server) seal(dst []byte, h replica.Header, body []byte) []byte {
	return sm.SealBatchFor(srv.machine.Semantics(), dst, sm.Header(h), body)
}

// local finds the replies' place of a batch about to be applied, if this process proposed it.
func (srv *Server) local(node, incarnation, number uint64) *sm.Local {
	b := srv.ready.Load()
	if b == nil || node != srv.replica.ID() {
		return nil
	}
	srv.applyStart = srv.mono()
	local, _ := b.InFlight(incarnation, number)
	return local
}

// applied follows the commit of a batch to the engine.
func (srv *Server) applied(node, incarnation, number uint64) {
	srv.lookAround(false)
	b := srv.ready.Load()
	if b == nil {
		return
	}
	srv.clock.observe(srv.machine.LogTime())
	if node != srv.replica.ID() {
		return
	}
	if local, ok := b.InFlight(incarnation, number); ok && local != nil {
		srv.applyTime.Store((srv.mono() - srv.applyStart) / int64(max(1, len(local.Ops))))
	}
	b.Applied(number)
}

func (srv *Server) incarnated(node, nonce, incarnation uint64) {
	if b := srv.ready.Load(); b != nil && node == srv.replica.ID() {
		b.Incarnated(nonce, incarnation)
	}
}

func (srv *Server) mono() int64  { return srv.clock.mono() }
func (srv *Server) seed() uint64 { return rand.Uint64() }

// machineAdapter gives the state machine the shape that replica drives: each knows only its own Entry.
type machineAdapter struct {
	*sm.Machine
	srv *Server
}

// Apply hands over committed entries.
func (a machineAdapter) Apply(entries []replica.Entry) error {
	own := make([]sm.Entry, len(entries))
	for i := range entries {
		own[i] = sm.Entry(entries[i])
	}
	return a.Machine.Apply(own)
}

// Recover loads a snapshot, and tells the batcher which of this node's batches came inside it.
func (a machineAdapter) Recover(r io.Reader, stop <-chan struct{}) error {
	if err := a.Machine.Recover(r, stop); err != nil {
		return err
	}
	a.srv.lookAround(true)
	if b := a.srv.ready.Load(); b != nil {
		receipt := a.Receipt(a.srv.replica.ID())
		b.Recovered(receipt.Incarnation, receipt.Number)
	}
	return nil
}

// Prepare starts a snapshot.
func (a machineAdapter) Prepare() (replica.SnapshotSource, error) {
	return a.Machine.Prepare()
}

// localPool reuses what rides beside batches.
type localPool struct{ pool sync.Pool }

func (p *localPool) get() *sm.Local {
	if l, ok := p.pool.Get().(*sm.Local); ok {
		return l
	}
	return &sm.Local{}
}

func (p *localPool) put(l *sm.Local) {
	l.Reset()
	p.pool.Put(l)
}

func bySpec(entries map[string]*entry) map[*command.Spec]*entry {
	m := map[*command.Spec]*entry{}
	var add func(e *entry)
	add = func(e *entry) {
		m[e.Spec] = e
		if e.reading != nil {
			m[e.reading.Spec] = e
		}
		for _, sub := range e.sub {
			add(sub)
		}
	}
	for _, e := range entries {
		add(e)
	}
	return m
}

var errNotInteger = resp.Error("ERR value is not an integer or out of range")

func parseUint(b []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(b), 10, 63)
	return n, err == nil
}
