package replica

import (
	"slices"
	"sync"
	"time"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

const (
	diskSamples = 16
	diskLeast   = 5 // samples that say something
	diskFresh   = 10 * time.Second
)

// diskWatch measures what it takes to have entries on this node's disk.
type diskWatch struct {
	mu    sync.Mutex
	saves [diskSamples]diskSave // the latest
	next  int
}

type diskSave struct {
	ended time.Time
	took  time.Duration
}

func (w *diskWatch) note(s diskSave) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saves[w.next] = s
	w.next = (w.next + 1) % len(w.saves)
}

// typical is the median of the saves of the last seconds, 0 if there were not enough: one that took long says nothing of a disk.
func (w *diskWatch) typical(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var took []time.Duration
	for _, s := range w.saves {
		if s.took > 0 && now.Sub(s.ended) < diskFresh {
			took = append(took, s.took)
		}
	}
	if len(took) < diskLeast {
		return 0
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// DiskTime is what it took of late to have a batch of entries on this node's disk; 0 if there were few. It may be called by any
// goroutine.
func (r *Replica) DiskTime() time.Duration { return r.disk.typical(time.Now()) }

// watchedLog tells a diskWatch about saves of entries.
type watchedLog struct {
	raftio.ILogDB
	watch *diskWatch
}

// SaveRaftState is called by dragonboat.
func (l *watchedLog) SaveRaftState(updates []pb.Update, worker uint64) error {
	entries := false
	for i := range updates {
		entries = entries || len(updates[i].EntriesToSave) > 0
	}
	if !entries {
		return l.ILogDB.SaveRaftState(updates, worker)
	}
	began := time.Now()
	err := l.ILogDB.SaveRaftState(updates, worker)
	ended := time.Now()
	l.watch.note(diskSave{ended, ended.Sub(began)})
	return err
}
