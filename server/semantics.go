package server

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// raiseSemantics raises the semantics version of the cluster when all members know a later one: see sm.Machine.Semantics. Who was not heard of
// lately may be of any version, so it waits for all.
func (c *chores) raiseSemantics() {
	srv := c.srv
	if !srv.leads() {
		return
	}
	all := srv.machine.KnownSemantics()
	membership := srv.replica.Membership()
	for _, node := range slices.Concat(membership.Voters, membership.Learners) {
		if node == srv.replica.ID() {
			continue
		}
		h, ok := srv.peers.news(node)
		if !ok {
			return
		}
		all = min(all, h.semantics)
	}
	if all > srv.machine.Semantics() {
		srv.log.Info("All members know a later semantics version: it is in force from now on", "version", all)
		srv.submit(0, semanticsRequest(all), nil)
	}
}

func semanticsRequest(version uint64) [][]byte {
	return [][]byte{[]byte(" SEMANTICS"), strconv.AppendUint(nil, version, 10)}
}

// follows refuses to join a cluster that has come to a semantics version which this program does not know.
func (srv *Server) follows(h *greeting) error {
	if h.semanticsUsed > srv.knows {
		return fmt.Errorf("cannot join: the cluster is at semantics version %d, and this program knows %d; start a newer one", h.semanticsUsed, srv.knows)
	}
	return nil
}

// inForce refuses a command that some member may not know yet.
func (srv *Server) inForce(e *entry) (*entry, resp.Value) {
	if e.Needs > keyspace.SemanticsFirst && uint64(e.Needs) > srv.machine.Semantics() {
		e.stats.rejected.Add(1)
		return nil, resp.Error("ERR '" + e.name + "' is in force when all members of the cluster are of a version that has it")
	}
	return e, resp.None
}
