package server

import (
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// connectionCommands are about the connection itself.
func connectionCommands() []sessionCommand {
	const always = command.Fast | command.NoScript | command.Loading | command.Stale | command.AllowBusy | command.NoAuth
	const quick = command.Fast | command.Loading | command.Stale
	return []sessionCommand{
		{Spec: spec("PING", "[message]", "Returns the server's liveliness response.", "1.0.0", "connection", command.AtLeast(1), command.Fast|command.Immediate, acl.Connection), run: ping},
		{Spec: spec("ECHO", "message", "Returns the given string.", "1.0.0", "connection", command.Exactly(2), quick|command.Immediate, acl.Connection), run: echo},
		{Spec: spec("AUTH", "[username] password", "Authenticates the connection.", "1.0.0", "connection", command.AtLeast(2), always|command.SkipSlowlog, acl.Connection), run: auth},
		{Spec: spec("HELLO", "[protover [AUTH username password] [SETNAME clientname]]", "Handshakes with the server.", "6.0.0", "connection", command.AtLeast(1), always|command.SkipSlowlog, acl.Connection), run: hello},
		{Spec: spec("QUIT", "", "Closes the connection.", "1.0.0", "connection", command.AtLeast(1), always, acl.Connection), run: quit},
		{Spec: spec("RESET", "", "Resets the connection.", "6.2.0", "connection", command.Exactly(1), always, acl.Connection), run: reset},
		{Spec: spec("SELECT", "index", "Changes the selected database.", "1.0.0", "connection", command.Exactly(2), quick|command.Immediate, acl.Connection), run: selectDB},
		{Spec: spec("READONLY", "", "Makes the connection's reads local and possibly stale.", "3.0.0", "cluster", command.Exactly(1), quick, acl.Connection), run: readOnly},
		{Spec: spec("READWRITE", "", "Makes the connection's reads linearizable again.", "3.0.0", "cluster", command.Exactly(1), quick, acl.Connection), run: readWrite},
	}
}

func ping(s *session, args [][]byte) resp.Value {
	if s.proto == resp.RESP2 && s.listens() && len(args) <= 2 { // a plain reply might be taken for a message
		text := resp.BulkString("")
		if len(args) == 2 {
			text = resp.Bulk(args[1])
		}
		return resp.Array(resp.BulkString("pong"), text)
	}
	switch len(args) {
	case 1:
		return resp.Simple("PONG")
	case 2:
		return resp.Bulk(args[1])
	}
	return command.WrongArity("ping")
}

func echo(_ *session, args [][]byte) resp.Value { return resp.Bulk(args[1]) }

func auth(s *session, args [][]byte) resp.Value {
	if len(args) > 3 {
		return resp.Error("ERR syntax error")
	}
	password := s.srv.conf.String("requirepass")
	user := "default"
	if len(args) == 3 {
		user = string(args[1])
	} else if password == "" {
		return resp.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	}
	if !s.login(user, args[len(args)-1], password) {
		return wrongPassword
	}
	return resp.OK()
}

var wrongPassword = resp.Error("WRONGPASS invalid username-password pair or user is disabled.")

// login checks a password; without requirepass the default user takes any, as in Redis.
func (s *session) login(user string, given []byte, password string) bool {
	if user != "default" || password != "" && !samePassword(given, password) {
		return false
	}
	s.authenticated, s.user = true, user
	return true
}

func hello(s *session, args [][]byte) resp.Value {
	proto := s.proto
	if len(args) > 1 {
		n, ok := keyspace.ParseInt(args[1])
		if !ok {
			return resp.Error("ERR Protocol version is not an integer or out of range")
		}
		if n < int64(resp.RESP2) || n > int64(resp.RESP3) {
			return resp.Error("NOPROTO unsupported protocol version")
		}
		proto = resp.Protocol(n)
		if fault := s.helloOptions(args[2:]); !fault.IsNone() {
			return fault
		}
	}
	if !s.authenticated {
		return resp.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
	}
	s.proto = proto
	s.info.proto.Store(int32(proto))
	return resp.Map(
		resp.BulkString("server"), resp.BulkString("redis"),
		resp.BulkString("version"), resp.BulkString(redisVersion),
		resp.BulkString("proto"), resp.Int(int64(proto)),
		resp.BulkString("id"), resp.Int(int64(s.info.id)),
		resp.BulkString("mode"), resp.BulkString("standalone"),
		resp.BulkString("role"), resp.BulkString("master"),
		resp.BulkString("modules"), resp.Array(),
	)
}

// helloOptions does what each option says before the next is read, as Redis does.
func (s *session) helloOptions(args [][]byte) (fault resp.Value) {
	for i := 0; i < len(args); i++ {
		word, left := args[i], len(args)-i-1
		switch {
		case is(word, "AUTH") && left >= 2:
			if !s.login(string(args[i+1]), args[i+2], s.srv.conf.String("requirepass")) {
				return wrongPassword
			}
			i += 2
		case is(word, "SETNAME") && left >= 1:
			name := string(args[i+1])
			if !validName(name) {
				return invalidName
			}
			s.info.name.Store(&name)
			i++
		default:
			return resp.Error("ERR Syntax error in HELLO option '" + clip(word, 128) + "'")
		}
	}
	return resp.None
}

var invalidName = resp.Error("ERR Client names cannot contain spaces, newlines or special characters.")

// validName tells whether a client name fits CLIENT LIST's one line per client.
func validName(name string) bool {
	for i := range len(name) {
		if name[i] < '!' || name[i] > '~' {
			return false
		}
	}
	return true
}

func quit(s *session, _ [][]byte) resp.Value {
	s.closing = true
	return resp.OK()
}

// reset puts the connection back as it was when it opened.
func reset(s *session, _ [][]byte) resp.Value {
	s.endMulti()
	s.endMonitor()
	s.unsubscribeAll()
	s.db, s.proto, s.mode = 0, resp.RESP2, replyOn
	s.stale = s.srv.conf.String("read-consistency") == "stale"
	s.noTouch = false
	s.info.db.Store(0)
	s.info.proto.Store(int32(resp.RESP2))
	s.info.name.Store(nil)
	s.user = "default"
	s.authenticated = s.srv.conf.String("requirepass") == ""
	return resp.Simple("RESET")
}

func selectDB(s *session, args [][]byte) resp.Value {
	n, ok := keyspace.ParseInt(args[1])
	switch {
	case !ok:
		return errNotInteger
	case n < math.MinInt32 || n > math.MaxInt32:
		return resp.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
	case n < 0 || n >= s.srv.conf.Int("databases"):
		return resp.Error("ERR DB index is out of range")
	}
	s.db = uint32(n)
	s.info.db.Store(s.db)
	return resp.OK()
}

func readOnly(s *session, _ [][]byte) resp.Value {
	s.stale = true
	return resp.OK()
}

func readWrite(s *session, _ [][]byte) resp.Value {
	s.stale = false
	return resp.OK()
}
