package server

import (
	"time"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// killFilter is what CLIENT KILL selects by; zero fields select everybody.
type killFilter struct {
	id           uint64
	addr, laddr  string
	user         string
	kind         clientType
	maxAge       int64 // seconds; connections at least that old
	sparesItself bool
	withAge      bool
}

func (f *killFilter) matches(c *clientInfo) bool {
	switch {
	case f.addr != "" && c.remote != f.addr,
		f.laddr != "" && c.local != f.laddr,
		f.kind != 0 && c.clientType() != f.kind,
		f.id != 0 && c.id != f.id,
		f.user != "" && loaded(c.user.Load(), "default") != f.user,
		f.withAge && int64(time.Since(c.created)/time.Second) < f.maxAge:
		return false
	}
	return true
}

func clientKill(s *session, args [][]byte) resp.Value {
	f := killFilter{}
	if len(args) == 3 {
		f.addr = string(args[2])
		if f.addr == "" {
			return noSuchClient
		}
	} else {
		var fault resp.Value
		if f, fault = parseKill(args[2:]); !fault.IsNone() {
			return fault
		}
	}
	killed := s.kill(&f)
	if len(args) > 3 {
		return resp.Int(int64(killed))
	}
	if killed == 0 {
		return noSuchClient
	}
	return resp.OK()
}

var noSuchClient = resp.Error("ERR No such client")

// kill closes the sessions that match; s itself closes after its reply.
func (s *session) kill(f *killFilter) (killed int) {
	for _, other := range s.srv.clients.all() {
		if !f.matches(&other.info) || other == s && f.sparesItself {
			continue
		}
		killed++
		if other == s {
			s.closing = true
			continue
		}
		s.srv.clients.remove(other)
		other.setFlag(flagKilled, true) // from now on nothing it sends is run, though another loop closes it a little later
		if other.loop == s.loop {
			other.close()
		} else {
			other.loop.post(other.close)
		}
	}
	return killed
}

func parseKill(args [][]byte) (f killFilter, fault resp.Value) {
	f.sparesItself = true
	for i := 0; i < len(args); i += 2 {
		if i+1 == len(args) {
			return f, errSyntax
		}
		value := args[i+1]
		switch option := args[i]; {
		case is(option, "ID"):
			id, ok := keyspace.ParseInt(value)
			if !ok || id < 1 {
				return f, resp.Error("ERR client-id should be greater than 0")
			}
			f.id = uint64(id)
		case is(option, "TYPE"):
			if f.kind, fault = parseClientType(value); !fault.IsNone() {
				return f, fault
			}
		case is(option, "ADDR"):
			f.addr = string(value)
		case is(option, "LADDR"):
			f.laddr = string(value)
		case is(option, "USER"):
			if f.user = string(value); f.user != "default" {
				return f, resp.Error("ERR No such user '" + clip(value, 128) + "'")
			}
		case is(option, "SKIPME"):
			switch {
			case is(value, "YES"):
				f.sparesItself = true
			case is(value, "NO"):
				f.sparesItself = false
			default:
				return f, errSyntax
			}
		case is(option, "MAXAGE"):
			age, ok := keyspace.ParseInt(value)
			if !ok {
				return f, resp.Error("ERR maxage is not an integer or out of range")
			}
			if age < 1 {
				return f, resp.Error("ERR maxage should be greater than 0")
			}
			f.maxAge, f.withAge = age, true
		default:
			return f, errSyntax
		}
	}
	return f, resp.None
}
