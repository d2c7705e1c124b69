package server

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/sm"
)

// Limits of backups over the client port. Each keeps rows on disk that compaction has freed.
const (
	backupsMax    = 4
	backupPiece   = 1 << 20
	backupIdleMax = time.Minute // between two pieces; then whoever asked is taken for gone
	backupTries   = 3           // when compaction passes the revision while its content is read
)

// Errors of backups.
var (
	errNoBackup       = errors.New("there is no such backup; it may have been stopped, as one is that nobody reads for a minute")
	errTooManyBackups = fmt.Errorf("%d backups are under way already", backupsMax)
	errEnding         = errors.New("the server is ending")
)

// backups are the states on their way to clients. A client fetches one piece by piece, so that it comes as fast as
// it is taken, and in replies like any other.
type backups struct {
	mu    sync.Mutex
	list  map[uint64]*backupRun
	last  uint64 // id
	ended bool
	done  sync.WaitGroup // of the writers
}

// backupRun is one of them: a goroutine writes the state into a pipe.
type backupRun struct {
	facts   mvcc.SnapshotFacts
	rev     uint64
	content uint64

	mu   sync.Mutex // one reader at a time
	out  *io.PipeReader
	idle *time.Timer
	stop chan struct{}
	once sync.Once
}

// start pins the state, and knows the hash of what it shows at rev; 0 is the newest revision.
func (srv *Server) startBackup(rev uint64) (id uint64, b *backupRun, err error) {
	for try := 1; ; try++ {
		id, b, err = srv.tryBackup(rev)
		if rev != 0 || try == backupTries || !errors.Is(err, mvcc.ErrCompacted) {
			return id, b, err
		}
	}
}

func (srv *Server) tryBackup(rev uint64) (uint64, *backupRun, error) {
	src, err := srv.machine.Pin()
	if err != nil {
		return 0, nil, err
	}
	b := &backupRun{rev: rev, stop: make(chan struct{})}
	if b.facts, err = src.Facts(); err == nil {
		if b.rev == 0 {
			b.rev = b.facts.Revision
		}
		b.content, err = srv.machine.Content(b.rev, srv.chores.ended)
	}
	if err != nil {
		return 0, nil, errors.Join(err, src.Close())
	}
	id, err := srv.backups.add(b, src)
	if err != nil {
		return 0, nil, errors.Join(err, src.Close())
	}
	return id, b, nil
}

// add makes a backup known and starts its writer, which closes src.
func (l *backups) add(b *backupRun, src *sm.Source) (id uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return 0, errEnding
	case len(l.list) == backupsMax:
		return 0, errTooManyBackups
	case l.list == nil:
		l.list = map[uint64]*backupRun{}
	}
	l.last++
	id = l.last
	l.list[id] = b
	out, in := io.Pipe()
	b.out, b.idle = out, time.AfterFunc(backupIdleMax, func() { l.drop(id) })
	l.done.Go(func() {
		err := src.WriteAt(b.rev, in, b.stop)
		in.CloseWithError(errors.Join(err, src.Close()))
	})
	return id, nil
}

// read is the next piece, empty at the end.
func (l *backups) read(id uint64) ([]byte, error) {
	l.mu.Lock()
	b := l.list[id]
	l.mu.Unlock()
	if b == nil {
		return nil, errNoBackup
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle.Stop()
	piece := make([]byte, backupPiece)
	n, err := io.ReadFull(b.out, piece)
	if err == nil {
		b.idle.Reset(backupIdleMax)
		return piece, nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	if n == 0 || err != nil {
		l.drop(id)
	} else {
		b.idle.Reset(backupIdleMax)
	}
	return piece[:n], err
}

// drop ends a backup, and tells whether there was one.
func (l *backups) drop(id uint64) bool {
	l.mu.Lock()
	b := l.list[id]
	delete(l.list, id)
	l.mu.Unlock()
	if b == nil {
		return false
	}
	b.end()
	return true
}

func (b *backupRun) end() {
	b.once.Do(func() {
		b.idle.Stop()
		close(b.stop)
		b.out.CloseWithError(errNoBackup)
	})
}

// stop ends all, and returns when no state is pinned any more.
func (l *backups) stop() {
	l.mu.Lock()
	l.ended = true
	for _, b := range l.list {
		b.end()
	}
	l.list = nil
	l.mu.Unlock()
	l.done.Wait()
}
