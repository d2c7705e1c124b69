package keyspace

import (
	"encoding/binary"
	"fmt"

	"github.com/redoubt-db/redoubt/mvcc"
)

// A lease row is its format, time to live and deadline.
const (
	leaseRowFormat = 1
	leaseRowMax    = 1 + 2*binary.MaxVarintLen64
)

func appendLeaseRow(dst []byte, ttl, deadline int64) []byte {
	dst = append(dst, leaseRowFormat)
	dst = binary.AppendVarint(dst, ttl)
	return binary.AppendVarint(dst, deadline)
}

func decodeLeaseRow(row []byte) (ttl, deadline int64, err error) {
	if len(row) == 0 || row[0] != leaseRowFormat {
		return 0, 0, fmt.Errorf("keyspace: lease row of unknown format: % x", row)
	}
	row = row[1:]
	ttl, n := binary.Varint(row)
	if n <= 0 {
		return 0, 0, fmt.Errorf("keyspace: damaged lease row: % x", row)
	}
	deadline, m := binary.Varint(row[n:])
	if m <= 0 || n+m != len(row) {
		return 0, 0, fmt.Errorf("keyspace: damaged lease row: % x", row)
	}
	return ttl, deadline, nil
}

func (s *Space) loadLeases() {
	s.Store.Leases(func(id uint64, row []byte) bool {
		ttl, deadline, err := decodeLeaseRow(row)
		if err != nil {
			panic(fmt.Sprintf("%v (lease %d)", err, id))
		}
		s.Leases.Put(id, ttl, deadline)
		return true
	})
}

// loadDeadlines walks the current keys once.
func (s *Space) loadDeadlines() {
	view := s.Store.View()
	for _, db := range view.Databases() {
		view.Ascend(db.Keyspace, nil, func(it mvcc.Item) bool {
			s.hang(db.Keyspace, it.Ref, it.Attr)
			if it.Type == mvcc.Hash {
				s.fields.follow(s.Store, db.Keyspace, it.Ref)
			}
			return true
		})
	}
}
