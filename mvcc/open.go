package mvcc

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// diskFormat is the version of everything in a store's directory. A newer one is refused.
	// One of format 1 has no chunks yet, and becomes ours when it is opened.
	diskFormat = 2

	// engineFormat is Pebble's own version of its files.
	engineFormat = pebble.FormatTableFormatV6

	// Two memtables stay in memory once writes have filled them: the open one, and one that Pebble keeps to use it again. Since records
	// share rows, larger ones save nothing, and memory that is new to the process costs more than writing it: the system has to clear
	// it first, which was a fifth of the time of applying SETs until two tables of 32 MiB had been filled.
	memTableBytesDefault = 8 << 20
	memTablesMax         = 8        // that wait to be flushed; then writes wait
	cacheBytesDefault    = 32 << 20 // memtables are taken off it: two leave a half

	// levelZeroDeep is how many flushes lie on each other before Pebble compacts level 0. Each has rows of the same names again, the facts,
	// and little else that overlaps (see tableSpans). A read by revision may look at each of them.
	levelZeroDeep = 16

	flushTriesMax = 100 // of the first flush of a new store
)

// Errors of opening a directory.
var (
	// ErrNewerFormat: a newer version of the program wrote the directory.
	ErrNewerFormat = errors.New("mvcc: the directory was written by a newer version; use that version or a newer one")
	// ErrNotStore: the directory holds a Pebble store that is not ours.
	ErrNotStore = errors.New("mvcc: the directory holds another store; choose another directory")
)

// Open opens or makes the store in o.Dir and rebuilds its index. What was committed but not flushed before a
// crash is gone: Applied tells from where the log must be applied again.
func Open(o Options) (*Store, error) {
	faults, tell := make(chan error, 1), o.Trouble
	o.Trouble = func(err error) {
		select {
		case faults <- err:
		default: // nobody flushes for the first time, or that has not seen the last one yet
		}
		if tell != nil {
			tell(err)
		}
	}
	db, err := openEngine(o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	o.chunkRecords, o.chunkLeast = cmp.Or(o.chunkRecords, chunkRecords), cmp.Or(o.chunkLeast, chunkLeastDefault)
	o.chunkMin, o.lingerMin = cmp.Or(o.chunkMin, chunkMinDefault), cmp.Or(o.lingerMin, lingerMinDefault)
	s := &Store{db: db, o: o, meta: map[string][]byte{}}
	s.batch.s, s.batch.tx.s, s.batch.tx.b = s, s, &s.batch
	if err := s.rebuild(faults); err != nil {
		if s.index != nil {
			s.release()
		}
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Dir, err), db.Close())
	}
	return s, nil
}

func openEngine(o Options) (*pebble.DB, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = cacheBytesDefault
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = memTableBytesDefault
	}
	if o.Logger == nil {
		o.Logger = quiet{}
	}
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref()
	engine := &pebble.Options{
		FS: o.FS, Cache: cache, MemTableSize: o.MemTableBytes, Logger: o.Logger,
		DisableWAL:                  true, // the Raft log is the WAL
		FormatMajorVersion:          engineFormat,
		MemTableStopWritesThreshold: memTablesMax,
		L0CompactionThreshold:       2 * levelZeroDeep, // depth counts double
		L0StopWritesThreshold:       100,
		EventListener:               listener(o),
	}
	engine.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	engine.Experimental.SpanPolicyFunc = tableSpans
	return pebble.Open(o.Dir, engine)
}

// tableSpans has Pebble end a table where the rows of one kind end. The chunks of a flush are all above those of the flush before it, but
// each flush writes the facts again: tables with both would overlap all that was ever flushed, and level 0 be merged with the levels
// below it, again and again, for nothing. (The hook is Pebble's for policies by range; ours is the same everywhere.)
//
//	c1..c9 and m, c10..c19 and m: overlap        c1..c9, m, c10..c19, m: the small tables do
func tableSpans(start []byte) (pebble.SpanPolicy, []byte, error) {
	return pebble.SpanPolicy{}, []byte{start[0] + 1}, nil
}

// listener has Pebble's events told to who asked for them.
func listener(o Options) *pebble.EventListener {
	l := &pebble.EventListener{BackgroundError: o.Trouble, DataCorruption: func(pebble.DataCorruptionInfo) {}}
	if o.Damaged != nil {
		l.DataCorruption = func(info pebble.DataCorruptionInfo) { o.Damaged(info.Path, info.Details) }
	}
	l.FlushBegin = func(pebble.FlushInfo) {
		if o.Ahead != nil {
			o.Ahead()
		}
		if o.Heavy != nil {
			o.Heavy(true)
		}
	}
	if o.Heavy != nil {
		l.FlushEnd = func(pebble.FlushInfo) { o.Heavy(false) }
		l.CompactionBegin = func(pebble.CompactionInfo) { o.Heavy(true) }
		l.CompactionEnd = func(pebble.CompactionInfo) { o.Heavy(false) }
	}
	return l
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("mvcc: pebble: "+format, args...))
}

// rebuild reads the facts, then the records.
func (s *Store) rebuild(faults <-chan error) error {
	st, fresh, err := s.loadMeta()
	if err != nil {
		return err
	}
	if fresh {
		if err := s.initialize(faults); err != nil {
			return err
		}
	}
	if err := s.raiseFormat(); err != nil {
		return err
	}
	s.index = newIndex(s.seed, s.o.HeapMemory)
	s.compacted, s.made = st.compacted, st.made
	s.current, s.chain = st.revision, st.chain
	if err := s.replay(st.revision); err != nil {
		return err
	}
	s.buildTrees()
	s.oldest.Store(st.compacted)
	s.frontier.Store(s.chunks.frontier())
	s.chunkBytes.Store(s.chunks.list.bytes())
	s.published.Store(st.revision)
	s.chained.Store(st.chain)
	s.applied.Store(st.applied)
	return nil
}

// loadMeta reads the rows of m; fresh tells that there are none, nor anything else.
func (s *Store) loadMeta() (st state, fresh bool, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte("m"), UpperBound: []byte("n")})
	if err != nil {
		return st, false, err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		s.meta[string(it.Key()[1:])] = append([]byte{}, it.Value()...)
	}
	if err := it.Error(); err != nil {
		return st, false, err
	}
	format, has := s.meta[metaFormat]
	if !has {
		if empty, err := s.empty(); err != nil || !empty {
			return st, false, errors.Join(ErrNotStore, err)
		}
		return st, true, nil
	}
	if v, n := binary.Uvarint(format); n <= 0 || v == 0 {
		return st, false, ErrNotStore
	} else if v > diskFormat {
		return st, false, fmt.Errorf("%w: format %d, where %d is the newest known", ErrNewerFormat, v, diskFormat)
	}
	if len(s.meta[metaSeed]) != 8 {
		return st, false, fmt.Errorf("%w: no hash seed", errRecord)
	}
	s.seed = binary.BigEndian.Uint64(s.meta[metaSeed])
	if row, has := s.meta[metaState]; has {
		err = st.decode(row)
	}
	return st, false, err
}

func (s *Store) empty() (bool, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return false, err
	}
	ok := it.First()
	return !ok, errors.Join(it.Error(), it.Close())
}

// initialize writes what a new store never changes, and makes it durable: the first batch may be lost, the
// seed may not be another then.
func (s *Store) initialize(faults <-chan error) error {
	s.seed = s.o.Seed
	b := s.db.NewBatch()
	err := errors.Join(
		b.Set([]byte("m"+metaFormat), binary.AppendUvarint(nil, diskFormat), nil),
		b.Set([]byte("m"+metaSeed), binary.BigEndian.AppendUint64(nil, s.seed), nil),
		b.Commit(pebble.NoSync), b.Close())
	if err != nil {
		return err
	}
	return s.flushFirst(faults)
}

// flushFirst is Flush for a store that was never on disk. Pebble tries for ever, as a store in use has to; this one may as well say that
// there is no room for it.
func (s *Store) flushFirst(faults <-chan error) error {
	done, err := s.db.AsyncFlush()
	if err != nil {
		return err
	}
	for range flushTriesMax {
		select {
		case <-done:
			return nil
		case err = <-faults:
		}
	}
	return fmt.Errorf("flush: %w", err)
}

// raiseFormat makes a directory of an older format one of ours. No flush: it is as durable as what is written in the
// new format, which comes later.
func (s *Store) raiseFormat() error {
	row := binary.AppendUvarint(nil, diskFormat)
	if string(s.meta[metaFormat]) == string(row) || s.meta[metaFormat] == nil {
		return nil
	}
	s.meta[metaFormat] = row
	return s.db.Set([]byte("m"+metaFormat), row, pebble.NoSync)
}

// run runs jobs, side by side where the owner provides for it.
func (s *Store) run(n int, job func(i int)) {
	if s.o.Run != nil {
		s.o.Run(n, job)
		return
	}
	for i := range n {
		job(i)
	}
}
