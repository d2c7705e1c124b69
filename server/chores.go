package server

import (
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// What the chores do at a time, and how often they look.
const (
	choreTick          = 100 * time.Millisecond
	expiredPerEntry    = 500                   // keys or fields ended by one request; keeps apply under a few milliseconds
	compactPerEntry    = 100                   // superseded versions freed by a request of its own ...
	compactHaste       = 1000                  // and one more for so much garbage, as a key of a million elements leaves,
	compactPerEntryMax = 1000                  // up to half a millisecond of apply
	compactPause       = 20 * time.Millisecond // ... and the time to the next, so that fewer than one write in a hundred meets one
	compactPauseIdle   = 2 * time.Millisecond  // while there are no writes
	compactPerChange   = 2                     // and for each change before: more than the change can supersede
	compactAfter       = 1024                  // changes, as rows are deleted the cheaper the more there are at a time
	compactAtOnceMax   = 8192                  // changes, when the last batches made as many
	compactRetry       = time.Second           // between looks at what may be compacted
	ageSample          = time.Second           // of revision against time, for history-max-age
	quietTick          = 10 * time.Second      // log time moves at least this often
	coolBytesPerTurn   = 64 << 20
	coolStepsPerTurn   = 20000
	housekeepingEvery  = time.Second
)

// chores are what the leader does for all, and each node for itself: expiry, compaction, memory, disk space,
// idle clients.
type chores struct {
	srv      *Server
	ended    chan struct{}
	more     chan struct{} // a step is done, and there may be another
	done     sync.WaitGroup
	tookTerm atomic.Uint64 // the term of this node's leadership that takeOver was done for
	taking   atomic.Bool
	expireOn atomic.Bool // DEBUG SET-ACTIVE-EXPIRE
	busy     atomic.Int32
	wrote    atomic.Int64 // writes seen when compaction last took a step
	samples  []revisionAt // oldest first
	slow     slowDiskWatch
	content  contentWatch
	calm     calm
	giving   atomic.Bool // memory back, which takes a flush
}

type revisionAt struct {
	at  int64 // monotonic nanoseconds
	rev uint64
}

func startChores(srv *Server) *chores {
	c := &chores{srv: srv, ended: make(chan struct{}), more: make(chan struct{}, 1)}
	c.expireOn.Store(true)
	c.done.Add(3)
	go c.run(choreTick, c.more, c.turn)
	go c.run(housekeepingEvery, nil, c.housekeeping)
	go c.watchContent()
	return c
}

// end has no chore begin any more; wait returns when none goes on. Between the two the batcher is closed: what waits for a batch, as a
// new leader does that has lost its quorum, would wait for as long as a write may take.
func (c *chores) end()  { close(c.ended) }
func (c *chores) wait() { c.done.Wait() }

// run calls turn at each tick, and when there is more to do.
func (c *chores) run(every time.Duration, more <-chan struct{}, turn func()) {
	defer c.done.Done()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			turn()
		case <-more:
			turn()
		case <-c.ended:
			return
		}
	}
}

// turn frees memory and, on the leader, proposes what has come due. One step is under way at a time.
func (c *chores) turn() {
	c.srv.coolDown()
	if l := c.srv.replica.Leader(); !l.Known || !l.Self || !c.takenOver(l) {
		return
	}
	if c.busy.Load() > 0 {
		return
	}
	if c.expireOn.Load() && !c.srv.pause.active() && c.expire() {
		return
	}
	if !c.srv.pause.active() && c.evict() {
		return
	}
	if c.compactStep() {
		return
	}
	if c.srv.clock.estimate()-c.srv.machine.LogTime() > quietTick.Milliseconds() {
		c.propose(0, []byte(" CLOCK"), strconv.AppendInt(nil, c.srv.clock.estimate(), 10))
	}
}

// propose submits a chore; the next turn comes at once when it is done, so that a backlog is worked off
// faster than one step a tick.
func (c *chores) propose(db uint32, args ...[]byte) { c.proposeThen(c.goOn, db, args...) }

func (c *chores) proposeThen(then func(), db uint32, args ...[]byte) {
	c.busy.Add(1)
	c.srv.submit(db, args, func([]byte, bool) {
		c.busy.Add(-1)
		then()
	})
}

// goOn asks for another turn now, pause for one a little later.
func (c *chores) goOn() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *chores) pause() {
	wrote := c.srv.wrote.Load()
	pause := compactPause
	if wrote == c.wrote.Swap(wrote) {
		pause = compactPauseIdle
	}
	time.AfterFunc(pause, c.goOn)
}

// expire ends keys, fields and leases that are due by this node's estimate; apply looks again at log time.
func (c *chores) expire() bool {
	srv := c.srv
	now := srv.clock.estimate()
	if !srv.machine.RLock() {
		srv.machine.RUnlock()
		return false
	}
	space := srv.machine.Space()
	due := space.Due(now, expiredPerEntry)
	fields := space.DueFields(now, expiredPerEntry)
	leases := space.DueLeases(now, expiredPerEntry)
	srv.machine.RUnlock()
	for _, d := range due {
		c.propose(d.DB, append([][]byte{[]byte(" EXPIRE")}, d.Keys...)...)
	}
	for _, d := range fields {
		limit := strconv.AppendInt(nil, expiredPerEntry, 10)
		c.propose(d.DB, append([][]byte{[]byte(command.ExpireFields), limit}, d.Keys...)...)
	}
	if len(leases) > 0 {
		args := [][]byte{[]byte(" REVOKE-DUE")}
		for _, id := range leases {
			args = append(args, strconv.AppendUint(nil, id, 10))
		}
		c.propose(0, args...)
	}
	return len(due)+len(fields)+len(leases) > 0
}

// compactStep frees what compaction has passed, one bounded step after another.
func (c *chores) compactStep() bool {
	garbage := c.srv.lookForGarbage()
	if garbage == 0 {
		return false
	}
	c.proposeThen(c.pause, 0, compactStepRequest(min(compactPerEntry+garbage/compactHaste, compactPerEntryMax))...)
	return true
}

func compactStepRequest(max int) [][]byte {
	return [][]byte{[]byte(command.CompactStep), strconv.AppendInt(nil, int64(max), 10)}
}

// lookForGarbage notes and returns how much compaction has passed that is not freed yet.
func (srv *Server) lookForGarbage() (garbage int) {
	if srv.machine.RLock() {
		garbage = srv.machine.Space().Store.Garbage()
	}
	srv.machine.RUnlock()
	srv.garbage.Store(int64(garbage))
	return garbage
}

// freeGarbage lets a batch of writes free what changes before it superseded, so that compaction keeps up with
// whatever is written and needs no turns of its own under load.
func (srv *Server) freeGarbage(batch *replica.Batch[*sm.Local], writes int) {
	srv.wrote.Add(int64(writes))
	changed := srv.changed.Swap(0)
	if srv.garbage.Load() == 0 {
		srv.owed.Store(0)
		return
	}
	owed := srv.owed.Add(changed)
	if owed < compactAfter {
		return
	}
	owed = min(owed, max(compactAfter, min(changed, compactAtOnceMax)))
	srv.owed.Add(-owed)
	batch.Body = sm.AppendCommand(batch.Body, 0, compactStepRequest(compactPerChange*int(owed)))
	batch.Requests++
	batch.Local.Ops = append(batch.Local.Ops, sm.LocalOp{Kind: sm.OpRequest, Proto: resp.RESP2})
}

// baseMemory stands for what a process takes with no data in it: maxmemory below it holds nothing.
const baseMemory = 1 << 20

// coolDown keeps memory below maxmemory when nothing may be evicted: values leave memory, as they are on disk by revision. When what
// cannot leave is too large, growing writes are refused. History is not part of that: retain keeps it small, and a write is not refused for
// the sake of what others have overwritten.
func (srv *Server) coolDown() {
	limit := srv.conf.Bytes("maxmemory")
	if limit == 0 || srv.room.limit.Load() > 0 {
		srv.guard.noMemory.Store(false)
		return
	}
	memory := srv.memoryUsed()
	if memory.Total > limit {
		srv.cool(min(memory.Total-limit, coolBytesPerTurn))
		memory = srv.memoryUsed()
	}
	srv.guard.noMemory.Store(memory.Records+memory.Elements+memory.Tree+memory.Table+baseMemory > limit)
}

// memoryUsed is what the store takes.
func (srv *Server) memoryUsed() mvcc.MemoryStats {
	defer srv.machine.RUnlock()
	if !srv.machine.RLock() {
		return mvcc.MemoryStats{}
	}
	return srv.machine.Space().Store.MemoryUsed()
}

// cool drops values that were not read lately from memory.
func (srv *Server) cool(bytes int64) {
	space := srv.machine.Space()
	if space == nil {
		return
	}
	store := space.Store
	store.Lock()
	defer store.Unlock()
	store.Cool(bytes, coolStepsPerTurn)
}

// housekeeping is each node's own.
func (c *chores) housekeeping() {
	srv := c.srv
	srv.giveUpWithheld()
	c.raiseSemantics()
	srv.learnTime()
	srv.slewClock()
	srv.rates.sample(srv)
	srv.checkSpace()
	srv.checkQuota()
	srv.keepBallast()
	srv.checkUnread()
	srv.followShared()
	c.watchDisk()
	c.closeIdle()
	c.giveBackWhenCalm()
	c.retain()
}

// closeIdle closes clients that said nothing for timeout seconds, but those that are there to listen, or wait.
func (c *chores) closeIdle() {
	idle := c.srv.conf.Int("timeout")
	if idle <= 0 {
		return
	}
	before := c.srv.mono() - int64(secondsOf(idle))
	for _, s := range c.srv.clients.all() {
		if s.info.lastUsed.Load() < before && s.info.flags.Load()&(flagPubSub|flagBlocked|flagReplica) == 0 {
			s.loop.post(func() { s.close() })
		}
	}
}

// With maxmemory, history may take a quarter of it; a change takes about pastBytes.
const (
	historyKept = 4
	pastBytes   = 64
)

// changesKept is how many changes history may hold.
func (srv *Server) changesKept() int64 {
	kept := orMost(srv.conf.Int("history-max-changes"))
	if limit := srv.conf.Bytes("maxmemory"); limit > 0 {
		kept = min(kept, limit/historyKept/pastBytes)
	}
	return kept
}

// orMost reads a limit of which 0 is none.
func orMost(limit int64) int64 {
	if limit == 0 {
		return math.MaxInt64
	}
	return limit
}

// retain proposes the compaction of history beyond history-max-age, -changes and -bytes.
func (c *chores) retain() {
	srv := c.srv
	if srv.conf.String("compaction") == "off" {
		return
	}
	if l := srv.replica.Leader(); !l.Known || !l.Self {
		return
	}
	if !srv.machine.RLock() {
		srv.machine.RUnlock()
		return
	}
	store := srv.machine.Space().Store
	current, compacted := store.Revision(), store.Compacted()
	target := max(store.RevisionBefore(int(srv.changesKept())), store.RevisionBeforeBytes(orMost(srv.conf.Bytes("history-max-bytes"))))
	most := store.RevisionBefore(exportHoldsMax * int(min(srv.changesKept(), math.MaxInt/exportHoldsMax)))
	srv.machine.RUnlock()
	target = max(target, c.aged(current))
	if held := srv.exports.held(); held != 0 {
		target = max(min(target, held), most)
	}
	if target > compacted && target <= current {
		c.propose(0, []byte("COMPACT"), strconv.AppendUint(nil, target, 10))
	}
}

// aged is the revision that was current history-max-age ago, by samples of this process.
func (c *chores) aged(current uint64) (rev uint64) {
	now := c.srv.mono()
	if n := len(c.samples); n == 0 || c.samples[n-1].rev != current && now-c.samples[n-1].at >= int64(ageSample) {
		c.samples = append(c.samples, revisionAt{now, current})
	}
	age := c.srv.conf.Int("history-max-age")
	if age == 0 {
		c.samples = nil
		return 0
	}
	limit := now - age*int64(time.Millisecond)
	for len(c.samples) > 0 && c.samples[0].at <= limit {
		rev = c.samples[0].rev
		c.samples = c.samples[1:]
	}
	return rev
}
