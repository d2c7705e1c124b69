package raftlog

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/lni/vfs"

	"github.com/redoubt-db/redoubt/internal/aio"
)

var errPower = errors.New("the power is gone")

// disk is a file system in memory that knows what a loss of power may leave: of a file, any of the sectors written since
// it was synced, and any size in between; of a directory, any of the changes.
type disk struct {
	vfs.FS // paths only

	mu     sync.Mutex
	names  map[string]*node
	synced map[string]*node // what directories are known to hold
	dirs   map[string]bool

	changes int                    // operations that change something, so far
	syncs   int                    // of files, so far
	before  func(change int) error // called before each of them
	written int64
	cached  bool        // files are written through the kernel's cache, since they cannot be past it
	writer  *diskWriter // nil: none
	late    bool        // which turns out when one is written to
}

type node struct {
	data, synced []byte
	direct       bool // written past the kernel's cache
}

// options are those of a log on a disk. Its segments are small.
func (d *disk) options() Options {
	o := Options{FS: d, Dir: "/log", SegmentBytes: 40_000, Direct: d.setDirect}
	if d.writer != nil {
		o.Writer = d.writer
	}
	return o
}

func (d *disk) setDirect(f any, on bool) error {
	if d.cached {
		return errors.New("not past the kernel's cache")
	}
	f.(*file).n.direct = on
	return nil
}

func newDisk() *disk {
	return &disk{FS: vfs.NewMem(), names: map[string]*node{}, synced: map[string]*node{}, dirs: map[string]bool{"/": true}}
}

// after returns what a loss of power now leaves.
func (d *disk) after(chance *rand.Rand) *disk {
	next := newDisk()
	next.cached, next.writer = d.cached, d.writer
	maps.Copy(next.dirs, d.dirs)
	all := maps.Clone(d.names)
	maps.Copy(all, d.synced)
	left := map[*node]*node{}
	for name := range all {
		n := d.synced[name]
		if chance.IntN(2) == 0 {
			n = d.names[name]
		}
		if n == nil {
			continue
		}
		if left[n] == nil {
			data := n.torn(chance)
			left[n] = &node{data: data, synced: bytes.Clone(data)}
		}
		next.names[name], next.synced[name] = left[n], left[n]
	}
	return next
}

func (n *node) torn(chance *rand.Rand) []byte {
	data := bytes.Clone(n.data)
	if bytes.Equal(data, n.synced) {
		return data
	}
	keep := chance.IntN(5) // how many of four
	for at := 0; at < len(data); at += sector {
		end := min(at+sector, len(data))
		if chance.IntN(4) < keep {
			continue
		}
		clear(data[at:end])
		if at < len(n.synced) {
			copy(data[at:end], n.synced[at:])
		}
	}
	if chance.IntN(2) == 0 {
		data = data[:len(n.synced)+chance.IntN(len(data)-len(n.synced)+1)]
	}
	return data
}

func (d *disk) change() error {
	d.changes++
	if d.before != nil {
		return d.before(d.changes)
	}
	return nil
}

func (d *disk) Create(name string) (vfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change(); err != nil {
		return nil, err
	}
	n := &node{}
	d.names[name] = n
	return &file{d: d, n: n}, nil
}

func (d *disk) Open(name string, _ ...vfs.OpenOption) (vfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[name]
	if n == nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
	}
	return &file{d: d, n: n}, nil
}

func (d *disk) OpenDir(name string) (vfs.File, error) { return &file{d: d, dir: name}, nil }

func (d *disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change(); err != nil {
		return err
	}
	if d.names[from] == nil {
		return os.ErrNotExist
	}
	d.names[to] = d.names[from]
	delete(d.names, from)
	return nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change(); err != nil {
		return err
	}
	if d.names[name] == nil {
		return os.ErrNotExist
	}
	delete(d.names, name)
	return nil
}

func (d *disk) MkdirAll(dir string, _ os.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dirs[dir] = true
	return nil
}

func (d *disk) List(dir string) (names []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.names {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

// segments returns the paths of the segments, by their base name.
func (d *disk) segments() map[string]*node {
	found := map[string]*node{}
	for name, n := range d.names {
		if strings.HasSuffix(name, segmentSuffix) {
			found[path.Base(name)] = n
		}
	}
	return found
}

// file is an open one of a disk.
type file struct {
	vfs.File
	d   *disk
	n   *node
	dir string
}

func (f *file) ReadAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if at >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	return copy(b, f.n.data[at:]), nil // like vfs' own, without a word when it is short
}

func (f *file) WriteAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.n.mayWrite(b, at, f.d.late); err != nil {
		return 0, err
	}
	if err := f.d.change(); err != nil {
		half := b[:len(b)/2] // is written nevertheless
		f.n.write(half, at)
		return len(half), err
	}
	f.n.write(b, at)
	f.d.written += int64(len(b))
	return len(b), nil
}

// mayWrite fails as a file that is written directly does.
func (n *node) mayWrite(b []byte, at int64, late bool) error {
	address := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	switch {
	case n.direct && (late || (uintptr(len(b))|uintptr(at)|address)%aio.Block > 0):
		return &os.PathError{Op: "write", Err: syscall.EINVAL}
	case at > int64(len(n.data)):
		return errors.New("a write behind the end of the file")
	}
	return nil
}

func (n *node) write(b []byte, at int64) {
	n.data = append(n.data[:at], append(b[:len(b):len(b)], n.data[min(at+int64(len(b)), int64(len(n.data))):]...)...)
}

func (f *file) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.change(); err != nil {
		return err
	}
	if f.n != nil {
		f.n.synced = bytes.Clone(f.n.data)
		f.d.syncs++
		return nil
	}
	for name := range f.d.synced {
		if path.Dir(name) == f.dir && f.d.names[name] == nil {
			delete(f.d.synced, name)
		}
	}
	for name, n := range f.d.names {
		if path.Dir(name) == f.dir {
			f.d.synced[name] = n
		}
	}
	return nil
}

func (f *file) Close() error { return nil }

func (f *file) Stat() (os.FileInfo, error) { return info{size: int64(len(f.n.data))}, nil }

type info struct{ size int64 }

func (i info) Size() int64      { return i.size }
func (info) Name() string       { return "" }
func (info) Mode() os.FileMode  { return 0 }
func (info) ModTime() time.Time { return time.Time{} }
func (info) IsDir() bool        { return false }
func (info) Sys() any           { return nil }
