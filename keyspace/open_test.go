package keyspace

import (
	"math"
	"testing"
)

func FuzzLeaseRow(f *testing.F) {
	f.Add(appendLeaseRow(nil, 1, 2))
	f.Add(appendLeaseRow(nil, LeaseTTLMax, math.MaxInt64))
	f.Add([]byte{leaseRowFormat})
	f.Add([]byte{leaseRowFormat + 1, 2, 4})
	f.Add([]byte{leaseRowFormat, 2, 4, 0})
	f.Fuzz(func(t *testing.T, row []byte) {
		ttl, deadline, err := decodeLeaseRow(row)
		if err != nil {
			return
		}
		again, deadlineAgain, err := decodeLeaseRow(appendLeaseRow(nil, ttl, deadline))
		if err != nil || again != ttl || deadlineAgain != deadline {
			t.Errorf("% x is %d until %d, written again %d until %d (%v)", row, ttl, deadline, again, deadlineAgain, err)
		}
	})
}
