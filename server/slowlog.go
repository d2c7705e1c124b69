package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/conf"
)

// slowlog keeps the commands that took long.
type slowlog struct {
	threshold atomic.Int64 // nanoseconds; negative is never
	maxLen    atomic.Int64

	mu      sync.Mutex
	entries []slowEntry // newest first
	next    int64
}

type slowEntry struct {
	id     int64
	at     time.Time
	nanos  int64
	args   [][]byte
	client string
	name   string
}

func (l *slowlog) configure(view *conf.View) {
	l.threshold.Store(view.Int("slowlog-log-slower-than") * int64(time.Microsecond))
	l.maxLen.Store(view.Int("slowlog-max-len"))
}

func (l *slowlog) wants(nanos int64) bool {
	t := l.threshold.Load()
	return t >= 0 && nanos >= t
}
