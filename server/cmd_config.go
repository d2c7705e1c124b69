package server

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/resp"
)

// configCommands are CONFIG's: the table of directives is conf's.
func configCommands() []sessionCommand {
	const flags = operatorFlags | anytimeFlags
	return []sessionCommand{node("CONFIG", "", "A container for server configuration commands.", "2.0.0", command.AtLeast(2), 0, 0, nil,
		costing("O(N) when N is the number of configuration parameters provided",
			node("GET", "parameter [parameter ...]", "Returns the effective values of configuration parameters.", "2.0.0", command.AtLeast(3), flags, 0, configGet)),
		helpOf("5.0.0", "CONFIG", 0,
			"GET <pattern>",
			"    Return parameters matching the glob-like <pattern> and their values.",
			"SET <directive> <value>",
			"    Set the configuration <directive> to <value>.",
			"RESETSTAT",
			"    Reset statistics reported by the INFO command.",
			"REWRITE",
			"    Rewrite the configuration file."),
		node("RESETSTAT", "", "Resets the server's statistics.", "2.0.0", command.Exactly(2), flags, 0, configResetStat),
		node("REWRITE", "", "Persists the effective configuration to file.", "2.8.0", command.Exactly(2), flags, 0, configRewrite),
		hinted("response_policy:all_succeeded", hinted("request_policy:all_nodes", costing("O(N) when N is the number of configuration parameters provided",
			node("SET", "parameter value [parameter value ...]", "Sets configuration parameters in-flight.", "2.0.0", command.AtLeast(4), flags, 0, configSet)))),
	)}
}

func configGet(s *session, args [][]byte) resp.Value {
	found := s.srv.conf.Get(args[2:]...)
	pairs := make([]resp.Value, 0, 2*len(found))
	for _, p := range found {
		pairs = append(pairs, resp.BulkString(p[0]), resp.BulkString(p[1]))
	}
	return resp.Map(pairs...)
}

func configSet(s *session, args [][]byte) resp.Value {
	if len(args)%2 != 0 {
		return errSyntax
	}
	pairs := make([][2]string, 0, len(args)/2-1)
	for i := 2; i < len(args); i += 2 {
		pairs = append(pairs, [2]string{string(args[i]), string(args[i+1])})
	}
	changed, err := s.srv.conf.Check(isLocal(s.conn), pairs)
	if shared := clusterPairs(s.srv.conf, changed); err == nil && len(shared) > 0 {
		s.setShared(shared, pairs)
		return resp.None
	}
	if err := s.srv.conf.ChangeAs(isLocal(s.conn), pairs, s.srv.reviewConf); err != nil {
		return resp.Error("ERR " + err.Error())
	}
	return resp.OK()
}

// Why some directives that Redis changes while it runs are read at start only here.
var (
	errStartOnly = errors.New("this directive is read when the server starts; change the configuration file and restart")
)

// startOnly tells the directives that conf lets change but that this node has already built on. The
// sockets, the state machine and the Raft group are made once.
func startOnly(d conf.Directive) bool {
	switch d.Name {
	case "port", "bind", "tls-port", "unixsocket", "unixsocketperm", "raft-port", "raft-bind", "tls-cluster", "dir", "io-threads":
		return true
	}
	return false
}

// reviewConf refuses what cannot be done at run time. What comes to the same value is not asked about.
func (srv *Server) reviewConf(next *conf.View, changed []string) (culprit string, err error) {
	secure := false
	for _, name := range changed {
		d, _ := next.Lookup(name)
		switch {
		case d.Name == "port" && !canListen(next):
			return name, errors.New("Unable to listen on this port. Check server logs.")
		case d.Name == "maxclients" && next.Int("maxclients") < 1:
			return name, fmt.Errorf("argument must be between 1 and %d inclusive", d.Max)
		case startOnly(d):
			return name, errStartOnly
		case isTLS(d.Name) && !secure:
			if err := srv.reviewTLS(next); err != nil {
				return name, err
			}
			secure = true
		}
	}
	return "", nil
}

// canListen tries the port, so that one that is taken is refused with Redis' words.
func canListen(next *conf.View) bool {
	port := next.Int("port")
	if port == 0 {
		return true
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.FormatInt(port, 10)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func configRewrite(s *session, _ [][]byte) resp.Value {
	err := s.srv.conf.Rewrite()
	switch {
	case errors.Is(err, conf.ErrNoFile):
		return resp.Error("ERR " + err.Error())
	case err != nil:
		s.srv.log.Warn("CONFIG REWRITE failed", "err", err)
		return resp.Error("ERR Rewriting config file: " + err.Error())
	}
	s.srv.log.Warn("CONFIG REWRITE executed with success.")
	return resp.OK()
}

func configResetStat(s *session, _ [][]byte) resp.Value {
	s.srv.resetStats()
	return resp.OK()
}
