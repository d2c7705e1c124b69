package sm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
)

// The Machine's directory holds the file CURRENT, which names the store in use, and that store:
//
//	CURRENT      "store-3\n"
//	store-3/     mvcc's
//
// A snapshot is received into the next store, beside the present one; then CURRENT is replaced, at once or not
// at all. What CURRENT does not name is a leftover of that and is removed at the next Open.
const (
	currentName  = "CURRENT"
	currentTemp  = "CURRENT.new"
	storePrefix  = "store-"
	storeFirst   = 1
	currentBytes = 64 // more than CURRENT ever holds

	// recoverBuffer saves mvcc's reader from asking for single bytes.
	recoverBuffer = 256 << 10
)

// ErrDamaged: the directory is not what this program left.
var ErrDamaged = errors.New("sm: the data directory is damaged; restore it from a copy, or let this node join again with an empty one")

// home is one store with what was made of it. It is closed when the Machine and all snapshots have let go.
type home struct {
	number   int
	store    *mvcc.Store
	space    *keyspace.Space
	members  []Member // as found when it was opened
	alarms   []Alarm  // likewise
	version  uint64   // of the semantics, likewise
	refs     atomic.Int32
	replaced bool   // set before the Machine lets go: the files are of no use any more
	remove   func() // removes them
}

// Open opens the Machine in dir, which it makes if there is none, and returns the index of the last entry that
// is durable there: what follows it is to be applied again.
func (m *Machine) Open(dir string) (applied uint64, err error) {
	if m.home.Load() != nil {
		return 0, fmt.Errorf("sm: %s is open", m.dir)
	}
	m.dir = dir
	if err := m.makeDir(dir); err != nil {
		return 0, fmt.Errorf("make the data directory: %w", err)
	}
	number, err := m.current()
	if err != nil {
		return 0, err
	}
	if err := m.sweep(number); err != nil {
		return 0, err
	}
	h, err := m.enter(max(number, storeFirst))
	if err != nil {
		return 0, err
	}
	if number == 0 {
		if err := m.found(h); err != nil {
			return 0, errors.Join(err, h.store.Close())
		}
	}
	m.settle(h)
	return h.store.Applied(), nil
}

// makeDir makes dir, durably: a power loss must not take the name away from what is synced inside.
func (m *Machine) makeDir(dir string) error {
	fs := m.fs()
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := m.makeDir(parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return m.syncDir(parent)
}

// found makes a first store the current one. CURRENT comes last, so a directory without it holds nothing.
func (m *Machine) found(h *home) error {
	if applied := h.store.Applied(); applied != 0 {
		return fmt.Errorf("%w: %s has %d entries and no %s names it", ErrDamaged, m.path(h.number), applied, currentName)
	}
	return m.setCurrent(h.number)
}

// current is the number in CURRENT, 0 if there is no such file.
func (m *Machine) current() (int, error) {
	f, err := m.fs().Open(m.fs().PathJoin(m.dir, currentName))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	b, err := io.ReadAll(io.LimitReader(f, currentBytes))
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	number := storeNumber(strings.TrimSuffix(string(b), "\n"))
	if number == 0 {
		return 0, fmt.Errorf("%w: %s says %q", ErrDamaged, currentName, b)
	}
	if _, err := m.fs().Stat(m.path(number)); err != nil {
		return 0, fmt.Errorf("%w: %s names %s: %w", ErrDamaged, currentName, storeName(number), err)
	}
	return number, nil
}

func storeName(number int) string { return storePrefix + strconv.Itoa(number) }

// storeNumber is the number in a store's name, 0 if the name is not one.
func storeNumber(name string) int {
	digits, ok := strings.CutPrefix(name, storePrefix)
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < storeFirst || storeName(n) != name {
		return 0
	}
	return n
}

// sweep removes stores that CURRENT does not name. Without CURRENT only the first may be there.
func (m *Machine) sweep(current int) error {
	names, err := m.fs().List(m.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		n := storeNumber(filepath.Base(name))
		if n == 0 || n == max(current, storeFirst) {
			continue
		}
		if current == 0 {
			return fmt.Errorf("%w: %s is there and no %s", ErrDamaged, storeName(n), currentName)
		}
		if err := m.fs().RemoveAll(m.path(n)); err != nil {
			return fmt.Errorf("remove a store no longer in use: %w", err)
		}
	}
	return nil
}

// setCurrent makes CURRENT name a store, durably.
func (m *Machine) setCurrent(number int) error {
	fs := m.fs()
	temp := fs.PathJoin(m.dir, currentTemp)
	f, err := fs.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, storeName(number)+"\n")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := m.syncDir(m.dir); err != nil { // the store's own name, first
		return err
	}
	if err := fs.Rename(temp, fs.PathJoin(m.dir, currentName)); err != nil {
		return err
	}
	return m.syncDir(m.dir)
}

func (m *Machine) syncDir(dir string) error {
	d, err := m.fs().OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (m *Machine) fs() vfs.FS {
	if m.o.Store.FS != nil {
		return m.o.Store.FS
	}
	return vfs.Default
}

func (m *Machine) path(number int) string { return m.fs().PathJoin(m.dir, storeName(number)) }

// enter opens a store and reads what the Machine keeps in it.
func (m *Machine) enter(number int) (*home, error) {
	o := m.o.Store
	o.Dir, o.FS = m.path(number), m.fs()
	store, err := mvcc.Open(o)
	if err != nil {
		return nil, err
	}
	s, err := decodeState(store.Meta(stateName))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	members, err := decodeMembers(store.Meta(membersName))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	alarms, err := decodeAlarms(store.Meta(alarmsName))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	version, err := m.decodeSemantics(store.Meta(semanticsName))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	m.state = s
	h := &home{number: number, store: store, space: keyspace.Open(store), members: members, alarms: alarms, version: version}
	h.space.PutInForce(keyspace.Semantics(version))
	h.space.Uses = m.o.Uses
	h.refs.Store(1)
	h.remove = func() {
		_ = o.FS.RemoveAll(o.Dir) // what stays behind is swept at the next Open, which reports errors
	}
	return h, nil
}

// settle makes h the Machine's.
func (m *Machine) settle(h *home) {
	m.index = h.store.Applied()
	m.logTime.Store(m.state.logTime)
	m.semantics.Store(h.version)
	m.batch, m.done, m.failed = nil, m.done[:0], nil
	m.mu.Lock()
	m.home.Store(h)
	m.mu.Unlock()
	m.useMembers(h.members)
	m.useAlarms(h.alarms)
}

// leave takes the Machine's store away from readers, when the last of them is done.
func (m *Machine) leave() *home {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.home.Swap(nil)
}

func (h *home) release() error {
	if h.refs.Add(-1) > 0 {
		return nil
	}
	err := h.store.Close()
	if h.replaced {
		h.remove()
	}
	return err
}

// Sync returns when everything applied is durable.
func (m *Machine) Sync() error {
	h := m.home.Load()
	if h == nil {
		return errClosed
	}
	return h.store.Flush()
}

// FlushAsync begins what Sync does and closes the channel when it is done. It may run beside Apply, but not
// beside Recover or Close.
func (m *Machine) FlushAsync() (<-chan struct{}, error) {
	h := m.home.Load()
	if h == nil {
		return nil, errClosed
	}
	return h.store.FlushAsync()
}

// Close flushes and closes. Sources of Prepare must have been closed.
func (m *Machine) Close() error {
	h := m.leave()
	if h == nil {
		return nil
	}
	m.batch, m.done = nil, m.done[:0]
	return h.release()
}
