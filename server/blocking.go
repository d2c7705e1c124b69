package server

import (
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/mvcc"
)

// Blocking commands are tried like any other write. One that finds nothing changes nothing, and its client waits on this
// node: apply registers it at the place in the log where it was tried, so that no push behind goes unseen. It is tried
// again
//
//   - in the same batch, directly behind a write of this node to one of its keys, so that nobody takes in between what
//     the write brought;
//   - when apply sees such a write of whatever node, and it was not.
//
// A try that fails again costs nothing but the entry: the client keeps its place. For each element that came, one
// client is tried, in the order in which they began to wait; so an element goes to exactly one client, and nothing is
// popped for a client that has gone, save what was on its way.

// waiter is a blocked client's command. Its fields belong to waiters.mu, but for those set when it is made.
type waiter struct {
	s    *session
	e    *entry
	args [][]byte
	db   uint32
	keys []string
	typ  mvcc.Type // of keys that can serve it

	listed bool // is in the lists of its keys
	trying bool // is in a batch
	gone   bool // waits no longer

	waits atomic.Bool // was tried once: what it meets then is no error of its own

	// What follows is the loop's alone.
	null    []byte // the reply when time is up, once known
	instead []byte // a reply that takes its place
	expired bool   // time is up, or the client was unblocked, while it was tried
	done    bool
	timer   stopper
	start   int64
}

type stopper interface{ Stop() bool }

// waiters are the clients that wait on this node, by key.
type waiters struct {
	listed  atomic.Int64 // how many there are; none costs a write nothing
	blocked atomic.Int64 // those whose clients know that they wait, for INFO

	mu    sync.Mutex // innermost
	byKey map[string][]*waiter
}

func (w *waiters) any() bool { return w.listed.Load() > 0 }

// list registers a waiter whose try failed, or lets it wait on. Apply calls it, at the place of the try.
func (w *waiters) list(b *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.trying = false
	if b.gone || b.listed {
		return
	}
	b.listed = true
	b.waits.Store(true)
	if w.byKey == nil {
		w.byKey = map[string][]*waiter{}
	}
	for _, key := range b.keys {
		w.byKey[key] = append(w.byKey[key], b)
	}
	w.listed.Add(1)
}

// drop ends a waiter's waiting.
func (w *waiters) drop(b *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.gone = true
	if !b.listed {
		return
	}
	b.listed = false
	w.listed.Add(-1)
	for _, key := range b.keys {
		list := w.byKey[key]
		for i, other := range list {
			if other == b {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if len(list) == 0 {
			delete(w.byKey, key)
		} else {
			w.byKey[key] = list
		}
	}
}

// giveUp is drop for a waiter whose time is up; false while it is being tried.
func (w *waiters) giveUp(b *waiter) bool {
	w.mu.Lock()
	trying := b.trying
	w.mu.Unlock()
	if trying {
		return false
	}
	w.drop(b)
	return true
}

// take appends up to n waiters on a key, those who came first, that are not being tried and that a key of the type can
// serve, and counts them as tried.
func (w *waiters) take(dst []*waiter, key []byte, t mvcc.Type, n int) []*waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.byKey[string(key)] {
		if n == 0 {
			break
		}
		if !b.trying && t == b.typ {
			b.trying = true
			dst = append(dst, b)
			n--
		}
	}
	return dst
}

// takeAll is take for every key: databases were exchanged, and anything may be anywhere.
func (w *waiters) takeAll(dst []*waiter) []*waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range w.byKey {
		for _, b := range list {
			if !b.trying {
				b.trying = true
				dst = append(dst, b)
			}
		}
	}
	return dst
}

// committed is told by apply of the changes of each request, with the store's lock held.
func (srv *Server) committed(changes []mvcc.Change) {
	w := &srv.waiters
	if !w.any() {
		return
	}
	var awake []*waiter
	for i := range changes {
		c := &changes[i]
		switch c.Kind {
		case mvcc.ChangeElementPut:
			awake = w.take(awake, c.Key, c.New.Type, 1)
		case mvcc.ChangePut:
			if c.New.Type.HasElements() { // RENAME and the like bring many elements at once
				awake = w.take(awake, c.Key, c.New.Type, -1)
			}
		case mvcc.ChangeBind:
			awake = w.takeAll(awake)
		}
	}
	for _, b := range awake {
		b.s.loop.post(b.try)
	}
}

// typeOf is the type of keys that a command of a family serves, or can be served by; 0 if it is none that anybody waits
// for.
func typeOf(e *entry) mvcc.Type {
	switch e.Group {
	case "list":
		return mvcc.List
	case "sorted-set", "geo":
		return mvcc.ZSet
	case "stream":
		return mvcc.Stream
	}
	return 0
}
