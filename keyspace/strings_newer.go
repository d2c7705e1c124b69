package keyspace

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/zeebo/xxh3"
)

// digestLen is how many digits a digest in text has.
const digestLen = 16

// ErrDigest: a digest that was given has not as many digits as digests have.
var ErrDigest = errors.New("keyspace: digest has the wrong length")

// Comparison is how a string is held against a given one.
type Comparison uint8

const (
	Equal          Comparison = iota + 1 // IFEQ: same bytes
	NotEqual                             // IFNE: other bytes, or no string
	DigestEqual                          // IFDEQ: same digest
	DigestNotEqual                       // IFDNE: another digest, or no string
)

// Condition is a condition on the string at a key. The zero value holds for any key, whatever its type.
type Condition struct {
	Comparison Comparison
	With       []byte // a string, or a digest in text
}

// holds tells whether the condition is true of a string.
func (c Condition) holds(s []byte) (bool, error) {
	switch c.Comparison {
	case Equal:
		return bytes.Equal(s, c.With), nil
	case NotEqual:
		return !bytes.Equal(s, c.With), nil
	}
	// Redis looks at the length alone: what has other letters is a digest of nothing.
	if len(c.With) != digestLen {
		return false, ErrDigest
	}
	same := bytes.EqualFold(Digest(s), c.With)
	return same == (c.Comparison == DigestEqual), nil
}

// Matches tells whether the condition is true of the string at key. Of an absent key it is that nothing equals it.
func (tx *Tx) Matches(key []byte, c Condition) (bool, error) {
	if c.Comparison == 0 {
		return true, nil
	}
	s, ok, err := tx.String(key)
	if err != nil {
		return false, err
	}
	if !ok {
		return c.Comparison == NotEqual || c.Comparison == DigestNotEqual, nil
	}
	return c.holds(s)
}

// DeleteIf ends key if it is there and the condition is true of it; false if it does not.
func (tx *Tx) DeleteIf(key []byte, c Condition) (bool, error) {
	if _, ok := tx.Lookup(key); !ok {
		return false, nil
	}
	if ok, err := tx.Matches(key, c); err != nil || !ok {
		return false, err
	}
	tx.Delete(key)
	tx.Notify(ClassGeneric, "del", key)
	return true, nil
}

// Digest is a string's 64-bit XXH3 in sixteen lower-case digits.
func Digest(s []byte) []byte {
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], xxh3.Hash(s))
	return hex.AppendEncode(make([]byte, 0, digestLen), sum[:])
}
