package server

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// Members compare chain hashes, which are of what they wrote (compare.go). What became of it since, in memory and on disk, they compare by
// content hashes: the leader takes one part of the keys after the other, says at which revision, and asks the others what their hash of it is. All
// parts have had their turn once in content-check-period.
const (
	contentPartKeys = 1000 // about; a part takes a millisecond or so
	contentBitsMin  = 6    // so that few keys are not compared all at once, but now and then
	contentIdle     = time.Second
	contentAskMax   = 5 * time.Second
	contentTries    = 20 // to have a part compared by all members that can be reached
	contentPause    = 50 * time.Millisecond
)

// contentWatch belongs to a goroutine of the chores, but for what is atomic.
type contentWatch struct {
	srv   *Server
	ctx   context.Context // ends with the chores
	part  mvcc.Part
	left  uint64 // parts of this pass
	since time.Time
	said  []uint64 // nodes that were named last

	passes atomic.Uint64 // in which all parts had their turn
}

// watchContent is the goroutine. Who leads compares.
func (c *chores) watchContent() {
	defer c.done.Done()
	w := &c.content
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.srv, w.ctx = c.srv, ctx
	c.done.Go(func() {
		<-c.ended
		cancel()
	})
	timer := time.NewTimer(contentIdle)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			w.turn()
			timer.Reset(w.pause())
		case <-c.ended:
			return
		}
	}
}

// pause is the time to the next part.
func (w *contentWatch) pause() time.Duration {
	period := time.Duration(w.srv.conf.Int("content-check-period")) * time.Millisecond
	if period == 0 || w.left == 0 {
		return contentIdle
	}
	return max(period>>w.part.Bits, time.Millisecond)
}

// turn has the next part compared, if this node leads and there is somebody to compare with.
func (w *contentWatch) turn() {
	srv := w.srv
	if srv.conf.Int("content-check-period") == 0 || !srv.leads() {
		w.left = 0
		return
	}
	if w.left == 0 {
		w.begin()
	}
	f := w.compare()
	if len(f.differ) > 0 {
		f = w.compare() // at another revision, lest a fault of the comparison itself is taken for one of a member
	}
	if len(f.differ) > 0 {
		srv.raiseCorrupt(f, &w.said, "part", strconv.FormatUint(w.part.Number, 10)+"/"+strconv.FormatUint(1<<w.part.Bits, 10))
	}
	w.part.Number = (w.part.Number + 1) & (1<<w.part.Bits - 1)
	if w.left--; w.left == 0 {
		w.passes.Add(1)
		srv.log.Debug("The content of all keys was compared", "parts", uint64(1)<<w.part.Bits, "took", time.Since(w.since).Round(time.Millisecond))
	}
}

// begin starts a pass anywhere, since who leads for short times only shall not look at the same parts each time.
func (w *contentWatch) begin() {
	keys := 0
	if w.srv.machine.RLock() {
		v := w.srv.machine.Space().Store.View()
		for _, db := range v.Databases() {
			keys += v.Len(db.Keyspace)
		}
	}
	w.srv.machine.RUnlock()
	w.part.Bits = uint8(min(max(bits.Len(uint(keys/contentPartKeys)), contentBitsMin), mvcc.PartBitsMax))
	w.left, w.since = 1<<w.part.Bits, time.Now()
	w.part.Number = rand.Uint64N(w.left)
}

// compare asks all that can be reached for their hash of the part, and tells who differs. Who has not come as far as this node is asked again.
func (w *contentWatch) compare() finding {
	srv := w.srv
	rev := srv.revision()
	own, err := srv.partHash(rev, w.part, w.ctx.Done())
	if err != nil {
		return finding{}
	}
	told := map[uint64][]mvcc.Milestone{srv.replica.ID(): {{Revision: rev, Chain: own}}}
	waiting := w.reachable()
	for range contentTries {
		waiting = w.ask(waiting, rev, told)
		if len(waiting) == 0 {
			break
		}
		select {
		case <-time.After(contentPause):
		case <-w.ctx.Done():
			return finding{}
		}
	}
	return compareHashes(told)
}

// reachable are the members that said something of late.
func (w *contentWatch) reachable() (list []sm.Member) {
	membership := w.srv.replica.Membership()
	for _, m := range w.srv.machine.Members() {
		if _, member := membership.Role(m.Node); !member || m.Node == w.srv.replica.ID() {
			continue
		}
		if _, ok := w.srv.peers.news(m.Node); ok {
			list = append(list, m)
		}
	}
	return list
}

// ask asks members all at once, and returns those that are to be asked again.
func (w *contentWatch) ask(members []sm.Member, rev uint64, told map[uint64][]mvcc.Milestone) (again []sm.Member) {
	hashes, errs := make([]uint64, len(members)), make([]error, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() { hashes[i], errs[i] = w.askOne(m.Client, rev) })
	}
	all.Wait()
	for i, m := range members {
		refused := errPeer("")
		switch {
		case errs[i] == nil:
			told[m.Node] = []mvcc.Milestone{{Revision: rev, Chain: hashes[i]}}
		case errors.As(errs[i], &refused) && strings.HasPrefix(string(refused), "FUTUREREV"):
			again = append(again, m)
		case w.ctx.Err() == nil: // it goes away, or is of a version that cannot
			w.srv.log.Debug("The content of a member was not compared", "node", formatID(m.Node), "part", w.part.Number, "err", errs[i])
		}
	}
	return again
}

func (w *contentWatch) askOne(address string, rev uint64) (uint64, error) {
	p, err := dialPeer(w.ctx, w.srv.conf.View(), address)
	if err != nil {
		return 0, err
	}
	defer p.close()
	defer context.AfterFunc(w.ctx, p.close)()
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	r, err := p.do(contentAskMax, "RAFT", "HASH", number(rev), number(w.part.Number), number(uint64(w.part.Bits)))
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(r.text, 16, 64)
}

// partHash is sm's, and says so when the disk does not give back what is to be compared.
func (srv *Server) partHash(rev uint64, part mvcc.Part, stop <-chan struct{}) (uint64, error) {
	sum, err := srv.machine.PartHash(rev, part, stop)
	switch {
	case err == nil, errors.Is(err, mvcc.ErrCompacted), errors.Is(err, mvcc.ErrFuture), errors.Is(err, mvcc.ErrStopped):
	default:
		srv.log.Warn("The content of this node could not be compared with that of others", "part", part.Number, "err", err)
	}
	return sum, err
}

// raftHash is RAFT HASH revision part bits.
func raftHash(s *session, args [][]byte) resp.Value {
	srv := s.srv
	var numbers [3]uint64
	for i := range numbers {
		var ok bool
		if numbers[i], ok = parseUint(args[2+i]); !ok {
			return errNotInteger
		}
	}
	part := mvcc.Part{Number: numbers[1], Bits: uint8(min(numbers[2], math.MaxUint8))}
	if !part.Valid() {
		return resp.Error("ERR there is no such part")
	}
	return s.later(func() resp.Value {
		sum, err := srv.partHash(numbers[0], part, nil)
		if err != nil {
			return command.ErrorReply(err)
		}
		return resp.BulkString(formatID(sum))
	})
}

// raiseCorrupt says so in this node's log, and on the leader raises the alarm of each node that has none: again, if it was
// disarmed and nothing was mended. said are those that were named last.
func (srv *Server) raiseCorrupt(f finding, said *[]uint64, more ...any) {
	for _, node := range f.differ {
		if alarm := (sm.Alarm{Name: alarmCorrupt, Node: node}); srv.leads() && !slices.Contains(srv.machine.Alarms(), alarm) {
			srv.setAlarm(alarmCorrupt, node, true, nil)
		}
	}
	if slices.Equal(*said, f.differ) {
		return
	}
	*said = f.differ
	srv.log.Error("CORRUPT: members differ in what they hold at the same revision; replace those named by new nodes with empty directories",
		append([]any{"nodes", strings.Join(formatIDs(f.differ), " "), "revision", f.revision, "hashes", f.text()}, more...)...)
}
