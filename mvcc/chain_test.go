package mvcc

import (
	"encoding/binary"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// TestChainHashIsOfTheRows holds that the chain hash is that of the hash before, and the key and record of each row, however many
// pieces they are hashed in: replicas of other versions compare it.
func TestChainHashIsOfTheRows(t *testing.T) {
	s := newStore(t)
	large := make([]byte, inlineMax+1)
	for i, values := range [][]string{{"a"}, {"b", "c"}, {string(large)}, {"d", string(large), "e"}} {
		want := binary.BigEndian.AppendUint64(nil, s.ChainHash())
		b := s.Begin()
		s.Lock()
		tx := b.Tx()
		for j, v := range values {
			tx.Put(1, []byte{'k', byte(j)}, Attr{Type: String}, []byte(v))
		}
		rev, _ := tx.Commit()
		s.Unlock()
		if err := b.Commit(uint64(i + 1)); err != nil {
			t.Fatal(err)
		}
		for j, v := range values {
			at := Revision{rev, uint32(j)}
			record, err := s.readRecordRow(at)
			if err != nil {
				t.Fatal(err)
			}
			want = append(appendRowKey(want, 'r', at), record...)
			if len(v) > inlineMax {
				want = append(appendRowKey(want, 'v', at), v...)
			}
		}
		if got, want := s.ChainHash(), xxhash.Sum64(want); got != want {
			t.Errorf("%d values: chain hash %x, want %x", len(values), got, want)
		}
	}
}
