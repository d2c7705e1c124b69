package server

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// digest is a signature of content: equal content has equal digests whatever its history, order and
// revisions. It is not Redis' own number.
type digest [sha1.Size]byte

// add mixes a part in, in no order.
func (d *digest) add(part digest) {
	for i := range d {
		d[i] ^= part[i]
	}
}

func (d *digest) hex() string { return hex.EncodeToString(d[:]) }

// digestOf signs one key of a database with its value, and that it has a deadline.
func digestOf(view *keyspace.View, it mvcc.Item, withKey bool) (d digest) {
	h := sha1.New()
	var n [8]byte
	part := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	if withKey {
		part(strconv.AppendUint(nil, uint64(view.Database()), 10))
		part(it.Key)
	}
	part([]byte(keyspace.TypeName(it.Type)))
	if it.Type == mvcc.String {
		part(view.Value(it))
	} else {
		part(digestOfElements(view, it))
	}
	if withKey && view.Deadline(it) != 0 {
		part([]byte("expires"))
	}
	h.Sum(d[:0])
	return d
}

// digestOfElements signs a collection: a list in its order, others in none, as that depends on the store.
func digestOfElements(view *keyspace.View, it mvcc.Item) []byte {
	c, ok, err := view.Elements(it.Key, it.Type)
	if !ok || err != nil {
		return nil
	}
	var all, one digest
	h := sha1.New()
	rank := 0
	c.Ascend(0, func(e *mvcc.Element) bool {
		h.Reset()
		name := e.Name
		if it.Type == mvcc.List {
			name = strconv.AppendInt(nil, int64(rank), 10)
			rank++
		}
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(name))))
		h.Write(name)
		h.Write(e.Value)
		h.Sum(one[:0])
		all.add(one)
		return true
	})
	return all[:]
}

// digestChunk is how many keys are walked at a time.
const digestChunk = 1000

// debugDigest walks all keys. Writes wait meanwhile, so that it is of one moment.
func debugDigest(s *session, _ [][]byte) resp.Value {
	srv := s.srv
	return s.later(func() resp.Value {
		if err := srv.tick(); err != nil { // all that is due has ended, and all that is committed is here
			return noQuorum
		}
		defer srv.machine.RUnlock()
		if !srv.machine.RLock() {
			return noQuorum
		}
		var sum digest
		for _, db := range srv.machine.Space().Store.View().Databases() {
			view := srv.machine.View(db.Database, srv.machine.LogTime(), true)
			for cursor := uint64(0); ; {
				cursor = view.Scan(cursor, digestChunk, nil, func(it mvcc.Item) { sum.add(digestOf(&view, it, true)) })
				if cursor == 0 {
					break
				}
			}
		}
		return resp.Simple(sum.hex())
	})
}

func debugDigestValue(s *session, args [][]byte) resp.Value {
	keys := cloneArgs(args[2:])
	s.readThen(func(view *keyspace.View) resp.Value {
		list := make([]resp.Value, len(keys))
		for i, key := range keys {
			var d digest
			if it, ok := view.Lookup(key); ok {
				d = digestOf(view, it, false)
			}
			list[i] = resp.Simple(d.hex())
		}
		return resp.Array(list...)
	})
	return resp.None
}

// Limits of DEBUG POPULATE.
const (
	populateMax    = 10_000_000 // keys
	populateFlight = 4096       // writes under way at a time
)

// debugPopulate writes keys that do not exist yet, many at a time.
func debugPopulate(s *session, args [][]byte) resp.Value {
	count, err := strconv.ParseInt(string(args[2]), 10, 64)
	if err != nil || count < 0 || count > populateMax {
		return resp.Error("ERR value is out of range, must be positive")
	}
	prefix, size := "key", int64(0)
	if len(args) > 3 {
		prefix = string(args[3])
	}
	if len(args) > 4 {
		if size, err = strconv.ParseInt(string(args[4]), 10, 64); err != nil || size < 0 || size > s.srv.limits.Load().MaxBulk {
			return resp.Error("ERR value is out of range, must be positive")
		}
	}
	srv, db := s.srv, s.db
	return s.later(func() resp.Value {
		if err := srv.populate(db, int(count), prefix, int(size)); err != nil {
			return outcomeUnknown
		}
		return resp.OK()
	})
}

func (srv *Server) populate(db uint32, count int, prefix string, size int) error {
	var under sync.WaitGroup
	var failed sync.Once
	var err error
	slots := make(chan struct{}, populateFlight)
	for i := range count {
		value := []byte("value:" + strconv.Itoa(i))
		if size > 0 {
			value = append(make([]byte, 0, size), value[:min(len(value), size)]...)[:size]
		}
		slots <- struct{}{}
		under.Add(1)
		srv.submit(db, [][]byte{[]byte("SETNX"), []byte(prefix + ":" + strconv.Itoa(i)), value}, func(_ []byte, lost bool) {
			if lost {
				failed.Do(func() { err = errNotPopulated })
			}
			<-slots
			under.Done()
		})
	}
	under.Wait()
	return err
}

var errNotPopulated = errors.New("server: not all keys were written")
