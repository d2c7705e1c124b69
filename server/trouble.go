package server

import (
	"log/slog"
	"strings"
	"sync"
	"time"
)

// troubleEvery is how often the log is told that the store cannot write.
const troubleEvery = time.Second

// trouble is what the store cannot write. Pebble tries again at once, thousands of times a second, and each of its errors
// has a page of stack in it: told as they come, a full disk takes gigabytes of log within the hour.
type trouble struct {
	log *slog.Logger

	mu    sync.Mutex
	told  time.Time
	last  time.Time
	since int // errors that were not told
}

func (t *trouble) tell(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since++
	t.last = time.Now()
	if now := t.last; now.Sub(t.told) >= troubleEvery {
		text, _, _ := strings.Cut(err.Error(), "\n")
		t.log.Error("the store could not write; it tries again", "err", text, "times", t.since)
		t.told, t.since = now, 0
	}
}

// lasts tells whether the store fails now: it would have tried again by then.
func (t *trouble) lasts() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.last) < troubleEvery
}
