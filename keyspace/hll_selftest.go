package keyspace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	selfTestCycles   = 10     // of setting all registers
	selfTestElements = 10_000 // counted in both forms; a few milliseconds' worth, since it may run on an event loop
)

// SelfTestHLL checks the arithmetic of HyperLogLogs on random numbers: that registers do not touch each other, that both forms
// agree, and that the estimate is as near as it ought to be.
func SelfTestHLL(seed uint64) error {
	chance := rng{seed}
	dense := make(HLL, hllDenseBytes)
	for range selfTestCycles {
		var want [hllRegisterCount]byte
		for i := range want {
			want[i] = byte(chance.next() & hllRegisterMax)
			dense.setRegister(i, want[i])
		}
		for i := range want {
			if got := dense.register(i); got != want[i] {
				return fmt.Errorf("register %d should be %d but is %d", i, want[i], got)
			}
		}
	}
	return selfTestCount(chance.next())
}

func selfTestCount(seed uint64) error {
	dense, err := emptyHLL().dense()
	if err != nil {
		return err
	}
	sparse, next := emptyHLL(), 1
	for n := 1; n <= selfTestElements; n++ {
		var element [8]byte
		binary.LittleEndian.PutUint64(element[:], uint64(n)^seed)
		i, rank := hllRank(element[:])
		if dense, _, err = dense.raise(i, rank, 0); err != nil {
			return err
		}
		if sparse, _, err = sparse.raise(i, rank, hllSparseBytesMaxDefault); err != nil {
			return err
		}
		if n != next {
			continue
		}
		next *= 10
		if err := selfTestAgree(dense, sparse, n); err != nil {
			return err
		}
	}
	return nil
}

func selfTestAgree(dense, sparse HLL, n int) error {
	dense.forgetCount()
	got, err := dense.Count()
	other, otherErr := sparse.Count()
	if err := errors.Join(err, otherErr); err != nil {
		return err
	}
	if got != other {
		return errors.New("dense/sparse disagree")
	}
	most := int64(math.Ceil(1.04 / 128 * 6 * float64(n))) // six times the standard error, which is 1.04 by the root of 16,384
	if off := max(int64(n)-got, got-int64(n)); off > most {
		return fmt.Errorf("too big an error: %d at %d elements", off, n)
	}
	return nil
}
