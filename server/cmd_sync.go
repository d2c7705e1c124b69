package server

import (
	"fmt"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// syncCommands give all data to who wants a copy, such as redis-cli --rdb. There is no stream of commands behind it, so a
// replica that would follow is refused: it would throw away what it has for a copy, and again each time its connection ends.
//
//	redis-cli --rdb         REPLCONF capa eof, REPLCONF rdb-only 1, SYNC                    is sent the file
//	older ones              SYNC                                                            are sent the file
//	redis-cli --replica     REPLCONF capa eof, REPLCONF rdb-filter-only "", SYNC            wants nothing but the stream: refused
//	redis-server            REPLCONF listening-port, REPLCONF capa, PSYNC                   each but the second is refused
func syncCommands() []sessionCommand {
	replconf := node("REPLCONF", "", "An internal command for configuring the replication stream.", "3.0.0", command.AtLeast(1), operatorFlags|anytimeFlags|command.AllowBusy, 0, replicaConf)
	all := func(c sessionCommand) sessionCommand { return costing("O(N) with N keys and elements", c) }
	return []sessionCommand{
		all(node("SYNC", "", "Sends a copy of all data as a file of Redis.", "1.0.0", command.Exactly(1), operatorFlags|command.NoMulti, acl.Dangerous, syncAll)),
		all(node("PSYNC", "replicationid offset", "Sends a copy of all data as a file of Redis, after REPLCONF rdb-only 1.", "2.8.0", command.AtLeast(3), operatorFlags|command.NoMulti, acl.Dangerous, partialSync)),
		replconf,
	}
}

// replicaSays is what a connection has told by REPLCONF.
type replicaSays struct {
	follows     bool // it is a replica that would follow
	rdbOnly     bool
	filtered    bool // REPLCONF rdb-filter-only came
	noData      bool // it does not want keys
	noFunctions bool
	eof         bool // it knows files of unknown length
}

const noStream = "there is no stream of commands that a replica of Redis could follow: nodes of Redoubt join a cluster with --join, and redis-cli --rdb gets a copy of the data"

// A replica that is refused its PSYNC with any other code goes on to SYNC, and when that is refused tries again at once, for ever. With this
// one it logs the text and tries again in a second.
var (
	errFollow  = resp.Error("ERR " + noStream)
	errNoPsync = resp.Error("NOMASTERLINK " + noStream)
)

// replicaConf is REPLCONF. Its options are Redis'.
func replicaConf(s *session, args [][]byte) resp.Value {
	if len(args)%2 == 0 {
		return errSyntax
	}
	for i := 1; i < len(args); i += 2 {
		value := args[i+1]
		switch option := args[i]; {
		case is(option, "LISTENING-PORT"):
			if _, ok := keyspace.ParseInt(value); !ok {
				return errNotInteger
			}
			s.replica.follows = true
			return errFollow
		case is(option, "IP-ADDRESS"):
			s.replica.follows = true
			return errFollow
		case is(option, "CAPA"):
			s.replica.eof = s.replica.eof || is(value, "EOF")
		case is(option, "ACK"), is(option, "GETACK"):
			return resp.None // not answered, of whoever it comes
		case is(option, "RDB-ONLY"):
			n, ok := keyspace.ParseInt(value)
			switch {
			case !ok:
				return errNotInteger
			case n < 0 || n > 1:
				return resp.Error("ERR value is out of range, value must between 0 and 1")
			}
			s.replica.rdbOnly = n == 1
		case is(option, "RDB-FILTER-ONLY"):
			if fault := s.replica.filter(value); !fault.IsNone() {
				return fault
			}
		default:
			return resp.Error("ERR Unrecognized REPLCONF option: " + clip(option, 128))
		}
	}
	return resp.OK()
}

// filter is REPLCONF rdb-filter-only, a list of what the file is to have.
func (r *replicaSays) filter(list []byte) (fault resp.Value) {
	words, err := conf.SplitArgs(string(list))
	if err != nil {
		return resp.Error("ERR Missing rdb-filter-only values")
	}
	r.filtered, r.noData, r.noFunctions = true, true, true
	for _, w := range words {
		if !is([]byte(w), "FUNCTIONS") {
			return resp.Error("ERR Unsupported rdb-filter-only option: " + w)
		}
		r.noFunctions = false
	}
	return resp.None
}

func syncAll(s *session, _ [][]byte) resp.Value {
	if s.replica.follows || s.replica.noData && s.replica.noFunctions {
		return errFollow
	}
	return s.startExport("")
}

// partialSync is PSYNC. Nothing can be continued, so it is a copy, for who said that it wants nothing more.
func partialSync(s *session, args [][]byte) resp.Value {
	if _, ok := keyspace.ParseInt(args[2]); !ok {
		return errNotInteger
	}
	if s.replica.follows || !s.replica.rdbOnly {
		s.replica.follows = true // should it go on to SYNC
		return errNoPsync
	}
	return s.startExport(fmt.Sprintf("+FULLRESYNC %s %d\r\n", s.srv.replID(), s.srv.replica.Applied()))
}

// startExport begins an export; head is sent in front of the file's length.
func (s *session) startExport(head string) resp.Value {
	if s.replica.filtered && !s.replica.eof {
		return resp.Error("ERR Filtered replica requires EOF capability")
	}
	x := &export{s: s, stale: s.stale, head: head, noKeys: s.replica.noData, stop: make(chan struct{}), taken: make(chan struct{}, 1)}
	if err := s.srv.exports.add(x); err != nil {
		return resp.Error("ERR " + err.Error())
	}
	s.srv.log.Info("A client asks for a copy of all data", "client", s.info.id, "addr", s.info.remote)
	s.srv.stats.copies.Add(1)
	s.export = x
	s.setFlag(flagReplica, true)
	s.wait()
	return resp.None
}
