package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/dragonboat/v4/raftpb"
	"github.com/lni/dragonboat/v4/statemachine"
	"github.com/lni/vfs"

	"github.com/redoubt-db/redoubt/internal/raftlog"
	"github.com/redoubt-db/redoubt/internal/raftwire"
)

// What is frozen in every data directory at its first start.
const (
	shardID     = 1 // the one Raft group
	execShards  = 4 // step workers of dragonboat; ours is the only group, so one works
	logDBShards = 4 // our log knows no such shards, but dragonboat's flag file does
)

// Defaults and limits.
const (
	sessionCount = 16 // one no-op session takes one mutex of dragonboat's 16

	defaultTick        = 10 * time.Millisecond
	defaultHeartbeat   = 5
	defaultElection    = 50
	defaultReadTimeout = 10 * time.Second

	// unappliedMax is a fuse against running out of memory when apply cannot
	// follow; batches in flight and the limits of a request keep it from blowing.
	unappliedMax   = 1 << 30
	peerQueueMax   = 64 << 20
	restartKeepMax = 10_000 // entries kept by the compaction dragonboat does at a restart

	transferWait = 300 * time.Millisecond
	pollEvery    = 10 * time.Millisecond // our own clock over waits that dragonboat should end
)

// Errors of requests.
var (
	// ErrDropped means that the entry was definitely not applied, and never will be.
	ErrDropped = errors.New("replica: proposal dropped")
	// ErrUnknown means that the entry may have been applied, may be applied later, or never.
	ErrUnknown = errors.New("replica: outcome of the proposal is unknown")
	// ErrNoQuorum answers a read that found no leader in time.
	ErrNoQuorum = errors.New("replica: no quorum answered in time")
	// ErrAddress means that an address of Options is none that can be listened on or dialled.
	ErrAddress = errors.New("replica: an address for the other members is not host:port, with the name or IP address of one host")
	// ErrClosed answers whatever is asked of a closed replica.
	ErrClosed = errors.New("replica: closed")
)

// Leader is what this node knows of the group's leader.
type Leader struct {
	ID    uint64 // node id; 0 when not Known
	Term  uint64
	Known bool
	Self  bool
}

// Options of a replica. Dir, MachineDir, Address and Machine have no defaults.
type Options struct {
	Dir        string // Raft's own directory; made if absent
	MachineDir string // handed to Machine.Open; the replica does not touch it
	Address    string // host:port other nodes reach this one's Raft transport at
	Listen     string // host:port the transport listens on; Address by default
	TLS        *TLS   // nil: whoever reaches the transport is trusted
	Machine    Machine
	Logger     *slog.Logger
	// Join is the id of the cluster that a new node is to belong to; its members
	// have to add it. 0 forms a cluster of one. A directory in use keeps to its own.
	Join uint64
	// Addresses are where the transports of other members are reached, as far as
	// that is known before the machine is open; see SetAddress.
	Addresses map[uint64]string

	// OnLeader is told of every change of leader, one at a time and in order. It must not block.
	OnLeader func(Leader)
	// OnMembers is told of changes of the membership that this node has applied. It must not block.
	OnMembers func()
	// OnFatal is called with the reason just before the process panics because the
	// log or the machine failed. A program may log it and exit there, so that the
	// reason is the last thing its user reads.
	OnFatal func(reason string)

	// FS holds Raft's directory; the operating system's files by default. Others
	// than lni/vfs' own are refused by dragonboat.
	FS vfs.FS
	// HostName replaces os.Hostname in tests.
	HostName func() (string, error)

	Tick           time.Duration // Raft's unit of time
	HeartbeatTicks uint64
	ElectionTicks  uint64
	ReadTimeout    time.Duration

	// The log is compacted when CompactBytes of commands were applied since it was
	// last, or after CompactEvery if any were. What is kept for members that lag
	// is bounded by KeepBytes.
	CompactBytes uint64
	CompactEvery time.Duration
	KeepBytes    uint64

	// dragonboats has the member speak by dragonboat's own transport, as one of a group may: see internal/raftwire.
	dragonboats bool
}

// TLS names the PEM files of a transport on which both sides of a connection show a certificate: that of this node, of
// which other members check that it names the host of their address for it, and of who signs them all.
type TLS struct{ CA, Certificate, Key string }

func (o *Options) setDefaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Listen == "" {
		o.Listen = o.Address
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.HostName == nil {
		o.HostName = os.Hostname
	}
	orElse(&o.Tick, defaultTick)
	orElse(&o.HeartbeatTicks, defaultHeartbeat)
	orElse(&o.ElectionTicks, defaultElection)
	orElse(&o.ReadTimeout, defaultReadTimeout)
	orElse(&o.CompactBytes, defaultCompactBytes)
	orElse(&o.CompactEvery, defaultCompactEvery)
	orElse(&o.KeepBytes, defaultKeepBytes)
}

func orElse[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// Replica is this node's member of the Raft group. All its methods may be called
// by any goroutine.
type Replica struct {
	opts  Options
	log   *slog.Logger
	home  *home
	id    identity
	peers *registry
	wire  *raftwire.Transport

	nodeHost *dragonboat.NodeHost
	user     dragonboat.INodeUser
	sessions [sessionCount]*client.Session
	session  atomic.Uint64

	applied atomic.Uint64

	applying atomic.Uint64 // the last entry that the machine was given
	leader   atomic.Pointer[Leader]
	hooks    struct {
		mu     sync.Mutex
		list   []func(Leader)
		change chan struct{} // closed and replaced at every change
	}

	// calls is held shared around calls into dragonboat that would find it half
	// closed otherwise, and says whether they may be made.
	calls struct {
		sync.RWMutex
		closed bool
	}
	silence   silence
	disk      diskWatch
	raftLog   *raftlog.Log // dragonboat's
	proposed  atomic.Int64 // requests in what was proposed last
	proposals *queue[proposal]
	reads     *queue[read]
	compactor *compactor
	stop      chan struct{}
	workers   sync.WaitGroup
	closing   sync.Once
	closeErr  error

	told     chan raftpb.Message // that it is time to take over: see insist
	removing sync.Once
	removed  chan struct{} // closed when this node knows that it was removed
}

// Open starts this node's replica: in an empty directory it forms a group of
// one, else it goes on where it was. It returns when the machine is open and
// the log is being replayed into it; see AwaitLeader and ReadIndex for more.
func Open(opts Options) (*Replica, error) {
	opts.setDefaults()
	for _, address := range []string{opts.Address, opts.Listen} {
		if address != "" && !raftwire.ValidAddress(address) {
			return nil, fmt.Errorf("%w: %q", ErrAddress, address)
		}
	}
	routeLogs(opts.Logger, opts.OnFatal)
	home, err := openHome(opts.FS, opts.Dir)
	if err != nil {
		return nil, err
	}
	r := &Replica{
		opts: opts, log: opts.Logger, home: home, peers: newRegistry(),
		proposals: newQueue[proposal](), reads: newQueue[read](), stop: make(chan struct{}),
		removed: make(chan struct{}), told: make(chan raftpb.Message, 1),
	}
	r.wire = raftwire.New(r.log)
	r.leader.Store(&Leader{})
	r.hooks.change = make(chan struct{})
	if err := r.open(); err != nil {
		return nil, errors.Join(err, home.close())
	}
	return r, nil
}

func (r *Replica) open() error {
	id, err := r.home.load(r.opts.Join)
	if err != nil {
		return err
	}
	host, err := r.opts.HostName()
	if err != nil {
		return fmt.Errorf("replica: host name: %w", err)
	}
	if err := r.home.adopt(host); err != nil {
		return err
	}
	r.id = id
	for node, address := range r.opts.Addresses {
		r.peers.set(node, address)
	}
	r.peers.set(id.node, r.opts.Address)
	opened, err := r.opts.Machine.Open(r.opts.MachineDir)
	if err != nil {
		return fmt.Errorf("replica: open the machine: %w", err)
	}
	if err := r.start(opened); err != nil {
		return errors.Join(err, r.opts.Machine.Close())
	}
	return nil
}

// start starts dragonboat under a machine that is open.
func (r *Replica) start(opened uint64) error {
	fresh := r.id.state != r.id.state.complete()
	if opened > 0 && fresh {
		return fmt.Errorf("%w: %s holds state up to index %d, but the Raft log in %s is new; restore both from the same backup",
			ErrDamaged, r.opts.MachineDir, opened, r.opts.Dir)
	}
	r.applied.Store(opened)
	r.compactor = newCompactor(r)
	nodeHost, err := dragonboat.NewNodeHost(r.nodeHostConfig())
	if err != nil {
		return fmt.Errorf("replica: %w", err)
	}
	r.nodeHost = nodeHost
	var members map[uint64]dragonboat.Target
	if !r.joined() {
		members = map[uint64]dragonboat.Target{r.id.node: targetOf(r.id.node)}
	}
	if !fresh && !nodeHost.HasNodeInfo(shardID, r.id.node) {
		err = fmt.Errorf("%w: the Raft log in %s is gone; restore the data directory from a copy", ErrDamaged, r.opts.Dir)
	} else {
		err = nodeHost.StartOnDiskReplica(members, r.joined(), r.machine(opened), r.config())
	}
	if err == nil {
		r.user, err = nodeHost.GetNodeUser(shardID)
	}
	if err == nil && fresh {
		r.id.state = r.id.state.complete()
		err = r.home.save(r.id)
	}
	if err != nil {
		nodeHost.Close()
		return fmt.Errorf("replica: %w", err)
	}
	for i := range r.sessions {
		r.sessions[i] = nodeHost.GetNoOPSession(shardID)
	}
	r.workers.Go(r.awaitProposals)
	r.workers.Go(r.awaitReads)
	r.workers.Go(r.compactor.run)
	r.workers.Go(r.hurry)
	r.workers.Go(r.insist)
	return nil
}

// joined tells that the node was added to a group that others had formed.
func (r *Replica) joined() bool { return r.id.state.complete() == joined }

func (r *Replica) machine(opened uint64) statemachine.CreateOnDiskStateMachineFunc {
	return func(uint64, uint64) statemachine.IOnDiskStateMachine {
		return &driven{machine: r.opts.Machine, opened: opened, applied: &r.applied, applying: &r.applying, onBatch: r.compactor.appliedBatch, onOpen: r.sendDirectly}
	}
}

func (r *Replica) nodeHostConfig() config.NodeHostConfig {
	logDB := config.GetTinyMemLogDBConfig()
	logDB.Shards = logDBShards
	var secure TLS
	if r.opts.TLS != nil {
		secure = *r.opts.TLS
	}
	return config.NodeHostConfig{
		MutualTLS: r.opts.TLS != nil, CAFile: secure.CA, CertFile: secure.Certificate, KeyFile: secure.Key,
		DeploymentID:        r.id.cluster,
		NodeHostDir:         r.opts.Dir,
		NodeHostID:          targetOf(r.id.node),
		RTTMillisecond:      uint64(r.opts.Tick / time.Millisecond),
		RaftAddress:         r.opts.Address,
		ListenAddress:       r.opts.Listen,
		RaftEventListener:   listener{r},
		SystemEventListener: systemListener{r},
		MaxSendQueueSize:    peerQueueMax,
		MaxReceiveQueueSize: peerQueueMax,
		Expert: config.ExpertConfig{
			FS:                  r.opts.FS,
			LogDB:               logDB,
			LogDBFactory:        raftLogs{&r.disk, func(l *raftlog.Log) { r.raftLog = l }},
			Engine:              config.EngineConfig{ExecShards: execShards, CommitShards: 4, ApplyShards: 4, SnapshotShards: 8, CloseShards: 4},
			NodeRegistryFactory: r.peers,
			TransportFactory:    r.transport(),
		},
	}
}

// transport is nil for dragonboat's own.
func (r *Replica) transport() config.TransportFactory {
	if r.opts.dragonboats {
		return nil
	}
	return insisting{r.wire, r.told}
}

// config says of a node that joined that it does not vote, at every start: that
// is what it was added as, and what the log or the snapshot it starts with says
// next makes it a voter. Told otherwise, dragonboat panics where the log says
// that it was added as a learner.
func (r *Replica) config() config.Config {
	return config.Config{
		IsNonVoting: r.joined(),
		ShardID:     shardID, ReplicaID: r.id.node,
		CheckQuorum: true, PreVote: true, OrderedConfigChange: true, WaitReady: true,
		HeartbeatRTT: r.opts.HeartbeatTicks, ElectionRTT: r.opts.ElectionTicks,
		SnapshotEntries: 0, CompactionOverhead: restartKeepMax, MaxInMemLogSize: unappliedMax,
		EntryCompressionType: config.NoCompression, SnapshotCompressionType: config.NoCompression,
	}
}

// Close hands leadership to another member where there is one, stops the replica
// and closes the machine, which flushes it. What is still pending is answered
// with ErrUnknown or ErrClosed before Close returns.
func (r *Replica) Close() error {
	r.closing.Do(func() {
		r.silence.spoke(r.settleLog) // no read is answered at once any more
		r.giveUpLeadership()
		close(r.stop)
		r.workers.Wait()
		r.calls.Lock()
		r.calls.closed = true
		r.calls.Unlock()
		r.nodeHost.Close()
		r.closeErr = errors.Join(r.opts.Machine.Close(), r.home.close())
	})
	return r.closeErr
}

// giveUpLeadership saves the other members an election timeout. The first that
// is there takes it.
func (r *Replica) giveUpLeadership() {
	m := r.Membership()
	for _, node := range m.Voters {
		if node == r.id.node || !r.Leader().Self {
			continue
		}
		if r.nodeHost.RequestLeaderTransfer(shardID, node) != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), transferWait)
		_ = r.awaitLeader(ctx, func(l Leader) bool { return l.Known && !l.Self })
		cancel()
	}
}

// ID returns this node's id, which it keeps for ever.
func (r *Replica) ID() uint64 { return r.id.node }

// Cluster returns the id of the cluster that this node belongs to.
func (r *Replica) Cluster() uint64 { return r.id.cluster }

// Applied returns the index of the last entry handed to the machine. Raft's own
// entries (elections, membership) are not counted.
func (r *Replica) Applied() uint64 { return r.applied.Load() }

// Leader returns what this node knows of the leader, which may be out of date.
func (r *Replica) Leader() Leader { return *r.leader.Load() }

// AwaitLeader returns when this node knows of a leader, or with ctx's error.
func (r *Replica) AwaitLeader(ctx context.Context) error {
	return r.awaitLeader(ctx, func(l Leader) bool { return l.Known })
}

func (r *Replica) awaitLeader(ctx context.Context, fits func(Leader) bool) error {
	for {
		r.hooks.mu.Lock()
		change := r.hooks.change
		r.hooks.mu.Unlock()
		if fits(r.Leader()) {
			return nil
		}
		select {
		case <-change:
		case <-r.stop:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SetAddress tells the replica where the Raft transport of a node is reached.
// Addresses of members are data of the replicated machine, so this is called
// for what it holds at start, and when it changes.
func (r *Replica) SetAddress(node uint64, address string) {
	if before, _ := r.peers.address(node); before != address {
		r.peers.set(node, address)
		r.wire.Relink(node)
	}
}

// Relink has messages to a node take a new connection. dragonboat finds out that a
// connection is dead when it loses a message on it, and then waits for up to a
// second; between two followers that message is the vote that an election needs.
// So it is called for a node that was restarted or was not to be reached.
func (r *Replica) Relink(node uint64) {
	r.peers.relink(node)
	r.wire.Relink(node)
}

// Address returns where the Raft transport of a node is reached, "" if that is not known.
func (r *Replica) Address(node uint64) string {
	address, _ := r.peers.address(node)
	return address
}

// onLeader adds a hook that is told of every change of leader.
func (r *Replica) onLeader(hook func(Leader)) {
	r.hooks.mu.Lock()
	defer r.hooks.mu.Unlock()
	r.hooks.list = append(r.hooks.list, hook)
}

// listener hears dragonboat's events on the one goroutine that tells them.
type listener struct{ r *Replica }

var _ raftio.IRaftEventListener = listener{}

func (l listener) LeaderUpdated(info raftio.LeaderInfo) {
	r := l.r
	known := info.LeaderID != raftio.NoLeader
	leader := Leader{ID: info.LeaderID, Term: info.Term, Known: known, Self: known && info.LeaderID == r.id.node}
	if known {
		r.log.Info("The group has a leader", "node", fmt.Sprintf("%016x", leader.ID), "term", leader.Term, "this", leader.Self)
	} else {
		r.log.Info("The group has no leader", "term", leader.Term)
	}
	r.leader.Store(&leader)
	r.hooks.mu.Lock()
	hooks := r.hooks.list
	close(r.hooks.change)
	r.hooks.change = make(chan struct{})
	r.hooks.mu.Unlock()
	for _, hook := range hooks {
		hook(leader)
	}
	if r.opts.OnLeader != nil {
		r.opts.OnLeader(leader)
	}
}
