package server

import "github.com/redoubt-db/redoubt/conf"

// adoptShared takes over what another node has set of the directives that all agree on.
func (srv *Server) adoptShared() {
	var logged, adopt [][2]string
	if srv.machine.RLock() {
		logged = srv.machine.Space().Config()
	}
	srv.machine.RUnlock()
	view := srv.conf.View()
	for _, p := range logged {
		if d, ok := view.Lookup(p[0]); ok && d.Scope == conf.Cluster && d.Meaning == conf.Active && valueOf(view, d.Name) != p[1] {
			adopt = append(adopt, p)
		}
	}
	if len(adopt) == 0 {
		return
	}
	if err := srv.conf.Adopt(adopt); err != nil {
		srv.log.Warn("directives set on another member do not fit this one", "err", err)
	}
}

// valueOf is a directive's value in the form that CONFIG GET shows.
func valueOf(view *conf.View, name string) string {
	if pairs := view.Get([]byte(name)); len(pairs) > 0 {
		return pairs[0][1]
	}
	return ""
}
