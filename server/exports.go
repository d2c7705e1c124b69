package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// SYNC gives a client all data as a file of Redis. The obvious ways are to write it to the socket as it is made, and to make
// it twice, once for its length: in both a slow client would hold the revision, and all that is superseded meanwhile, for as long as
// it reads. So the file is made at once, as fast as that goes, in a file without a name under dir, whose length is known then; the client is
// sent that, and holds nothing but disk. Redis does the same for a replica without diskless replication.

// Limits of exports.
const (
	exportsMax     = 4
	exportTries    = 3               // when compaction passes the revision while it is written
	exportPing     = 5 * time.Second // between signs of life while the file is made
	exportIdleMax  = time.Minute     // that a client may take nothing; Redis' repl-timeout
	exportPiece    = 256 << 10       // that is read and sent at a time
	exportUnsent   = 64 << 10        // of a piece that may wait for the client when the next one is read
	exportSync     = 4 << 20         // bytes between two flushes to the disk, so that the log's never have to wait for a large one
	exportSpare    = 2 * exportSync  // that has to be free beyond free-space-reserve
	exportPrefix   = "export-"       // of the file's name, for the moment that it has one
	exportHoldsMax = 2               // times what history may hold, which it may while an export is made
)

// Errors of exports.
var (
	errTooManyExports = fmt.Errorf("%d copies are being made or sent already", exportsMax)
	errExportSpace    = errors.New("free disk space is at free-space-reserve: there is no room to make the copy in")
	errExportGone     = errors.New("the client has gone")
	errNoExportQuorum = errors.New("there is no quorum")
)

// exports are those under way.
type exports struct {
	mu    sync.Mutex
	list  map[*export]struct{}
	ended bool
	done  sync.WaitGroup
}

// export is one client's. Its goroutine makes the file and hands it to the session's loop piece by piece.
type export struct {
	s      *session
	stale  bool
	noKeys bool
	head   string // in front of the file's length
	rev    uint64 // while the file is made; 0 before and behind. Guarded by exports.mu
	stop   chan struct{}
	once   sync.Once

	taken   chan struct{} // has one when the client has taken nearly all of the last piece
	waiting bool          // for that; the loop's own
}

// end has the export end soon, from anywhere.
func (x *export) end() { x.once.Do(func() { close(x.stop) }) }

// add starts an export.
func (l *exports) add(x *export) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return errEnding
	case len(l.list) == exportsMax:
		return errTooManyExports
	case l.list == nil:
		l.list = map[*export]struct{}{}
	}
	l.list[x] = struct{}{}
	l.done.Go(x.run)
	return nil
}

func (l *exports) remove(x *export) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.list, x)
}

// hold notes the revision of an export's file, 0 when it is made.
func (l *exports) hold(x *export, rev uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x.rev = rev
}

// held is the earliest revision that a file is being made of; 0 if none is.
func (l *exports) held() (rev uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for x := range l.list {
		if x.rev != 0 && (rev == 0 || x.rev < rev) {
			rev = x.rev
		}
	}
	return rev
}

// end has all of them end soon; wait returns when they have.
func (l *exports) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for x := range l.list {
		x.end()
	}
}

func (l *exports) wait() { l.done.Wait() }

// run is the export's goroutine.
func (x *export) run() {
	srv := x.s.srv
	defer srv.exports.remove(x)
	file, err := x.make()
	if err != nil {
		srv.log.Warn("no copy was made for SYNC", "client", x.s.info.id, "err", err)
		x.s.loop.post(func() { x.s.exportFailed(err) })
		return
	}
	defer file.Close()
	if err := x.send(file); err != nil {
		srv.log.Warn("a copy was not sent to its end", "client", x.s.info.id, "err", err)
	}
	x.s.loop.post(x.s.exportDone)
}

// make writes the file, with signs of life for the client.
func (x *export) make() (*os.File, error) {
	made := make(chan struct{})
	defer close(made)
	go func() {
		tick := time.NewTicker(exportPing)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				x.s.loop.post(func() { x.s.exportBytes([]byte("\n")) })
			case <-made:
				return
			}
		}
	}()
	srv := x.s.srv
	srv.pool.heavy(true)
	defer srv.pool.heavy(false)
	if err := x.awaitReadIndex(); err != nil {
		return nil, err
	}
	defer srv.exports.hold(x, 0)
	fields := false
	for try := 1; ; try++ {
		file, err := x.tryMake(fields)
		switch {
		case errors.Is(err, keyspace.ErrFieldDeadlines) && !fields:
			fields, try = true, try-1
		case err == nil || try == exportTries || !errors.Is(err, mvcc.ErrCompacted):
			return file, err
		}
	}
}

// awaitReadIndex returns when this node has applied all that was acknowledged before.
func (x *export) awaitReadIndex() error {
	if x.stale {
		return nil
	}
	done := make(chan error, 1)
	x.s.srv.replica.ReadIndex(func(err error) { done <- err })
	select {
	case err := <-done:
		if err != nil {
			return errNoExportQuorum
		}
		return nil
	case <-x.stop:
		return errExportGone
	}
}

func (x *export) tryMake(fields bool) (_ *os.File, err error) {
	srv := x.s.srv
	file, err := os.CreateTemp(srv.conf.String("dir"), exportPrefix)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	began, used := time.Now(), srv.memoryUsed().Total
	o := keyspace.ExportOptions{Fields: fields, NoKeys: x.noKeys, Aux: func(rev uint64) []string {
		return []string{"redis-ver", redisVersion, "redis-bits", "64", "ctime", strconv.FormatInt(began.Unix(), 10), "used-mem", strconv.FormatInt(used, 10),
			"aof-base", "0", "redoubt-ver", srv.version, "redoubt-revision", strconv.FormatUint(rev, 10)}
	}}
	to := &exportFile{srv: srv, File: file}
	if err := srv.machine.Export(to, o, func(rev uint64) { srv.exports.hold(x, rev) }, x.stop); err != nil {
		return nil, err
	}
	srv.settleLog()
	srv.log.Info("A copy for SYNC is made", "client", x.s.info.id, "bytes", to.bytes, "took", time.Since(began))
	return file, nil
}

// exportFile is a file that leaves the log its room on the disk and its turns.
type exportFile struct {
	*os.File
	srv   *Server
	bytes int64
	dirty int // since the last flush
}

func (f *exportFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	f.bytes += int64(n)
	if f.dirty += n; err != nil || f.dirty < exportSync {
		return n, err
	}
	f.dirty = 0
	free, err := freeSpace(f.srv.conf.String("dir"))
	if err == nil && free < f.srv.conf.Bytes("free-space-reserve")+exportSpare {
		err = errExportSpace
	}
	return n, errors.Join(err, f.File.Sync())
}

// send hands the file to the client.
func (x *export) send(file *os.File) error {
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	piece := make([]byte, exportPiece)
	head := append(piece[:0], fmt.Sprintf("%s$%d\r\n", x.head, size)...)
	for next := head; ; {
		x.s.loop.post(func() {
			x.waiting = true
			x.s.exportBytes(next)
		})
		if err := x.awaitTaken(); err != nil {
			return err
		}
		n, err := file.Read(piece)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		next = piece[:n]
	}
}

// awaitTaken returns when the client has taken what it was sent, nearly.
func (x *export) awaitTaken() error {
	idle := time.NewTimer(exportIdleMax)
	defer idle.Stop()
	select {
	case <-x.taken:
		return nil
	case <-x.stop:
		return errExportGone
	case <-idle.C:
		return fmt.Errorf("the client took nothing for %v", exportIdleMax)
	}
}

// What follows runs on the session's loop.

// exportBytes sends some more of an export.
func (s *session) exportBytes(b []byte) {
	if s.closed {
		return
	}
	s.out = append(s.room(), b...)
	s.loop.touch(s)
}

// exportTaken tells the export when it may go on. Not every transport tells when its client has taken something.
func (s *session) exportTaken() {
	if !s.export.waiting {
		return
	}
	if s.conn.Buffered() > exportUnsent {
		s.linger()
		return
	}
	s.export.waiting = false
	s.export.taken <- struct{}{}
}

// exportFailed answers in place of the file.
func (s *session) exportFailed(err error) {
	if s.closed {
		return
	}
	s.endExport()
	v := noQuorum
	if !errors.Is(err, errNoExportQuorum) {
		v = resp.Error("ERR " + oneLine(err.Error()))
	}
	s.finish(v)
	s.loop.touch(s)
}

// exportDone ends the connection, as nothing follows the file.
func (s *session) exportDone() {
	if s.closed {
		return
	}
	s.endExport()
	s.closing = true // what it sent meanwhile is not run
	s.finish(resp.None)
	s.loop.touch(s)
}

func (s *session) endExport() {
	s.export = nil
	s.late.start = s.srv.mono() // how long a client reads is not the command's time
	s.setFlag(flagReplica, false)
}
