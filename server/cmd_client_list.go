package server

import (
	"strconv"
	"time"
	"unsafe"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Flags in clientInfo.flags, which CLIENT LIST shows as letters.
const (
	flagNoEvict uint32 = 1 << iota
	flagNoTouch
	flagMonitor
	flagKilled
	flagPubSub
	flagBlocked
	flagReplica // is sent a copy of all data
)

func (s *session) setFlag(f uint32, on bool) {
	if on {
		s.info.flags.Or(f)
	} else {
		s.info.flags.And(^f)
	}
}

// clientType is what TYPE selects by. A replica is who is sent a copy by SYNC; there are no masters.
type clientType uint8

const (
	typeNormal clientType = iota + 1
	typeReplica
	typeMaster
	typePubSub
)

func parseClientType(arg []byte) (t clientType, fault resp.Value) {
	switch {
	case is(arg, "NORMAL"):
		return typeNormal, resp.None
	case is(arg, "SLAVE"), is(arg, "REPLICA"):
		return typeReplica, resp.None
	case is(arg, "MASTER"):
		return typeMaster, resp.None
	case is(arg, "PUBSUB"):
		return typePubSub, resp.None
	}
	return 0, resp.Error("ERR Unknown client type '" + clip(arg, 128) + "'")
}

func (c *clientInfo) clientType() clientType {
	switch flags := c.flags.Load(); {
	case flags&flagReplica != 0:
		return typeReplica
	case flags&flagPubSub != 0:
		return typePubSub
	}
	return typeNormal
}

// clientShow is CLIENT INFO.
func clientShow(s *session, args [][]byte) resp.Value {
	return resp.Verbatim(string(append(s.appendInfo(nil, s, args), '\n')))
}

// clientListAll is CLIENT LIST.
func clientListAll(s *session, args [][]byte) resp.Value {
	var list []*session
	switch {
	case len(args) == 2:
		list = s.srv.clients.all()
	case len(args) == 4 && is(args[2], "TYPE"):
		t, fault := parseClientType(args[3])
		if !fault.IsNone() {
			return fault
		}
		for _, other := range s.srv.clients.all() {
			if other.info.clientType() == t {
				list = append(list, other)
			}
		}
	case len(args) > 3 && is(args[2], "ID"):
		for _, arg := range args[3:] {
			id, ok := keyspace.ParseInt(arg)
			if !ok {
				return resp.Error("ERR Invalid client ID")
			}
			if other := s.srv.clients.find(uint64(id)); other != nil {
				list = append(list, other)
			}
		}
	default:
		return errSyntax
	}
	var b []byte
	for _, other := range list {
		b = append(s.appendInfo(b, other, args), '\n')
	}
	return resp.Verbatim(string(b))
}

// appendInfo writes the line of CLIENT LIST about a session, read by s, which is running args, or by nobody. Memory of
// buffers is what this node knows of them; what has no meaning here is 0.
func (s *session) appendInfo(b []byte, of *session, args [][]byte) []byte {
	c := &of.info
	query, memory, argBytes := c.query.Load(), c.memory.Load(), 0
	if of == s {
		query += requestBytes(args)
		memory += requestBytes(args)
		for _, a := range args[1:] {
			argBytes += len(a)
		}
	}
	output := c.output.Load()
	now := of.srv.mono()
	last := "NULL"
	if e := c.command.Load(); e != nil {
		last = e.name
	}
	b = append(b, "id="...)
	b = strconv.AppendUint(b, c.id, 10)
	text := func(field, value string) { b = append(append(append(append(b, ' '), field...), '='), value...) }
	number := func(field string, n int64) { text(field, strconv.FormatInt(n, 10)) }
	text("addr", c.remote)
	text("laddr", c.local)
	number("fd", int64(c.fd))
	text("name", loaded(c.name.Load(), ""))
	number("age", int64(time.Since(c.created)/time.Second))
	number("idle", (now-c.lastUsed.Load())/int64(time.Second))
	text("flags", c.letters())
	number("db", int64(c.db.Load()))
	number("sub", int64(c.subs[byChannel].Load()))
	number("psub", int64(c.subs[byPattern].Load()))
	number("ssub", int64(c.subs[byShard].Load()))
	number("multi", int64(c.multi.Load()))
	number("qbuf", query)
	number("qbuf-free", 0)
	number("argv-mem", int64(argBytes))
	number("multi-mem", c.queued.Load())
	number("rbs", 0)
	number("rbp", 0)
	number("obl", 0)
	number("oll", 0)
	number("omem", output)
	number("tot-mem", memory)
	text("events", "r")
	text("cmd", last)
	text("user", loaded(c.user.Load(), "default"))
	number("redir", -1)
	number("resp", int64(c.proto.Load()))
	text("lib-name", loaded(c.libName.Load(), ""))
	text("lib-ver", loaded(c.libVer.Load(), ""))
	return b
}

func loaded(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

// letters are CLIENT LIST's flags.
func (c *clientInfo) letters() string {
	var b []byte
	flags := c.flags.Load()
	if flags&flagReplica != 0 {
		b = append(b, 'S')
	}
	if flags&flagMonitor != 0 {
		b = append(b, 'O')
	}
	if flags&flagPubSub != 0 {
		b = append(b, 'P')
	}
	if c.multi.Load() >= 0 {
		b = append(b, 'x')
	}
	if flags&flagBlocked != 0 {
		b = append(b, 'b')
	}
	if c.kind == overUnix {
		b = append(b, 'U')
	}
	if flags&flagNoEvict != 0 {
		b = append(b, 'e')
	}
	if flags&flagNoTouch != 0 {
		b = append(b, 'T')
	}
	if len(b) == 0 {
		return "N"
	}
	return string(b)
}

// argumentBytes is what a command's arguments take in memory.
func argumentBytes(args [][]byte) int {
	n := len(args) * int(unsafe.Sizeof([]byte{}))
	for _, a := range args {
		n += len(a)
	}
	return n
}

// requestBytes is what a command took on the wire.
func requestBytes(args [][]byte) int64 {
	digits := func(n int) int64 { return int64(len(strconv.Itoa(n))) }
	n := 1 + digits(len(args)) + 2
	for _, a := range args {
		n += 1 + digits(len(a)) + 2 + int64(len(a)) + 2
	}
	return n
}

// fdOf is the number of a transport's socket, for CLIENT LIST; 0 where it does not tell.
func fdOf(t transport) int {
	if f, ok := t.(interface{ Fd() int }); ok {
		return f.Fd()
	}
	return 0
}
