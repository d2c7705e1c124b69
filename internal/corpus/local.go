package corpus

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// localStart is the log time at which a Local begins, in milliseconds.
const localStart = 1_700_000_000_000

// Local is an Executor in this process: the commands on a store in memory, without log, server or session. Of the session's
// commands it knows SELECT.
type Local struct {
	store   *mvcc.Store
	space   *keyspace.Space
	table   *command.Table
	now     int64
	applied uint64
	db      uint32
	proto   resp.Protocol
	read    command.ReadCall
	write   command.WriteCall
	buf     []byte
}

// NewLocal is an empty store with all commands.
func NewLocal() (*Local, error) {
	store, err := mvcc.Open(mvcc.Options{Dir: "corpus", FS: vfs.NewMem(), HeapMemory: true})
	if err != nil {
		return nil, err
	}
	return &Local{store: store, space: keyspace.Open(store), table: command.NewTable(command.Families()...),
		now: localStart, proto: resp.RESP2}, nil
}

// Close gives the memory back.
func (l *Local) Close() error { return l.store.Close() }

// Advance moves log time on, and ends the shared leases that are due then, which on a server the leader does.
func (l *Local) Advance(millis int64) {
	l.now += millis
	argv := [][]byte{[]byte(command.RevokeDue)}
	for _, id := range l.space.DueLeases(l.now, math.MaxInt) {
		argv = append(argv, strconv.AppendUint(nil, id, 10))
	}
	if len(argv) == 1 {
		return
	}
	if _, err := l.apply(l.table.Lookup(argv[0]), argv); err != nil {
		panic(err) // of a store in memory
	}
}

// Proto chooses the encoding of replies.
func (l *Local) Proto(version int) error {
	l.proto = resp.Protocol(version)
	return nil
}

// Do runs a command.
func (l *Local) Do(args []string) (string, error) {
	argv := make([][]byte, len(args))
	for i, a := range args {
		argv[i] = []byte(a)
	}
	encoded, err := l.Exec(argv)
	if err != nil {
		return "", err
	}
	r, err := readReply(bufio.NewReader(bytes.NewReader(encoded)), 0)
	return r.print(""), err
}

// Exec runs a command and returns its encoded reply, good until the next call.
func (l *Local) Exec(argv [][]byte) ([]byte, error) {
	spec, name := l.table.Lookup(argv[0]), string(argv[0])
	container := spec
	if spec != nil && len(spec.Sub) > 0 && len(argv) > 1 {
		spec, name = spec.Lookup(argv[1]), name+"|"+string(argv[1])
	}
	var reply resp.Value
	switch {
	case strings.EqualFold(name, "select") && len(argv) == 2:
		reply = l.choose(string(argv[1]))
	case spec == nil && container != nil:
		reply = resp.Error(fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", argv[1], container.Name))
	case spec == nil:
		return nil, fmt.Errorf("corpus: no command %s in process", name)
	case !spec.Arity.Allows(len(argv)):
		reply = command.WrongArity(name)
	case spec.ReadsOnly(argv):
		return l.look(spec, argv), nil
	default:
		return l.apply(spec, argv)
	}
	l.buf = reply.Append(l.buf[:0], l.proto)
	return l.buf, nil
}

func (l *Local) choose(db string) resp.Value {
	n, err := strconv.ParseUint(db, 10, 32)
	if err != nil || uint32(n) >= l.space.Databases {
		return resp.Error("ERR DB index is out of range")
	}
	l.db = uint32(n)
	return resp.OK()
}

func (l *Local) look(spec *command.Spec, argv [][]byte) []byte {
	l.store.RLock()
	defer l.store.RUnlock()
	view := l.space.View(l.db, l.now, l.now, true)
	l.read.Reset(argv, &view, l.proto)
	reply, err := spec.Read(&l.read)
	return l.encode(reply, err)
}

// apply runs a write as a batch of its own.
func (l *Local) apply(spec *command.Spec, argv [][]byte) ([]byte, error) {
	l.applied++
	b := l.store.Begin()
	l.store.Lock()
	tx := l.space.Begin(b, l.now, l.applied)
	tx.Select(l.db)
	l.write.Reset(argv, tx, l.proto)
	mark := tx.Mark()
	reply, err := spec.Write(&l.write)
	if err != nil {
		tx.Rollback(mark)
	}
	encoded := l.encode(reply, err)
	tx.Commit()
	l.store.Unlock()
	return encoded, b.Commit(l.applied)
}

func (l *Local) encode(reply resp.Value, err error) []byte {
	if err != nil {
		reply = command.ErrorReply(err)
	}
	l.buf = reply.Append(l.buf[:0], l.proto)
	return l.buf
}
