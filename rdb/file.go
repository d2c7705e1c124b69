package rdb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// magic begins a file. Four digits with the version follow.
const magic = "REDIS"

// Versions from which something is in a file.
const versionChecksum = 5

// Bytes of a file that stand where a kind would.
const (
	opSlot         kind = 244 // a slot of a cluster: its number, keys, and keys with a deadline
	opFunction     kind = 245 // a library of functions
	opFunctionOld  kind = 246 // the same, of candidates of 7.0
	opModule       kind = 247 // what a module has beside keys
	opIdle         kind = 248 // seconds that the next key was not used for
	opFreq         kind = 249 // how often the next key was used
	opAux          kind = 250 // a name and a value
	opSize         kind = 251 // keys of the database, and those with a deadline
	opDeadline     kind = 252 // of the next key, in milliseconds
	opDeadlineSecs kind = 253 // of the next key, in seconds
	opDB           kind = 254 // where the next keys belong
	opEnd          kind = 255 // a checksum follows
)

// Key is one key of a file.
type Key struct {
	DB       int
	Name     []byte
	Deadline int64 // Unix milliseconds, or 0 for none. It may have passed.
	Value    *Value
}

// Visitor is called for what is in a file, in its order. What has no function is passed over, an error ends the reading.
type Visitor struct {
	Key      func(Key) error
	Function func(code []byte) error        // a library of functions, beginning with "#!lua name="
	Aux      func(name, value []byte) error // such as "redis-ver"
}

// ReadFile reads a file. It may read beyond the file's end, where files that begin an AOF go on. Empty collections are passed over as
// Redis does; a value of a module ends the reading.
func ReadFile(r io.Reader, visit Visitor) error {
	s := &source{file: bufio.NewReaderSize(r, 64<<10)}
	head, err := s.take(uint64(len(magic) + 4))
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(string(head[len(magic):]))
	if err != nil || string(head[:len(magic)]) != magic {
		return corrupt("the file begins with %q", head)
	}
	if version < 1 || version > VersionMax {
		return fmt.Errorf("%w: it is %d, the last one known is %d", ErrVersion, version, VersionMax)
	}
	var key Key
	for {
		k, err := s.byte()
		if err != nil {
			return err
		}
		switch kind(k) {
		case opEnd:
			return readEnd(s, version)
		case opDB:
			n, err := s.length()
			if err != nil {
				return err
			}
			if n > 1<<31 {
				return corrupt("there is no database %d", n)
			}
			key.DB = int(n)
		case opDeadline, opDeadlineSecs:
			if key.Deadline, err = readDeadline(s, kind(k)); err != nil {
				return err
			}
		case opFunction, opFunctionOld, opAux:
			if err := readBeside(s, kind(k), &visit); err != nil {
				return err
			}
		case opSlot, opModule, opIdle, opFreq, opSize:
			if err := passOver(s, kind(k)); err != nil {
				return err
			}
		default:
			if err := readKey(s, kind(k), &key, &visit); err != nil {
				return err
			}
			key.Deadline = 0
		}
	}
}

func readKey(s *source, k kind, key *Key, visit *Visitor) error {
	name, err := s.string()
	if err != nil {
		return err
	}
	value, err := readValue(s, k)
	switch {
	case errors.Is(err, ErrEmpty):
		return nil
	case err != nil:
		return fmt.Errorf("key %q: %w", name, err)
	case visit.Key == nil:
		return nil
	}
	key.Name, key.Value = name, value
	return visit.Key(*key)
}

// readDeadline reads a deadline. One at or before the beginning of 1970, which would look like none, becomes the first millisecond.
func readDeadline(s *source, k kind) (int64, error) {
	if k == opDeadlineSecs {
		b, err := s.few(4)
		if err != nil {
			return 0, err
		}
		return max(1, little(b)*1000), nil
	}
	n, err := s.fixed()
	return max(1, int64(n)), err
}

// readEnd checks the checksum. Redis writes 0 when it is told not to compute one.
func readEnd(s *source, version int) error {
	if version < versionChecksum {
		return nil
	}
	got := s.sum
	want, err := s.fixed()
	if err == nil && want != 0 && want != got {
		err = ErrChecksum
	}
	return err
}

// readBeside reads what a visitor may want beside keys.
func readBeside(s *source, k kind, visit *Visitor) error {
	name, err := s.string()
	if err != nil {
		return err
	}
	if k == opFunction {
		if visit.Function == nil {
			return nil
		}
		return visit.Function(name)
	}
	value, err := s.string()
	if err != nil {
		return err
	}
	if k == opAux {
		if visit.Aux == nil {
			return nil
		}
		return visit.Aux(name, value)
	}
	described, err := s.length()
	if err != nil {
		return err
	}
	if described != 0 {
		if _, err := s.string(); err != nil {
			return err
		}
	}
	code, err := s.string()
	if err != nil || visit.Function == nil {
		return err
	}
	return visit.Function(fmt.Appendf(nil, "#!%s name=%s\n%s", value, name, code))
}

// passOver reads what nobody wants.
func passOver(s *source, k kind) error {
	lengths := map[kind]int{opSlot: 3, opModule: 3, opIdle: 1, opSize: 2}[k]
	for range lengths {
		if _, err := s.length(); err != nil {
			return err
		}
	}
	switch k {
	case opFreq:
		_, err := s.byte()
		return err
	case opModule:
		return passOverModule(s)
	}
	return nil
}

// What a module wrote is a sequence of these, and values of their types.
const (
	moduleEnd      = 0
	moduleSigned   = 1
	moduleUnsigned = 2
	moduleFloat    = 3
	moduleDouble   = 4
	moduleString   = 5
)

func passOverModule(s *source) error {
	for {
		op, err := s.length()
		if err != nil {
			return err
		}
		switch op {
		case moduleEnd:
			return nil
		case moduleSigned, moduleUnsigned:
			_, err = s.length()
		case moduleFloat:
			_, err = s.few(4)
		case moduleDouble:
			_, err = s.few(8)
		case moduleString:
			_, err = s.string()
		default:
			err = corrupt("no value of a module is of the kind %d", op)
		}
		if err != nil {
			return err
		}
	}
}
