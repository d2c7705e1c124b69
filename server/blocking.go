package server

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/sm"
)

// Blocking commands are tried like any other write. One that finds nothing changes nothing, and its client waits on this
// node: apply registers it at the place in the log where it was tried, so that no write behind goes unseen. It is tried
// again, for the one key that was written,
//
//   - in the same batch, directly behind a write of this node to that key, so that nobody takes in between what the
//     write brought; see stageBehind;
//   - when a batch, of whatever node, has been applied and there is more at the key than clients are tried for; see ready.
//
// Trying too often would be simpler, and wrong. One try in flight is all a client may have, for a second might take
// something for a client that is served already; and whoever is tried in vain is out of the way meanwhile, so that what
// comes next goes to somebody who began to wait later. Hence tries are counted against elements: in a line, clients
// are tried in the order in which they began to wait, and for something that is there.
//
// Trying too seldom would leave a client waiting beside an element. So whatever ends or fails with a try in hand has
// its key looked at again: it hands its turn to the next.

// waiters are the clients that wait on this node.
type waiters struct {
	listed  atomic.Int64 // how many there are; none costs a write nothing
	blocked atomic.Int64 // those whose clients know that they wait, for INFO

	mu      sync.Mutex // innermost; behind the store's lock
	seq     uint64     // of the client that began to wait last
	lines   map[lineKey]*line
	dbs     map[uint32]int // lines by database
	touched []*line        // may have got something since they were looked at
	bound   []uint32       // databases that were exchanged since
	home    *loop          // stages what apply found, for all: one order of tries
}

// line are the clients that wait for the same: those of a type at a key of a database. They are linked from the first to
// the last.
type line struct {
	id          lineKey
	first, last *place
	idle        *place // no client before it may be tried; nil: nor any behind
	tries       int    // in flight, for this line
	doubtful    int    // clients here with a try in flight that may fail, for whatever line
	touched     bool   // is in waiters.touched
}

type lineKey struct {
	key string
	db  uint32
	typ mvcc.Type
}

// place is a client's in a line. One that waits for several keys has several.
type place struct {
	b             *waiter
	line          *line
	before, after *place
}

// turn is a try to be staged.
type turn struct {
	b  *waiter
	id lineKey
}

func (w *waiters) any() bool { return w.listed.Load() > 0 }

// list registers a client whose first try failed, or lets one wait on that was tried again. Apply calls it, at the place
// of the try.
func (w *waiters) list(b *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.gone {
		return
	}
	if b.listed {
		w.endTry(b)
		return
	}
	if w.lines == nil {
		w.lines, w.dbs = map[lineKey]*line{}, map[uint32]int{}
	}
	if w.home == nil {
		w.home = b.s.loop
	}
	w.seq++
	b.seq, b.listed, b.trying = w.seq, true, false
	b.places = make([]place, 0, len(b.keys))
	for _, key := range b.keys {
		w.join(b, lineKey{key, b.db, b.typ})
	}
	w.listed.Add(1)
}

func (w *waiters) join(b *waiter, id lineKey) {
	l := w.lines[id]
	if l == nil {
		l = &line{id: id}
		w.lines[id] = l
		w.dbs[id.db]++
	}
	if l.last != nil && l.last.b == b {
		return // it names the key twice
	}
	b.places = append(b.places, place{b: b, line: l, before: l.last})
	p := &b.places[len(b.places)-1]
	if l.last != nil {
		l.last.after = p
	} else {
		l.first = p
	}
	l.last = p
	if l.idle == nil {
		l.idle = p
	}
}

// drop ends a client's waiting. If it was being tried for a key, that key must be looked at again.
func (w *waiters) drop(b *waiter) (on lineKey, look bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.gone = true
	if !b.listed {
		return lineKey{}, false
	}
	on, look = b.on, b.trying
	w.endTry(b)
	b.listed = false
	w.listed.Add(-1)
	for i := range b.places {
		w.leave(&b.places[i])
	}
	b.places = nil
	l := w.lines[on]
	return on, look && l != nil && l.idle != nil
}

func (w *waiters) leave(p *place) {
	l := p.line
	if l.idle == p {
		l.idle = p.after
	}
	if p.before != nil {
		p.before.after = p.after
	} else {
		l.first = p.after
	}
	if p.after != nil {
		p.after.before = p.before
	} else {
		l.last = p.before
	}
	if l.first != nil {
		return
	}
	delete(w.lines, l.id)
	if w.dbs[l.id.db]--; w.dbs[l.id.db] == 0 {
		delete(w.dbs, l.id.db)
	}
}

// beginTry counts a client as tried for a line.
func (w *waiters) beginTry(b *waiter, l *line, doubtful bool) turn {
	b.trying, b.on, b.doubtful = true, l.id, doubtful
	l.tries++
	if doubtful {
		for i := range b.places {
			b.places[i].line.doubtful++
		}
	}
	return turn{b, l.id}
}

// endTry lets it be tried again.
func (w *waiters) endTry(b *waiter) {
	if !b.trying {
		return
	}
	b.trying = false
	for i := range b.places {
		p := &b.places[i]
		if p.line.id == b.on {
			p.line.tries--
		}
		if b.doubtful {
			p.line.doubtful--
		}
		if p.line.idle == nil || b.seq < p.line.idle.b.seq {
			p.line.idle = p
		}
	}
}

// next is the first client of a line that may be tried, or nil.
func (l *line) next() *waiter {
	for l.idle != nil && (l.idle.b.trying || l.idle.b.leaving) {
		l.idle = l.idle.after
	}
	if l.idle == nil {
		return nil
	}
	return l.idle.b
}

// leave gives up a client whose time is up. False while it is being tried: it is not tried again then.
func (w *waiters) giveUp(b *waiter) bool {
	w.mu.Lock()
	b.leaving = true
	trying := b.trying
	w.mu.Unlock()
	if trying {
		return false
	}
	w.drop(b)
	return true
}

// takeBehind takes the clients to be tried behind a write that may bring a line up to most elements, and certain ones
// unless it fails; none while somebody is tried there of whom nobody knows whether he will be served, since they came
// later.
func (w *waiters) takeBehind(dst []turn, id lineKey, most, certain int) []turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.lines[id]
	if l == nil || l.doubtful > 0 {
		return dst
	}
	for len(dst) < behindMax && most > 0 {
		b := l.next()
		if b == nil {
			break
		}
		dst = append(dst, w.beginTry(b, l, certain <= 0))
		most -= b.most
		certain -= b.most
	}
	return dst
}

// committed is told by apply of the changes of each request, with the store's lock held.
func (srv *Server) committed(changes []mvcc.Change) {
	srv.changed.Add(int64(len(changes)))
	w := &srv.waiters
	if !w.any() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range changes {
		switch c := &changes[i]; c.Kind {
		case mvcc.ChangeElementPut, mvcc.ChangePut:
			for db := range w.dbs {
				w.touch(w.lines[lineKey{string(c.Key), db, c.New.Type}])
			}
		case mvcc.ChangeBind:
			if w.dbs[c.Database] > 0 && !slices.Contains(w.bound, c.Database) {
				w.bound = append(w.bound, c.Database)
			}
		}
	}
}

// touch notes a line to be looked at; it may be nil. One in which nobody may be tried is looked at when that changes.
func (w *waiters) touch(l *line) {
	if l != nil && !l.touched && l.next() != nil {
		l.touched = true
		w.touched = append(w.touched, l)
	}
}

// lookAround has those tried whom the batches just applied, or a snapshot, brought something. It is called by apply with no lock
// held.
func (srv *Server) lookAround(everywhere bool) {
	w := &srv.waiters
	if !w.any() {
		return
	}
	w.mu.Lock()
	lines := w.touched
	for _, l := range lines {
		l.touched = false
	}
	if everywhere || len(w.bound) > 0 {
		lines = append(lines, w.linesOf(w.bound, everywhere)...)
	}
	w.touched, w.bound = nil, w.bound[:0]
	ids := make([]lineKey, len(lines))
	for i, l := range lines {
		ids[i] = l.id
	}
	w.mu.Unlock()
	srv.look(ids)
}

// linesOf are the lines of some databases, or of all, by who waits longest.
func (w *waiters) linesOf(dbs []uint32, all bool) (lines []*line) {
	for id, l := range w.lines {
		if all || slices.Contains(dbs, id.db) {
			lines = append(lines, l)
		}
	}
	slices.SortFunc(lines, func(a, b *line) int {
		return cmp.Or(cmp.Compare(a.first.b.seq, b.first.b.seq), cmp.Compare(a.id.key, b.id.key))
	})
	return lines
}

// look has clients tried for what there is now at some keys. Any goroutine may call it, with no lock held.
func (srv *Server) look(ids []lineKey) {
	if len(ids) == 0 {
		return
	}
	var turns []turn
	if srv.machine.RLock() {
		for _, id := range ids {
			view := srv.machine.View(id.db, srv.machine.LogTime(), true)
			turns = srv.waiters.ready(turns, id, view.Ready([]byte(id.key), id.typ))
		}
	}
	srv.machine.RUnlock()
	if len(turns) > 0 {
		home := srv.waiters.home // was set before there was anybody to try
		home.post(func() { home.stageTurns(turns) })
	}
}

// ready takes the clients to be tried for n elements that are there: as many more as are not tried yet.
func (w *waiters) ready(dst []turn, id lineKey, n int) []turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.lines[id]
	if l == nil {
		return dst
	}
	for n -= l.tries; n > 0; {
		b := l.next()
		if b == nil {
			break
		}
		dst = append(dst, w.beginTry(b, l, true))
		n -= b.most
	}
	return dst
}

// blocked is told by apply of a command that shall wait, with the store's lock held.
func (srv *Server) commandBlocked(op *sm.LocalOp) { srv.waiters.list(op.Owner.(*waiter)) }

// waitTypes are the types of keys that a command of a family can serve a client with; a command on keys as such may bring
// any of them.
func waitTypes(e *entry) []mvcc.Type {
	switch e.Group {
	case "list":
		return []mvcc.Type{mvcc.List}
	case "sorted-set", "geo":
		return []mvcc.Type{mvcc.ZSet}
	case "stream":
		return []mvcc.Type{mvcc.Stream}
	case "generic":
		return []mvcc.Type{mvcc.List, mvcc.ZSet, mvcc.Stream}
	}
	return nil
}
