package server

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/internal/glob"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// debugSub is one subcommand of DEBUG. As in Redis these are no subcommands for COMMAND and ACL.
type debugSub struct {
	name   string
	arity  command.Arity
	syntax string // in HELP
	help   string
	run    run
}

// debugSubs are those of Redis' that tests of clients and of Redis itself need, as far as they mean something
// here. What sets a knob of Redis' insides that has no counterpart is absent.
func debugSubs() []debugSub {
	return []debugSub{
		{"CHANGE-REPL-ID", command.Exactly(2), "CHANGE-REPL-ID", "Does nothing: the id is that of the cluster.", debugOK},
		{"CLIENT-EVICTION", command.Exactly(2), "CLIENT-EVICTION", "Show low level client eviction pools info (maxmemory-clients).", debugClientEviction},
		{"DIGEST", command.Exactly(2), "DIGEST", "Output a hex signature representing the current DB content.", debugDigest},
		{"DIGEST-VALUE", command.AtLeast(3), "DIGEST-VALUE <key> [<key> ...]", "Output a hex signature of the values of all the specified keys.", debugDigestValue},
		{"ERROR", command.Exactly(3), "ERROR <string>", "Return a Redis protocol error with <string> as message. Useful for clients unit tests to simulate Redis errors.", debugError},
		{"LOADAOF", command.Exactly(2), "LOADAOF", "Flush the store to disk. Nothing is loaded, as nothing is in memory that is not in the log.", debugFlush},
		{"LOG", command.Exactly(3), "LOG <message>", "Write <message> to the server log.", debugLog},
		{"OBJECT", command.AtLeast(3), "OBJECT <key>", "Show low level info about `key` and associated value.", debugObject},
		{"POPULATE", command.Between(3, 5), "POPULATE <count> [<prefix>] [<size>]", "Create <count> string keys named key:<num>. If <prefix> is specified then it is used instead of the 'key' prefix.", debugPopulate},
		{"PROTOCOL", command.Exactly(3), "PROTOCOL <type>", "Reply with a test value of the specified type. <type> can be: string, integer, double, bignum, null, array, set, map, attrib, push, verbatim, true, false.", debugProtocol},
		{"QUICKLIST-PACKED-THRESHOLD", command.Exactly(3), "QUICKLIST-PACKED-THRESHOLD <size>", "Does nothing: lists are not packed.", debugOK},
		{"RELOAD", command.AtLeast(2), "RELOAD [option ...]", "Flush the store to disk. Nothing is loaded, as nothing is in memory that is not in the log.", debugFlush},
		{"REPLYBUFFER", command.Exactly(4), "REPLYBUFFER RESIZING <0|1>", "Does nothing: reply buffers are given back when they are empty.", debugOK},
		{"SET-ACTIVE-EXPIRE", command.Exactly(3), "SET-ACTIVE-EXPIRE <0|1>", "Setting it to 0 disables expiring keys in background when they are not accessed. Setting it to 1 reenables it.", debugActiveExpire},
		{"SET-DISABLE-DENY-SCRIPTS", command.Exactly(3), "SET-DISABLE-DENY-SCRIPTS <0|1>", "Does nothing: there are no scripts.", debugOK},
		{"SET-SKIP-CHECKSUM-VALIDATION", command.Exactly(3), "SET-SKIP-CHECKSUM-VALIDATION <0|1>", "Does nothing: checksums are always checked.", debugOK},
		{"SLEEP", command.Exactly(3), "SLEEP <seconds>", "Let this connection wait for <seconds>, as if its command took that long. Others are served meanwhile.", debugSleep},
		{"STRINGMATCH-LEN", command.Exactly(4), "STRINGMATCH-LEN <pattern> <string>", "Tell whether a glob-style pattern matches.", debugStringMatch},
	}
}

func debugCommands() []sessionCommand {
	return []sessionCommand{costing("Depends on subcommand.",
		node("DEBUG", "subcommand [arg [arg ...]]", "A container for debugging commands.", "1.0.0", command.AtLeast(2), operatorFlags|anytimeFlags|command.Protected, 0, debugCommand))}
}

func debugCommand(s *session, args [][]byte) resp.Value {
	if len(args) == 2 && is(args[1], "HELP") {
		return debugHelp()
	}
	for _, sub := range debugSubs() {
		if is(args[1], sub.name) && sub.arity.Allows(len(args)) {
			return sub.run(s, args)
		}
	}
	return wrongSubcommand("DEBUG", args[1])
}

// wrongSubcommand is the reply of a command that looks at its subcommands itself.
func wrongSubcommand(name string, sub []byte) resp.Value {
	return resp.Error("ERR unknown subcommand or wrong number of arguments for '" + clip(sub, 128) + "'. Try " + name + " HELP.")
}

func debugHelp() resp.Value {
	var lines []string
	for _, sub := range debugSubs() {
		lines = append(lines, sub.syntax, "    "+sub.help)
	}
	return helpText("DEBUG", lines...)
}

func debugOK(*session, [][]byte) resp.Value { return resp.OK() }

func debugError(_ *session, args [][]byte) resp.Value {
	return resp.Error(strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, string(args[2])))
}

func debugLog(s *session, args [][]byte) resp.Value {
	s.srv.log.Warn("DEBUG LOG: " + string(args[2]))
	return resp.OK()
}

func debugActiveExpire(s *session, args [][]byte) resp.Value {
	n, _ := strconv.Atoi(string(args[2]))
	s.srv.chores.expireOn.Store(n != 0)
	return resp.OK()
}

// debugSleepMax bounds DEBUG SLEEP, in seconds.
const debugSleepMax = 3600

// debugSleep makes one client wait. Redis' whole server would sleep; here that would let down the other
// nodes too.
func debugSleep(s *session, args [][]byte) resp.Value {
	seconds, err := strconv.ParseFloat(string(args[2]), 64)
	if err != nil || math.IsNaN(seconds) {
		seconds = 0
	}
	s.wait()
	time.AfterFunc(time.Duration(max(0, min(seconds, debugSleepMax))*float64(time.Second)), func() { s.answer(resp.OK()) })
	return resp.None
}

// debugFlush is RELOAD and LOADAOF. Restarting this node is the true counterpart; that its files hold
// everything is the part that can be had without.
func debugFlush(s *session, _ [][]byte) resp.Value {
	return s.later(func() resp.Value {
		if !s.srv.saves.start(false) {
			return errSaving
		}
		if err := s.srv.flush(); err != nil {
			return resp.Error("ERR Error trying to load the RDB dump, check server logs.")
		}
		return resp.OK()
	})
}

func debugStringMatch(_ *session, args [][]byte) resp.Value {
	if glob.Match(args[2], args[3]) {
		return resp.Int(1)
	}
	return resp.Int(0)
}

func debugObject(s *session, args [][]byte) resp.Value {
	key := append([]byte(nil), args[2]...)
	s.readThen(func(view *keyspace.View) resp.Value {
		it, ok := view.Lookup(key)
		if !ok {
			return resp.Error("ERR no such key")
		}
		value := view.Value(it)
		encoding := keyspace.StringEncoding(it.Hint, value)
		if it.Type.HasElements() {
			encoding = keyspace.Encoding(it)
		}
		idle := view.IdleTime(it) / 1000
		return resp.Simple("Value at:0x" + strconv.FormatUint(uint64(it.Ref), 16) + " refcount:1 encoding:" + encoding +
			" serializedlength:" + strconv.Itoa(len(value)+1) + " lru:" + strconv.FormatInt(s.srv.clock.nanos()/int64(time.Second)-idle, 10) +
			" lru_seconds_idle:" + strconv.FormatInt(idle, 10))
	})
	return resp.None
}

// debugProtocol replies with one value of each kind.
func debugProtocol(s *session, args [][]byte) resp.Value {
	numbers := []resp.Value{resp.Int(0), resp.Int(1), resp.Int(2)}
	switch strings.ToLower(string(args[2])) {
	case "string":
		return resp.BulkString("Hello World")
	case "integer":
		return resp.Int(12345)
	case "double":
		return resp.Double(3.141)
	case "bignum":
		return resp.BigNumber("1234567999999999999999999999999999999")
	case "null":
		return resp.Null()
	case "array":
		return resp.Array(numbers...)
	case "set":
		return resp.Set(numbers...)
	case "map":
		return resp.Map(numbers[0], resp.Bool(false), numbers[1], resp.Bool(true), numbers[2], resp.Bool(false))
	case "attrib":
		return debugAttribute(s.proto)
	case "push":
		if s.proto < resp.RESP3 {
			return resp.Error("ERR RESP2 is not supported by this command")
		}
		b := resp.Push(resp.BulkString("server-cpu-usage"), resp.Int(42)).Append(nil, s.proto)
		return resp.Raw(resp.BulkString("Some real reply following the push reply").Append(b, s.proto))
	case "true":
		return resp.Bool(true)
	case "false":
		return resp.Bool(false)
	case "verbatim":
		return resp.Verbatim("This is a verbatim\nstring")
	}
	return resp.Error("ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false")
}

// debugAttribute writes RESP3's attribute by hand; nothing else of this server has one.
func debugAttribute(p resp.Protocol) resp.Value {
	var b []byte
	if p >= resp.RESP3 {
		b = append(b, "|1\r\n"...)
		b = resp.BulkString("key-popularity").Append(b, p)
		b = resp.Array(resp.BulkString("key:123"), resp.Int(90)).Append(b, p)
	}
	return resp.Raw(resp.BulkString("Some real reply following the attribute").Append(b, p))
}
