package server

import (
	"crypto/subtle"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/resp"
)

// limits are the directives that every command is held against, read once per change of configuration.
type limits struct {
	resp.Limits
	Request int64 // max-request-size, in bytes of an encoded request
	Output  conf.OutputLimit
	PubSub  conf.OutputLimit // of who subscribes to anything
}

// guard refuses commands that would grow the data while there is no memory or no disk for it. It is
// decided before anything is proposed, since it depends on this node.
type guard struct {
	noMemory atomic.Bool
	noSpace  atomic.Bool
	overFull atomic.Bool // the alarm NOSPACE is raised
}

var (
	oomReply      = resp.Error("OOM command not allowed when used memory > 'maxmemory'.")
	overFullReply = resp.Error("NOSPACE a member's data are above quota-bytes; delete and compact, or raise it; see RAFT ALARM LIST")
	noSpaceReply  = resp.Error("NOSPACE free disk space is below free-space-reserve; delete or compact, or make room")
)

// busyReply answers writes while this node is too far behind to apply them in time. None of them is proposed.
var busyReply = resp.Error("BUSY this node has not applied yet what is committed, or has too much waiting; the command was not applied, try again")

func (g *guard) refusal() resp.Value {
	switch {
	case g.noSpace.Load():
		return noSpaceReply
	case g.overFull.Load():
		return overFullReply
	case g.noMemory.Load():
		return oomReply
	}
	return resp.None
}

// refusal is the guard's, or that of the present command for want of room.
func (s *session) refusal() resp.Value {
	if r := s.srv.guard.refusal(); !r.IsNone() || !s.noRoom {
		return r
	}
	return oomReply
}

// applyConf takes over what changed in the configuration.
func (srv *Server) applyConf(changed []string) {
	view := srv.conf.View()
	srv.limits.Store(&limits{
		Limits: resp.Limits{
			MaxBulk: view.Bytes("proto-max-bulk-len"),
			Query:   view.Bytes("client-query-buffer-limit"),
		},
		Request: view.Bytes("max-request-size"),
		Output:  view.OutputLimit("normal"),
		PubSub:  view.OutputLimit("pubsub"),
	})
	if slices.ContainsFunc(changed, isTLS) && view.Int("tls-port") != 0 {
		srv.secure.use()
	}
	srv.slow.configure(view)
	srv.configureRoom(view)
	if slices.Contains(changed, "maxmemory") || slices.Contains(changed, "maxmemory-policy") {
		srv.coolDown()
	}
	srv.evictClients(srv.clientMemory.setLimit(clientsMemory(view)), nil)
	srv.latency.configure(view)
	if b := srv.ready.Load(); b != nil {
		b.SetWriteTimeout(writeTimeout(view))
	}
}

func writeTimeout(view *conf.View) time.Duration {
	return time.Duration(view.Int("write-timeout")) * time.Millisecond
}

// loadingReply answers what needs the data before it is there: while the log is replayed, and while a start waits
// for a quorum of the cluster.
var loadingReply = resp.Error("LOADING Redoubt is replaying its log or waiting for a quorum of its cluster")

// admit decides about a new connection: the error to send, or None.
func (srv *Server) admit(t transport) resp.Value {
	srv.stats.connections.Add(1)
	switch {
	case srv.net.refusing.Load():
		return resp.Error("LOADING Redoubt is not ready to accept connections")
	case srv.clients.len() >= int(srv.conf.Int("maxclients")):
		srv.stats.rejectedConnections.Add(1)
		return resp.Error("ERR max number of clients reached")
	case !srv.protectedModeAllows(t):
		srv.stats.rejectedConnections.Add(1)
		return protectedMode
	}
	return resp.None
}

// protectedModeAllows keeps strangers out of a node without a password, as Redis does: in protected mode
// only loopback and unix sockets are served then.
func (srv *Server) protectedModeAllows(t transport) bool {
	view := srv.conf.View()
	return !view.Bool("protected-mode") || view.String("requirepass") != "" || isLocal(t)
}

func isLocal(t transport) bool {
	if t.Kind() == overUnix {
		return true
	}
	host, _, err := net.SplitHostPort(t.Remote())
	return err == nil && net.ParseIP(host).IsLoopback()
}

var protectedMode = resp.Error("DENIED Redoubt is running in protected mode because protected mode is enabled and no password is set for the default user. " +
	"In this mode connections are only accepted from the loopback interface. " +
	"If you want to connect from external computers, you may adopt one of the following solutions: " +
	"1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting from the same host the server is running on, " +
	"however MAKE SURE it is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. " +
	"2) Alternatively you can just disable the protected mode by editing the configuration file, and setting the protected mode option to 'no', and then restarting the server. " +
	"3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. " +
	"4) Set up an authentication password for the default user. " +
	"NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.")

// allowed judges commands behind enable-debug-command and its like.
func (srv *Server) allowed(s *session, e *entry) bool {
	return srv.conf.Allows(protectingDirective(e), isLocal(s.conn))
}

func protectingDirective(e *entry) string {
	if e.name == "module" {
		return "enable-module-command"
	}
	return "enable-debug-command"
}

func protectedReply(e *entry) resp.Value {
	d := protectingDirective(e)
	return resp.Error("ERR " + e.Name + " command not allowed. If the " + d + " option is set to \"local\", you can run it from a local connection, " +
		"otherwise you need to set this option in the configuration file, and then restart the server.")
}

// samePassword compares in constant time.
func samePassword(given []byte, want string) bool {
	return subtle.ConstantTimeCompare(given, []byte(want)) == 1
}

// refuseUsers keeps a node from starting as if those that user and aclfile keep out were kept out: there is nobody but the default user.
func (srv *Server) refuseUsers() error {
	if srv.conf.String("aclfile") != "" || len(srv.conf.Users()) > 0 {
		return errors.New("aclfile and user need ACL users, which this version does not have: it would let in whom they keep out. Remove them; requirepass is there")
	}
	return nil
}

// rename applies rename-command.
func (srv *Server) rename() error {
	for _, r := range srv.conf.Renames() {
		from, to := upper(r.From), upper(r.To)
		e := srv.entries[from]
		if e == nil {
			return r.Error("No such command in rename-command")
		}
		delete(srv.entries, from)
		if to == "" {
			continue
		}
		if srv.entries[to] != nil {
			return r.Error("Target command name already exists")
		}
		srv.entries[to] = e
		e.original = []byte(from)
		for _, sub := range e.sub {
			sub.original = e.original
		}
	}
	return nil
}
