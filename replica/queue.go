package replica

import "sync"

// queue hands items of many goroutines to one. It is unbounded: what enters it
// is bounded by those who push (requests in flight, reads of an event loop).
type queue[T any] struct {
	mu     sync.Mutex
	items  []T
	closed bool
	wake   chan struct{} // holds a token whenever items may be waiting
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{wake: make(chan struct{}, 1)}
}

// push reports whether the queue took the item; a closed one does not.
func (q *queue[T]) push(item T) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	first := len(q.items) == 0
	q.items = append(q.items, item)
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take swaps the waiting items for an empty slice.
func (q *queue[T]) take(empty []T) []T {
	q.mu.Lock()
	items := q.items
	q.items = empty
	q.mu.Unlock()
	return items
}

// close makes every later push fail and returns what was waiting.
func (q *queue[T]) close() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	items := q.items
	q.items = nil
	return items
}
