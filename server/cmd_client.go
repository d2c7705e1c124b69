package server

import (
	"math"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// clientCommands are CLIENT's: what a connection may ask about itself and about others.
func clientCommands() []sessionCommand {
	const quiet = command.NoScript | command.Loading | command.Stale
	const operator = quiet | command.Admin
	one := func(name, syntax, summary, since string, arity command.Arity, flags command.Flags, f run) sessionCommand {
		return sessionCommand{Spec: spec(name, syntax, summary, since, "connection", arity, flags, acl.Connection), run: f}
	}
	client := spec("CLIENT", "", "A container for client connection commands.", "2.4.0", "connection", command.AtLeast(2), 0, 0)
	client.Complexity = "Depends on subcommand."
	return []sessionCommand{{Spec: client, sub: []sessionCommand{
		one("CACHING", "<YES | NO>", "Instructs the server whether to track the keys in the next request.", "6.0.0", command.Exactly(3), quiet, clientCaching),
		one("GETNAME", "", "Returns the name of the connection.", "2.6.9", command.Exactly(2), quiet|command.Immediate, clientGetName),
		one("GETREDIR", "", "Returns the client ID to which the connection's tracking notifications are redirected.", "6.0.0", command.Exactly(2), quiet, clientGetRedir),
		one("HELP", "", "Returns helpful text about the different subcommands.", "5.0.0", command.Exactly(2), command.Loading|command.Stale, clientHelp),
		one("ID", "", "Returns the unique client ID of the connection.", "5.0.0", command.Exactly(2), quiet|command.Immediate, clientID),
		hinted("nondeterministic_output", one("INFO", "", "Returns information about the connection.", "6.2.0", command.Exactly(2), quiet, clientShow)),
		costing("O(N) where N is the number of client connections", one("KILL", "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] | [MAXAGE maxage] ...>>",
			"Terminates open connections.", "2.4.0", command.AtLeast(3), operator, clientKill)),
		hinted("nondeterministic_output", costing("O(N) where N is the number of client connections", one("LIST", "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
			"Lists open connections.", "2.4.0", command.AtLeast(2), operator, clientListAll))),
		one("NO-EVICT", "<ON | OFF>", "Sets the client eviction mode of the connection.", "7.0.0", command.Exactly(3), operator, clientNoEvict),
		one("NO-TOUCH", "<ON | OFF>", "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.", "7.2.0", command.Exactly(3), quiet, clientNoTouch),
		one("PAUSE", "timeout [WRITE | ALL]", "Suspends commands processing.", "2.9.50", command.AtLeast(3), operator, clientPause),
		one("REPLY", "<ON | OFF | SKIP>", "Instructs the server whether to reply to commands.", "3.2.0", command.Exactly(3), quiet, clientReply),
		one("SETINFO", "<LIB-NAME libname | LIB-VER libver>", "Sets information specific to the client or connection.", "7.2.0", command.Exactly(4), quiet, clientSetInfo),
		one("SETNAME", "connection-name", "Sets the connection name.", "2.6.9", command.Exactly(3), quiet, clientSetName),
		costing("O(1). Some options may introduce additional complexity.", one("TRACKING", "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
			"Controls server-assisted client-side caching for the connection.", "6.0.0", command.AtLeast(3), quiet, clientTracking)),
		one("TRACKINGINFO", "", "Returns information about server-assisted client-side caching for the connection.", "6.2.0", command.Exactly(2), quiet, clientTrackingInfo),
		costing("O(log N) where N is the number of client connections", one("UNBLOCK", "client-id [TIMEOUT | ERROR]", "Unblocks a client blocked by a blocking command from a different connection.", "5.0.0", command.AtLeast(3), operator, clientUnblock)),
		costing("O(N) Where N is the number of paused clients", one("UNPAUSE", "", "Resumes processing commands from paused clients.", "6.2.0", command.Exactly(2), operator, clientUnpause)),
	}}}
}

// hinted and costing complete a declaration.
func hinted(tip string, c sessionCommand) sessionCommand {
	c.Tips = append(c.Tips, tip)
	return c
}

func costing(complexity string, c sessionCommand) sessionCommand {
	c.Complexity = complexity
	return c
}

// helpText is the reply to a HELP subcommand in Redis' layout.
func helpText(name string, lines ...string) resp.Value {
	list := make([]resp.Value, 0, len(lines)+3)
	list = append(list, resp.Simple(name+" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"))
	for _, l := range lines {
		list = append(list, resp.Simple(l))
	}
	return resp.Array(append(list, resp.Simple("HELP"), resp.Simple("    Prints this help."))...)
}

// is compares an argument with an upper-case word, in any case.
func is(arg []byte, word string) bool {
	return len(arg) == len(word) && strings.EqualFold(string(arg), word)
}

var errSyntax = resp.Error("ERR syntax error")

// onOff reads ON or OFF.
func onOff(arg []byte) (on, ok bool) {
	switch {
	case is(arg, "ON"):
		return true, true
	case is(arg, "OFF"):
		return false, true
	}
	return false, false
}

func clientID(s *session, _ [][]byte) resp.Value { return resp.Int(int64(s.info.id)) }

func clientGetName(s *session, _ [][]byte) resp.Value {
	if name := s.info.name.Load(); name != nil && *name != "" {
		return resp.BulkString(*name)
	}
	return resp.Null()
}

func clientSetName(s *session, args [][]byte) resp.Value {
	name := string(args[2])
	if !validName(name) {
		return invalidName
	}
	s.info.name.Store(&name)
	return resp.OK()
}

// clientSetInfo notes what client libraries tell of themselves.
func clientSetInfo(s *session, args [][]byte) resp.Value {
	value := string(args[3])
	field, into := "lib-name", &s.info.libName
	switch {
	case is(args[2], "LIB-NAME"):
	case is(args[2], "LIB-VER"):
		field, into = "lib-ver", &s.info.libVer
	default:
		return resp.Error("ERR Unrecognized option '" + clip(args[2], 128) + "'")
	}
	if !validName(value) {
		return resp.Error("ERR " + field + " cannot contain spaces, newlines or special characters.")
	}
	into.Store(&value)
	return resp.OK()
}

// clientReply changes what is answered from here on: of ON itself, the answer comes; of OFF and SKIP, none.
func clientReply(s *session, args [][]byte) resp.Value {
	switch {
	case is(args[2], "ON"):
		s.mode = replyOn
		return resp.OK()
	case is(args[2], "OFF"):
		s.mode = replyOff
	case is(args[2], "SKIP"):
		if s.mode != replyOff {
			s.mode = replySkip
		}
	default:
		return errSyntax
	}
	return resp.None
}

func clientNoEvict(s *session, args [][]byte) resp.Value {
	on, ok := onOff(args[2])
	if !ok {
		return errSyntax
	}
	s.srv.evictClients(s.srv.clientMemory.spare(s, on), nil)
	return resp.OK()
}

func clientNoTouch(s *session, args [][]byte) resp.Value {
	on, ok := onOff(args[2])
	if !ok {
		return errSyntax
	}
	s.noTouch = on
	s.setFlag(flagNoTouch, on)
	return resp.OK()
}

// clientPause parks the commands of all sessions of this node; see pauseState.
func clientPause(s *session, args [][]byte) resp.Value {
	if len(args) > 4 {
		return wrongSubcommand("CLIENT", args[1])
	}
	all := true
	if len(args) == 4 {
		switch {
		case is(args[3], "WRITE"):
			all = false
		case is(args[3], "ALL"):
		default:
			return resp.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
		}
	}
	millis, ok := keyspace.ParseInt(args[2])
	switch {
	case !ok:
		return resp.Error("ERR timeout is not an integer or out of range")
	case millis < 0:
		return resp.Error("ERR timeout is negative")
	case millis == 0:
		return resp.OK()
	}
	srv := s.srv
	span := time.Duration(min(millis, math.MaxInt64/2/int64(time.Millisecond))) * time.Millisecond
	srv.pause.set(srv.mono()+int64(span), all)
	time.AfterFunc(span, func() { srv.unpause(false) })
	return resp.OK()
}

func clientUnpause(s *session, _ [][]byte) resp.Value {
	s.srv.unpause(true)
	return resp.OK()
}

func clientUnblock(s *session, args [][]byte) resp.Value {
	if len(args) > 4 {
		return wrongSubcommand("CLIENT", args[1])
	}
	if len(args) == 4 && !is(args[3], "TIMEOUT") && !is(args[3], "ERROR") {
		return resp.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
	}
	id, ok := keyspace.ParseInt(args[2])
	if !ok {
		return errNotInteger
	}
	other := s.srv.clients.find(uint64(id))
	if other == nil {
		return resp.Int(0)
	}
	return s.unblock(other, len(args) == 4 && is(args[3], "ERROR"))
}

// clientTracking refuses to turn on what this server does not have; turning it off is no lie.
func clientTracking(_ *session, args [][]byte) resp.Value {
	on, ok := onOff(args[2])
	if !ok || len(args) > 3 && !on {
		return errSyntax
	}
	if on {
		return resp.Error("ERR client tracking is not supported by this server")
	}
	return resp.OK()
}

func clientCaching(_ *session, _ [][]byte) resp.Value {
	return resp.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
}

func clientGetRedir(_ *session, _ [][]byte) resp.Value { return resp.Int(-1) }

func clientTrackingInfo(_ *session, _ [][]byte) resp.Value {
	return resp.Map(
		resp.BulkString("flags"), resp.Set(resp.BulkString("off")),
		resp.BulkString("redirect"), resp.Int(-1),
		resp.BulkString("prefixes"), resp.Array(),
	)
}

func clientHelp(_ *session, _ [][]byte) resp.Value {
	return helpText("CLIENT",
		"CACHING (YES|NO)",
		"    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
		"GETREDIR",
		"    Return the client ID we are redirecting to when tracking is enabled.",
		"GETNAME",
		"    Return the name of the current connection.",
		"ID",
		"    Return the ID of the current connection.",
		"INFO",
		"    Return information about the current client connection.",
		"KILL <ip:port>",
		"    Kill connection made from <ip:port>.",
		"KILL <option> <value> [<option> <value> [...]]",
		"    Kill connections. Options are:",
		"    * ADDR (<ip:port>|<unixsocket>:0)",
		"      Kill connections made from the specified address",
		"    * LADDR (<ip:port>|<unixsocket>:0)",
		"      Kill connections made to specified local address",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Kill connections by type.",
		"    * USER <username>",
		"      Kill connections authenticated by <username>.",
		"    * SKIPME (YES|NO)",
		"      Skip killing current connection (default: yes).",
		"    * ID <client-id>",
		"      Kill the connection with the specified id.",
		"    * MAXAGE <seconds>",
		"      Kill connections older than the specified age.",
		"LIST [options ...]",
		"    Return information about client connections. Options:",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Return clients of specified type.",
		"UNPAUSE",
		"    Stop the current client pause, resuming traffic.",
		"PAUSE <timeout> [WRITE|ALL]",
		"    Suspend all, or just write, clients for <timeout> milliseconds.",
		"REPLY (ON|OFF|SKIP)",
		"    Control the replies sent to the current connection.",
		"SETNAME <name>",
		"    Assign the name <name> to the current connection.",
		"SETINFO (LIB-NAME|LIB-VER) <value>",
		"    Tell the name or version of the client library.",
		"UNBLOCK <clientid> [TIMEOUT|ERROR]",
		"    Unblock the specified blocked client.",
		"TRACKING OFF",
		"    Turn server assisted client side caching off. This server has none.",
		"TRACKINGINFO",
		"    Report tracking status for the current connection.",
		"NO-EVICT (ON|OFF)",
		"    Protect current client connection from eviction.",
		"NO-TOUCH (ON|OFF)",
		"    Leave the idle time of keys as it is when this connection reads them.",
	)
}
