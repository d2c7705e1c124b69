package server

import (
	"fmt"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/resp"
)

// clusterPairs are those of pairs that all nodes must agree on, which therefore travel through the log.
func clusterPairs(set *conf.Set, pairs [][2]string) (shared [][2]string) {
	view := set.View()
	for _, p := range pairs {
		if d, ok := view.Lookup(p[0]); ok && d.Scope == conf.Cluster && d.Meaning == conf.Active {
			shared = append(shared, [2]string{d.Name, p[1]})
		}
	}
	return shared
}

// configRequest sends directives of the whole cluster through the log.
func configRequest(pairs [][2]string) [][]byte {
	args := [][]byte{[]byte(command.Configure)}
	for _, p := range pairs {
		args = append(args, []byte(p[0]), []byte(p[1]))
	}
	return args
}

// setShared is CONFIG SET when it names directives of the whole cluster: first the log, then this node.
func (s *session) setShared(shared, pairs [][2]string) {
	s.wait()
	s.srv.submit(0, configRequest(shared), func(_ []byte, failed bool) {
		s.loop.post(func() {
			s.loop.enter()
			defer s.loop.leave()
			if failed {
				s.finish(noQuorum)
				return
			}
			if err := s.srv.conf.ChangeAs(isLocal(s.conn), pairs, s.srv.reviewConf); err != nil {
				s.finish(resp.Error("ERR " + err.Error()))
				return
			}
			s.finish(resp.OK())
		})
	})
}

// loadShared brings this node's configuration and the log's together at start: what was given to this process
// goes into the log, the rest comes from it.
func (srv *Server) loadShared() error {
	srv.machine.RLock()
	logged := map[string]string{}
	for _, p := range srv.machine.Space().Config() {
		logged[p[0]] = p[1]
	}
	srv.machine.RUnlock()
	var propose, adopt [][2]string
	view, defaults := srv.conf.View(), conf.Default().View()
	for _, d := range conf.Directives() {
		if d.Scope != conf.Cluster || d.Meaning != conf.Active {
			continue
		}
		given := view.Canonical(d.Name)
		value, known := logged[d.Name]
		switch {
		case given != defaults.Canonical(d.Name) && given != value:
			propose = append(propose, [2]string{d.Name, given})
		case known && value != given:
			adopt = append(adopt, [2]string{d.Name, value})
		}
	}
	if err := srv.conf.Adopt(adopt); err != nil {
		return fmt.Errorf("directives kept in the log do not fit this version: %w", err)
	}
	if len(propose) == 0 {
		return nil
	}
	return srv.await(0, configRequest(propose)...)
}

// followShared takes over what another node has changed of the directives of the whole cluster.
func (srv *Server) followShared() {
	var logged [][2]string
	if srv.machine.RLock() {
		logged = srv.machine.Space().Config()
	}
	srv.machine.RUnlock()
	view := srv.conf.View()
	for _, p := range logged {
		d, ok := view.Lookup(p[0])
		if !ok || d.Scope != conf.Cluster || d.Meaning != conf.Active || view.Canonical(p[0]) == p[1] {
			continue
		}
		if err := srv.conf.Adopt([][2]string{p}); err != nil {
			srv.log.Warn("a directive kept in the log does not fit this version", "err", err)
		}
	}
}
