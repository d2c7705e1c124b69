package powerloss

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
	raftvfs "github.com/lni/vfs"
)

// moment is when the power goes: one moment for both file systems, at a chosen operation on either of them.
//
// The strict file system of the log forgets at once what is synced from then on. The store's is copied instead, and the copy takes a while;
// so operations that change the store are held up meanwhile, also those that are on their way to the disk. Were the store
// copied from before a flush and the log from behind it, its note of a snapshot would name an index that the store does
// not have: dragonboat refuses that, rightly, and no disk does it.
type moment struct {
	sync.RWMutex // shared by operations that change the store

	on     *disks
	rng    *rand.Rand
	before func() // called first: what clients were told by now must be there
	once   sync.Once
	gone   chan struct{}
	after  *disks // what survived

	operations atomic.Int64 // until the power goes; below 1 it does not
	atSync     atomic.Int64 // what operations is set to when a snapshot of the log begins
}

func newMoment(on *disks, seed uint64, before func()) *moment {
	return &moment{on: on, rng: rand.New(rand.NewPCG(seed, 2)), before: before, gone: make(chan struct{})}
}

// cut is the power loss. What of the store's unsynced bytes is there nevertheless is chance's to say.
func (m *moment) cut() {
	m.once.Do(func() {
		m.Lock()
		defer m.Unlock()
		m.before()
		m.on.raft.SetIgnoreSyncs(true)
		store := m.on.store.CrashClone(pebblevfs.CrashCloneCfg{UnsyncedDataPercent: m.rng.IntN(101), RNG: m.rng})
		m.after = &disks{raft: m.on.raft, store: store}
		close(m.gone)
	})
}

// operation is called before anything is changed on either file system.
func (m *moment) operation() {
	if m.operations.Load() > 0 && m.operations.Add(-1) == 0 {
		m.cut()
	}
}

// flush is called when the machine is to be durable before the log is cut.
func (m *moment) flush() {
	if n := m.atSync.Swap(0); n > 0 {
		m.operations.Store(n)
	}
}

// MaybeError sees the log's operations.
func (m *moment) MaybeError(op raftvfs.Op) error {
	if op != raftvfs.OpRead {
		m.operation()
	}
	return nil
}

func (m *moment) raft() raftvfs.FS    { return raftvfs.Wrap(m.on.raft, m) }
func (m *moment) store() pebblevfs.FS { return storeFS{m.on.store, m} }

// change runs an operation on the store.
func (m *moment) change(op func()) {
	m.operation()
	m.RLock()
	defer m.RUnlock()
	op()
}

// storeFS is the store's file system as its node sees it.
type storeFS struct {
	pebblevfs.FS
	m *moment
}

func (fs storeFS) file(open func() (pebblevfs.File, error)) (f pebblevfs.File, err error) {
	fs.m.change(func() { f, err = open() })
	if err != nil {
		return nil, err
	}
	return storeFile{f, fs.m}, nil
}

func (fs storeFS) Create(name string, category pebblevfs.DiskWriteCategory) (pebblevfs.File, error) {
	return fs.file(func() (pebblevfs.File, error) { return fs.FS.Create(name, category) })
}

func (fs storeFS) OpenReadWrite(
	name string, category pebblevfs.DiskWriteCategory, opts ...pebblevfs.OpenOption,
) (pebblevfs.File, error) {
	return fs.file(func() (pebblevfs.File, error) { return fs.FS.OpenReadWrite(name, category, opts...) })
}

func (fs storeFS) OpenDir(name string) (pebblevfs.File, error) {
	return fs.file(func() (pebblevfs.File, error) { return fs.FS.OpenDir(name) })
}

func (fs storeFS) ReuseForWrite(old, name string, category pebblevfs.DiskWriteCategory) (pebblevfs.File, error) {
	return fs.file(func() (pebblevfs.File, error) { return fs.FS.ReuseForWrite(old, name, category) })
}

func (fs storeFS) Link(old, name string) (err error) {
	fs.m.change(func() { err = fs.FS.Link(old, name) })
	return err
}

func (fs storeFS) Remove(name string) (err error) {
	fs.m.change(func() { err = fs.FS.Remove(name) })
	return err
}

func (fs storeFS) RemoveAll(name string) (err error) {
	fs.m.change(func() { err = fs.FS.RemoveAll(name) })
	return err
}

func (fs storeFS) Rename(old, name string) (err error) {
	fs.m.change(func() { err = fs.FS.Rename(old, name) })
	return err
}

func (fs storeFS) Unwrap() pebblevfs.FS { return fs.FS }

// storeFile is a file that may change.
type storeFile struct {
	pebblevfs.File
	m *moment
}

func (f storeFile) Write(b []byte) (n int, err error) {
	f.m.change(func() { n, err = f.File.Write(b) })
	return n, err
}

func (f storeFile) WriteAt(b []byte, at int64) (n int, err error) {
	f.m.change(func() { n, err = f.File.WriteAt(b, at) })
	return n, err
}

func (f storeFile) Sync() (err error) {
	f.m.change(func() { err = f.File.Sync() })
	return err
}

func (f storeFile) SyncData() (err error) {
	f.m.change(func() { err = f.File.SyncData() })
	return err
}

func (f storeFile) SyncTo(length int64) (full bool, err error) {
	f.m.change(func() { full, err = f.File.SyncTo(length) })
	return full, err
}
