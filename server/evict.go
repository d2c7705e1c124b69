package server

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// What is evicted at a time.
const (
	evictPerEntry = 500  // keys ended by one request; keeps apply under a few milliseconds
	evictPerTurn  = 4000 // keys ended in front of the writes of one turn
	growthPerKey  = 160  // what a new key takes beside its name and value, about
	historyShare  = 32   // this part of maxmemory is history's at least
	marginShare   = 1024 // this part is freed in advance, so that not every command has to look
	shedSteps     = 256  // versions freed at least with what is evicted ...
	shedPerWrite  = 4    // ... and for each write and each key evicted
)

// room keeps the data set within maxmemory under a policy that evicts. A node chooses keys to go in front of the writes
// that it proposes, in the same batch, so that the bound holds however fast they come; the leader's chores do it when
// nobody writes.
//
// What counts is the data set, its history included (mvcc.DataMemory), and what the writes under way may add to it.
// History gives way before keys do, down to a share, as a WATCH must be able to look back a little.
//
// When there is nothing to evict, a write is refused if what is applied is over the bound. If only what is under
// way makes it so, the session waits until that is known: a pipeline that deletes and then writes is not refused.
type room struct {
	limit atomic.Int64 // maxmemory; 0 when there is none or the policy is noeviction

	left     atomic.Int64 // bytes that writes may add before somebody looks again
	inFlight atomic.Int64 // bytes that writes under way may add, less what is evicted in front of them
	claims   atomic.Int32 // under way
	short    atomic.Bool  // the last choice did not find enough; until what is under way is settled

	// Lock order: mu is taken before the machine's.
	mu      sync.Mutex
	policy  keyspace.Policy
	samples int
	shed    bool // history may be compacted
	evictor keyspace.Evictor
	waiting map[*session]struct{}
}

// claim is what the writes of one turn may add, from their staging until they are settled, and what goes for them.
type claim struct {
	bytes   int64
	victims []keyspace.Victim
	then    func() // after it is settled; may be nil
}

// verdict on a command that may grow the data.
type verdict uint8

const (
	roomy   verdict = iota + 1 // it may run
	unknown                    // it has to wait for what is under way
	full                       // it is refused
)

// configureRoom takes over the directives about memory.
func (srv *Server) configureRoom(view *conf.View) {
	policy, limit := keyspace.ParsePolicy(view.String("maxmemory-policy")), view.Bytes("maxmemory")
	srv.uses.Set(keyspace.UseSettings{
		Policy: policy, Unshared: limit > 0 && (policy.LRU() || policy.LFU()),
		LogFactor: view.Int("lfu-log-factor"), DecayMinutes: view.Int("lfu-decay-time"),
	})
	if policy == keyspace.NoEviction {
		limit = 0
	}
	r := &srv.room
	r.mu.Lock()
	r.policy, r.samples, r.shed = policy, int(view.Int("maxmemory-samples")), view.String("compaction") != "off"
	r.mu.Unlock()
	r.left.Store(0)
	r.limit.Store(limit)
	r.wake()
	if srv.chores != nil {
		srv.chores.goOn()
	}
}

// growth is about what a command may add to the data, 0 for one that does not add.
func growth(e *entry, args [][]byte) int64 {
	if e.Flags&command.DenyOOM == 0 {
		return 0
	}
	n := int64(growthPerKey)
	for _, a := range args[1:] {
		n += int64(len(a))
	}
	return n
}

// waitsForRoom judges a command that may grow the data: true if it has to wait, and else noRoom tells whether it
// is to be refused.
func (s *session) waitsForRoom(e *entry, args [][]byte) bool {
	s.noRoom = false
	r := &s.srv.room
	if r.limit.Load() == 0 || !s.authenticated {
		return false
	}
	grows := growth(e, args)
	switch {
	case s.multi != nil && e.name == "exec":
		grows = s.multi.growth
	case s.multi != nil:
		grows = min(grows, 1) // it is only queued
	}
	if grows == 0 {
		return false
	}
	for {
		switch s.srv.judgeRoom(grows) {
		case roomy:
			return false
		case full:
			s.noRoom = true
			return false
		case unknown:
			if r.hold(s) {
				return true
			}
		}
	}
}

// judgeRoom looks at the data when so much has been added that there may be no room for more.
func (srv *Server) judgeRoom(grows int64) verdict {
	r := &srv.room
	if r.left.Add(-grows) >= 0 {
		return roomy
	}
	under := r.claims.Load() // before the look: what is settled after it only makes it seem worse
	limit, inFlight := r.limit.Load(), r.inFlight.Load()
	r.mu.Lock()
	policy := r.policy
	r.mu.Unlock()
	var applied int64
	evictable := false
	if srv.machine.RLock() {
		space := srv.machine.Space()
		applied, evictable = bounded(space.Store.DataMemory(), limit), space.Evictable(policy)
	}
	srv.machine.RUnlock()
	over := applied + inFlight - limit
	r.left.Store(-over)
	switch {
	case over <= 0 || limit == 0:
		return roomy
	case evictable && !r.short.Load():
		return roomy // what has to go goes in front of it
	case under > 0:
		return unknown
	case applied > limit:
		return full
	}
	return roomy
}

// bounded is what counts of the data: all but the history that will give way.
func bounded(m mvcc.DataMemory, limit int64) int64 {
	return m.Used - m.Past + min(m.Past, limit/historyShare)
}

// hold notes a session that waits for what is under way; false if that is settled by now.
func (r *room) hold(s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.claims.Load() == 0 {
		return false
	}
	if r.waiting == nil {
		r.waiting = map[*session]struct{}{}
	}
	r.waiting[s] = struct{}{}
	return true
}

// wake lets the sessions that wait look again.
func (r *room) wake() {
	r.mu.Lock()
	waiting := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	for s := range waiting {
		s.loop.post(func() { s.loop.touch(s) })
	}
}

// claimRoom accounts for what a staged write may add.
func (l *loop) claimRoom(grows int64) {
	r := &l.srv.room
	if grows == 0 || r.limit.Load() == 0 {
		return
	}
	if l.stage.claim == nil {
		l.stage.claim = &claim{}
		r.claims.Add(1)
	}
	l.stage.claim.bytes += grows
	r.inFlight.Add(grows)
}

// settle is called when it is known what became of a claim's writes.
func (r *room) settle(c *claim) {
	r.mu.Lock()
	r.evictor.Settled(c.victims)
	r.inFlight.Add(-c.bytes)
	r.claims.Add(-1)
	r.short.Store(false)
	r.mu.Unlock()
	r.wake()
	if c.then != nil {
		c.then()
	}
}

// front is requests that go in front of a turn's writes.
type front struct {
	body []byte
	n    int
}

func (f *front) add(db uint32, args [][]byte) {
	f.body = sm.AppendCommand(f.body, db, args)
	f.n++
}

// put hands the requests to a batch. Nobody waits for their replies.
func (f *front) put(batch *replica.Batch[*sm.Local]) {
	batch.Body = append(batch.Body, f.body...)
	batch.Requests += f.n
	for range f.n {
		batch.Local.Ops = append(batch.Local.Ops, sm.LocalOp{Kind: sm.OpRequest, Proto: resp.RESP2})
	}
}

// put has the batch tell when it is settled.
func (c *claim) put(batch *replica.Batch[*sm.Local]) {
	batch.Local.Ops = append(batch.Local.Ops, sm.LocalOp{Kind: sm.OpReply, Owner: c, Proto: resp.RESP2})
}

// makeRoom chooses what has to go for a claim of so many writes.
func (srv *Server) makeRoom(c *claim, writes int) (f front) {
	r := &srv.room
	limit := r.limit.Load()
	if limit == 0 || c == nil {
		return f
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer srv.machine.RUnlock()
	if !srv.machine.RLock() {
		return f
	}
	space := srv.machine.Space()
	m := space.Store.DataMemory()
	over := bounded(m, limit) + r.inFlight.Load() - limit
	if over > 0 {
		want := over + limit/marginShare
		c.victims = r.evictor.Choose(space, keyspace.EvictOptions{
			Policy: r.policy, Samples: r.samples, Now: srv.clock.estimate(), Seed: srv.seed(), Bytes: want, Max: evictPerTurn,
		})
		var freed int64
		for _, v := range c.victims {
			freed += v.Bytes
		}
		c.bytes -= freed
		r.inFlight.Add(-freed)
		over -= freed
		r.short.Store(over > 0 && len(c.victims) < evictPerTurn)
	}
	r.left.Store(-over)
	if r.shed {
		shedHistory(&f, space.Store, m.Past, m.Used+r.inFlight.Load()-limit, limit, writes+len(c.victims))
	}
	f.evict(c.victims)
	return f
}

// shedHistory has as much of the past forgotten as the data is over its bound, but for a share, and frees some of what
// is forgotten already.
func shedHistory(f *front, store *mvcc.Store, past, over, limit int64, writes int) {
	share := limit / historyShare / 2
	if over <= 0 || past <= share {
		return
	}
	garbage, kept := int64(store.Garbage()), int64(store.History().Versions)
	keptBytes := int64(float64(past) * ratio(kept, kept+garbage))
	if target := max(share, past-over-share); keptBytes > target {
		rev := store.RevisionBefore(int(float64(kept) * ratio(target, keptBytes)))
		if rev > store.Compacted() {
			f.add(0, [][]byte{[]byte("COMPACT"), strconv.AppendUint(nil, rev, 10)})
			garbage += kept
		}
	}
	if garbage > 0 {
		f.add(0, compactStepRequest(shedSteps+shedPerWrite*writes))
	}
}

// evict names the victims, database by database, in the order in which they were chosen.
func (f *front) evict(victims []keyspace.Victim) {
	byDB := map[uint32][][]byte{}
	var order []uint32
	flush := func(db uint32) {
		if args := byDB[db]; len(args) > 1 {
			f.add(db, args)
		}
		byDB[db] = [][]byte{[]byte(command.EvictKeys)}
	}
	for i := range victims {
		v := &victims[i]
		if byDB[v.DB] == nil {
			order = append(order, v.DB)
			flush(v.DB)
		}
		if byDB[v.DB] = append(byDB[v.DB], v.Key, strconv.AppendUint(nil, v.Mod, 10)); len(byDB[v.DB]) > 2*evictPerEntry {
			flush(v.DB)
		}
	}
	for _, db := range order {
		flush(db)
	}
}

// evict is the leader's part: it makes room when maxmemory was lowered, or something grew on its own.
func (c *chores) evict() bool {
	srv := c.srv
	if srv.room.limit.Load() == 0 {
		return false
	}
	cl := &claim{then: func() {
		c.busy.Add(-1)
		c.goOn()
	}}
	f := srv.makeRoom(cl, 0)
	if f.n == 0 {
		return false
	}
	c.busy.Add(1)
	srv.room.claims.Add(1)
	batch := srv.batcher.OpenFor(len(f.body))
	f.put(batch)
	cl.put(batch)
	srv.batcher.Done()
	return true
}

// evictedKeys are the keys that went for maxmemory since the process started.
func (srv *Server) evictedKeys() uint64 {
	defer srv.machine.RUnlock()
	if !srv.machine.RLock() {
		return 0
	}
	return srv.machine.Space().Evicted
}
