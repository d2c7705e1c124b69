package keyspace

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestHLLModel holds both forms to an array of registers, at every size up to which a HyperLogLog may stay sparse.
func TestHLLModel(t *testing.T) {
	for seed, most := range []int64{0, 20, 100, 3000, 20000, 1 << 40} {
		chance := rand.New(rand.NewPCG(uint64(seed), 0))
		var model hllRegisters
		dense, err := emptyHLL().dense()
		if err != nil {
			t.Fatal(err)
		}
		sparse := emptyHLL()
		for range 3000 {
			i, value := chance.IntN(hllRegisterCount), byte(1+chance.IntN(6))
			switch chance.IntN(20) {
			case 0:
				i = chance.IntN(40) // near others, so that runs are joined and parted
			case 1:
				i = hllRegisterCount - 1 - chance.IntN(3)
			}
			if seed == 4 && chance.IntN(500) == 0 {
				value = byte(hllRunValueMax + chance.IntN(3))
			}
			want := value > model[i]
			model[i] = max(model[i], value)
			var got, gotDense bool
			if sparse, got, err = sparse.raise(i, value, most); err != nil || got != want {
				t.Fatalf("raise(%d, %d) of the sparse form = %t, %v, want %t", i, value, got, err, want)
			}
			if dense, gotDense, err = dense.raise(i, value, 0); err != nil || gotDense != want {
				t.Fatalf("raise(%d, %d) of the dense form = %t, %v, want %t", i, value, gotDense, err, want)
			}
		}
		if !bytes.Equal(sparse.Registers(), model[:]) || !bytes.Equal(dense.Registers(), model[:]) {
			t.Errorf("up to %d bytes: the registers are not as set", most)
		}
		if most < 1000 && sparse.Sparse() || most > 20000 && !sparse.Sparse() {
			t.Errorf("up to %d bytes: %d bytes, sparse %t", most, len(sparse), sparse.Sparse())
		}
	}
}

func TestHLLRank(t *testing.T) {
	for _, c := range []struct {
		element  string
		register int
		rank     byte
	}{{"a", 12711, 2}, {"b", 15780, 1}, {"c", 8436, 1}} {
		if i, rank := hllRank([]byte(c.element)); i != c.register || rank != c.rank {
			t.Errorf("%q counts %d in register %d, want %d in %d", c.element, rank, i, c.rank, c.register)
		}
	}
}

func TestSelfTestHLL(t *testing.T) {
	for seed := range uint64(3) {
		if err := SelfTestHLL(seed); err != nil {
			t.Error(err)
		}
	}
}

// FuzzHLL takes any bytes for a HyperLogLog: they are refused, or their sparse form, their dense form and their union agree.
func FuzzHLL(f *testing.F) {
	f.Add([]byte(emptyHLL()), uint16(7), byte(3))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80q\xa6\x84NW"), uint16(12710), byte(33))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f"), uint16(0), byte(1))
	f.Add([]byte("HYLL\x00"), uint16(0), byte(1))
	f.Fuzz(func(t *testing.T, b []byte, i uint16, value byte) {
		h, err := asHLL(b)
		if err != nil {
			return
		}
		h = bytes.Clone(h)
		h.forgetCount()
		register, value := int(i%hllRegisterCount), 1+value%51
		_ = h.Decode()
		n, err := h.Count()
		var union hllRegisters
		whole := union.unite(h)
		d, denseErr := h.dense()
		if (err == nil) != whole || (denseErr == nil) != whole {
			t.Fatalf("%q: Count %v, dense %v, unite %t", b, err, denseErr, whole)
		}
		raised, changed, raiseErr := h.raise(register, value, 3000) // must not panic even if h is damaged
		if !whole {
			return
		}
		if m, err := d.Count(); err != nil || m != n || union.count() != n {
			t.Fatalf("%q counts %d, dense %d (%v), united %d", b, n, m, err, union.count())
		}
		if raiseErr != nil && len(b) > 0 && b[len(b)-1]&0xc0 != 0x40 { // a last run may be cut short: there is nothing to be put in
			t.Fatalf("%q: raise: %v", b, raiseErr)
		}
		if raiseErr == nil && (raised.Registers()[register] != max(union[register], value) || changed != (value > union[register])) {
			t.Fatalf("%q: register %d is %d after raising it to %d from %d, %t", b, register, raised.Registers()[register], value, union[register], changed)
		}
	})
}
