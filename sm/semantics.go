package sm

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// What commands mean may change from version to version of this program, but not for some members of a cluster before others. So the state
// has a semantics version, which begins at 1 and rises by the log when all members know the next; until then what is new is refused, and what
// is changed does as before. Entries say which version they were made for, and who does not know it stops.
//
// Which version counts for a request is the state's at its place in the log, not the entry's and not the program's: an entry may be proposed before
// a rise and applied behind it, and be applied again by a newer program. Handlers ask their Tx or View: keyspace/semantics.go says how a change is made.

// semanticsCommand is the internal request that raises the version: " SEMANTICS n". It answers the version behind it.
const semanticsCommand = " SEMANTICS"

// The m row is semanticsFormat and the version, a varint. There is none in a state of version 1.
const (
	semanticsName   = "semantics"
	semanticsFormat = 1

	semanticsFirst = uint64(keyspace.SemanticsFirst)
)

// Semantics is the version that the log has come to: commands of a later one must not be proposed yet. Any goroutine may call it.
func (m *Machine) Semantics() uint64 { return max(m.semantics.Load(), semanticsFirst) }

// NewestSemantics is the version that this program is of.
const NewestSemantics = uint64(keyspace.SemanticsNewest)

// KnownSemantics is the newest that this program knows.
func (m *Machine) KnownSemantics() uint64 {
	if m.o.Semantics != 0 {
		return m.o.Semantics
	}
	return NewestSemantics
}

// raise is semanticsCommand. A version that is not known here stops the node: it was raised though this node is a member.
func (x *execution) raise() (resp.Value, error) {
	if len(x.args) != 2 {
		return command.WrongArity(semanticsCommand), nil
	}
	version, err := strconv.ParseUint(string(x.args[1]), 10, 64)
	if err != nil || version < semanticsFirst {
		return resp.Error("ERR invalid semantics version"), nil
	}
	if version > x.m.KnownSemantics() {
		return resp.None, unknownSemantics(version, x.m.KnownSemantics())
	}
	if version > x.m.Semantics() {
		x.m.batch.SetMeta(semanticsName, binary.AppendUvarint([]byte{semanticsFormat}, version))
		x.m.semantics.Store(version)
		x.space.PutInForce(keyspace.Semantics(version))
	}
	return resp.Int(int64(x.m.Semantics())), nil
}

func unknownSemantics(version, known uint64) error {
	return fmt.Errorf("sm: semantics version %d, where %d is known: a newer version is needed", version, known)
}

// decodeSemantics reads the row.
func (m *Machine) decodeSemantics(row []byte) (uint64, error) {
	if row == nil {
		return semanticsFirst, nil
	}
	d := decoder{b: row}
	if format := d.byte(); format != semanticsFormat {
		return 0, fmt.Errorf("sm: a semantics version of format %d, where %d is known: a newer version is needed", format, semanticsFormat)
	}
	version := d.uvarint()
	switch {
	case d.bad || d.left() > 0 || version < semanticsFirst:
		return 0, fmt.Errorf("sm: damaged row of the semantics version: % x", row)
	case version > m.KnownSemantics():
		return 0, unknownSemantics(version, m.KnownSemantics())
	}
	return version, nil
}
