package replica

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/lni/dragonboat/v4/raftpb"
	"github.com/lni/vfs"

	"github.com/redoubt-db/redoubt/internal/raftlog"
)

// Names in the raft directory. Those of dragonboat's are fixed by it.
const (
	identityName = "identity"
	lockName     = "redoubt.lock"
	hostIDName   = "NODEHOST.ID"   // dragonboat's copy of the node's id
	flagName     = "dragonboat.ds" // dragonboat's own record of how the directory was made
	flagHashLen  = 8

	identityFormat = 1
	nodeIDBits     = 53 // ids survive a trip through a float64: JSON, Lua
)

// identity is who this node is, for ever. It is kept beside the log as text:
//
//	redoubt-node 1
//	node 4034522170823409
//	cluster 1231432184092834
//	state formed
type identity struct {
	node, cluster uint64
	state         state
}

// state tells how the node came to its cluster, which dragonboat wants to hear at
// every start, and whether its first start was completed. Until then what a crash
// leaves behind holds nothing that was acknowledged, and is cleared, since
// dragonboat refuses some of it (half-written flag files).
type state string

const (
	forming state = "forming" // a group of one
	formed  state = "formed"
	joining state = "joining" // a group that exists
	joined  state = "joined"
	removed state = "removed" // from the group, for ever
)

// complete is the state after the first start.
func (s state) complete() state {
	switch s {
	case forming:
		return formed
	case joining:
		return joined
	}
	return s
}

func (s state) known() bool {
	return s == forming || s == formed || s == joining || s == joined || s == removed
}

// Errors of opening a directory.
var (
	ErrInUse   = errors.New("replica: the data directory is in use by another process")
	ErrDamaged = errors.New("replica: the data directory is damaged")
	ErrNewer   = errors.New("replica: the data directory was written by a newer version; start that version instead")
	ErrOldLog  = errors.New("replica: the Raft log is of a kind that only development versions wrote; make a backup with the version that wrote it, and restore that")
)

// newIdentity makes an identity for a node that joins a cluster, or forms one if
// that is 0.
func newIdentity(cluster uint64) identity {
	if cluster != 0 {
		return identity{node: newID(), cluster: cluster, state: joining}
	}
	return identity{node: newID(), cluster: newID(), state: forming}
}

// newID returns an id that was never used: chance sees to that better than a
// count could, which is lost with the disk that holds it.
func newID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return max(1, binary.LittleEndian.Uint64(b[:])>>(64-nodeIDBits))
}

func (id identity) text() []byte {
	return fmt.Appendf(nil, "redoubt-node %d\nnode %d\ncluster %d\nstate %s\n", identityFormat, id.node, id.cluster, id.state)
}

func parseIdentity(text []byte) (id identity, err error) {
	in := bufio.NewReader(bytes.NewReader(text))
	var format int
	if _, err := fmt.Fscanf(in, "redoubt-node %d\n", &format); err != nil {
		return identity{}, ErrDamaged
	}
	if format > identityFormat {
		return identity{}, ErrNewer
	}
	if _, err := fmt.Fscanf(in, "node %d\ncluster %d\nstate %s\n", &id.node, &id.cluster, &id.state); err != nil {
		return identity{}, ErrDamaged
	}
	if id.node == 0 || id.cluster == 0 || !id.state.known() {
		return identity{}, ErrDamaged
	}
	return id, nil
}

// home is the raft directory: dragonboat's NodeHostDir and our identity in it.
type home struct {
	fs   vfs.FS
	dir  string
	lock io.Closer
}

// Identity is who lives in a raft directory.
type Identity struct {
	Node, Cluster uint64
	Fresh         bool // the first start was not completed, or there was none
}

// ReadIdentity tells who lives in a raft directory that no replica is open on; false if nobody does.
func ReadIdentity(dir string) (Identity, bool, error) {
	h := &home{fs: vfs.Default, dir: dir}
	text, err := h.read(identityName)
	if errors.Is(err, os.ErrNotExist) {
		return Identity{Fresh: true}, false, nil
	}
	if err != nil {
		return Identity{}, false, err
	}
	id, err := parseIdentity(text)
	if err != nil {
		return Identity{}, false, fmt.Errorf("%w: %s", err, h.path(identityName))
	}
	return Identity{Node: id.node, Cluster: id.cluster, Fresh: id.state != id.state.complete()}, true, nil
}

// openHome makes the directory if it is not there, and locks it: nothing in it
// may be read or moved while another process lives there.
func openHome(fs vfs.FS, dir string) (*home, error) {
	h := &home{fs: fs, dir: dir}
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("replica: create %s: %w", dir, err)
	}
	for _, d := range []string{dir, fs.PathDir(dir)} {
		if err := h.syncDir(d); err != nil {
			return nil, err
		}
	}
	lock, err := lockFile(fs, h.path(lockName))
	if err != nil {
		return nil, fmt.Errorf("replica: lock %s: %w", dir, err)
	}
	h.lock = lock
	return h, nil
}

func (h *home) close() error { return h.lock.Close() }

func (h *home) path(name string) string { return h.fs.PathJoin(h.dir, name) }

// load returns who lives here, a new identity in an empty directory: see newIdentity.
func (h *home) load(cluster uint64) (identity, error) {
	text, err := h.read(identityName)
	if errors.Is(err, os.ErrNotExist) {
		return h.found(cluster)
	}
	if err != nil {
		return identity{}, err
	}
	id, err := parseIdentity(text)
	if err != nil {
		return identity{}, fmt.Errorf("%w: %s", err, h.path(identityName))
	}
	if id.state == removed {
		return identity{}, ErrRemoved
	}
	if id.state != id.state.complete() {
		return id, h.clear()
	}
	return id, nil
}

// found gives a new directory its identity.
func (h *home) found(cluster uint64) (identity, error) {
	names, err := h.foreign()
	if err != nil {
		return identity{}, err
	}
	if len(names) > 0 {
		return identity{}, fmt.Errorf("%w: %s holds %s but no file %s; restore that file, or start with an empty directory",
			ErrDamaged, h.dir, strings.Join(names, ", "), identityName)
	}
	id := newIdentity(cluster)
	return id, h.save(id)
}

func (h *home) save(id identity) error { return h.write(identityName, id.text()) }

// foreign lists what is in the directory beside our own files.
func (h *home) foreign() ([]string, error) {
	all, err := h.fs.List(h.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range all {
		if name != identityName && name != lockName && name != identityName+".new" {
			names = append(names, name)
		}
	}
	return names, nil
}

// clear removes what a first start that never finished left behind.
func (h *home) clear() error {
	names, err := h.foreign()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := h.fs.RemoveAll(h.path(name)); err != nil {
			return err
		}
	}
	return h.syncDir(h.dir)
}

// adopt makes the directory fit for a process on the machine called host.
//
// dragonboat keeps everything below a directory named after the host, and
// refuses to start if the host's name is not the one in its flag file; it has no
// setting for either. A file system that maps names would do, but dragonboat
// syncs less well on any but the default one (fsync where fdatasync is enough).
// So we move the directory (one atomic rename, under the lock) and then say so
// in the flag file, which is written anew and renamed over the old one.
func (h *home) adopt(host string) error {
	if host == "" || strings.ContainsAny(host, `/\`) {
		return fmt.Errorf("replica: the host name %q cannot be used as a file name", host)
	}
	// It repeats what the identity says. dragonboat makes it anew, but of a damaged one it makes neither a NodeHost nor an error.
	if err := h.fs.RemoveAll(h.path(hostIDName)); err != nil {
		return err
	}
	if err := h.adoptDir(host); err != nil {
		return err
	}
	return h.adoptFlag(host)
}

func (h *home) adoptDir(host string) error {
	names, err := h.foreign()
	if err != nil {
		return err
	}
	var dirs []string
	for _, name := range names {
		info, err := h.fs.Stat(h.path(name))
		if err != nil {
			return err
		}
		if info.IsDir() {
			dirs = append(dirs, name)
		}
	}
	switch {
	case len(dirs) == 0 || len(dirs) == 1 && dirs[0] == host:
		return nil
	case len(dirs) > 1:
		return fmt.Errorf("%w: %s holds more than one log: %s", ErrDamaged, h.dir, strings.Join(dirs, ", "))
	}
	if err := h.fs.Rename(h.path(dirs[0]), h.path(host)); err != nil {
		return err
	}
	return h.syncDir(h.dir)
}

func (h *home) adoptFlag(host string) error {
	raw, err := h.read(flagName)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(raw) < flagHashLen || !bytes.Equal(raw[:flagHashLen], flagHash(raw[flagHashLen:])) {
		return fmt.Errorf("%w: %s", ErrDamaged, h.path(flagName))
	}
	var status raftpb.RaftDataStatus
	if err := status.Unmarshal(raw[flagHashLen:]); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, h.path(flagName), err)
	}
	if status.LogdbType != raftlog.Name {
		return fmt.Errorf("%w: %s", ErrOldLog, h.dir)
	}
	if status.Hostname == host {
		return nil
	}
	status.Hostname = host
	data, err := status.Marshal()
	if err != nil {
		return err
	}
	return h.write(flagName, append(flagHash(data), data...))
}

// flagHash is the checksum dragonboat puts before the content of a flag file.
func flagHash(data []byte) []byte {
	sum := md5.Sum(data)
	return bytes.Clone(sum[flagHashLen:])
}

func (h *home) read(name string) ([]byte, error) {
	f, err := h.fs.Open(h.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// write replaces the file, or leaves the old one, whenever the power goes.
func (h *home) write(name string, data []byte) error {
	next := h.path(name + ".new")
	f, err := h.fs.Create(next)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = h.fs.Rename(next, h.path(name))
	}
	if err == nil {
		err = h.syncDir(h.dir)
	}
	if err != nil {
		return fmt.Errorf("replica: write %s: %w", h.path(name), err)
	}
	return nil
}

func (h *home) syncDir(dir string) error {
	d, err := h.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}

// lockFile takes the lock that keeps two processes apart. On a real disk it is
// flock(2): unlike the POSIX locks of vfs it also keeps two replicas of one
// process apart, and is not lost when some other descriptor of it is closed.
func lockFile(fs vfs.FS, path string) (io.Closer, error) {
	if fs != vfs.Default {
		lock, err := fs.Lock(path)
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrInUse, err)
		}
		return lock, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return f, nil
}
