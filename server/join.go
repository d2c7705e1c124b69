package server

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/replica"
)

const (
	joinRetry  = 200 * time.Millisecond // between two rounds of asking
	joinReport = 5 * time.Second        // between two lines of the log that say who did not answer
)

// origin is how this node comes to its cluster, decided before anything is opened.
type origin struct {
	cluster  uint64 // to join; 0 forms one, or goes on in the directory's own
	seed     uint64 // of the order of SCAN, for a store that is not made yet
	known    map[uint64]string
	contacts []string // client addresses of members
	voter    bool     // wants to vote when it has caught up
}

// findOrigin looks at the directory and asks the members that --join or --initial-cluster name.
func (srv *Server) findOrigin(dir string) (origin, error) {
	view := srv.conf.View()
	for _, name := range []string{"join", "initial-cluster"} {
		if err := checkAddresses(name, addressList(view.String(name)), 1); err != nil {
			return origin{}, err
		}
	}
	id, _, err := replica.ReadIdentity(filepath.Join(dir, "raft"))
	if err != nil && !errors.Is(err, replica.ErrRemoved) {
		return origin{}, err
	}
	kept, err := readMembersFile(dir)
	if err != nil {
		return origin{}, err
	}
	o := origin{seed: srv.seed(), known: map[uint64]string{}, voter: view.String("join-as") != youLearner}
	o.contacts = append(addressList(view.String("join")), addressList(view.String("initial-cluster"))...)
	if kept != nil {
		o.seed, o.voter = kept.seed, kept.voter
		for _, m := range kept.members {
			o.known[m.Node] = m.Raft
			o.contacts = append(o.contacts, m.Client)
		}
	}
	o.contacts = srv.others(o.contacts)
	if !id.Fresh || kept != nil {
		if o.cluster = id.Cluster; id.Fresh {
			o.cluster = kept.cluster
		}
		return o, srv.sameCluster(o)
	}
	switch join, first := addressList(view.String("join")), addressList(view.String("initial-cluster")); {
	case len(join) > 0 && len(o.contacts) == 0:
		return o, fmt.Errorf("join names this node itself, which others reach at %s: name a member of the cluster", srv.where.client)
	case len(join) > 0:
		return o, srv.findCluster(&o, dir)
	case len(first) > 0:
		return o, srv.formTogether(&o, dir, first)
	}
	return o, nil
}

// checkAddresses refuses what nobody can ever be reached at; a start would wait for it for ever. A node that has no port for clients names 0.
func checkAddresses(directive string, list []string, leastPort uint64) error {
	for _, address := range list {
		host, port, err := net.SplitHostPort(address)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n < leastPort || host == "" {
			return fmt.Errorf("%s: %q is not host:port", directive, address)
		}
	}
	return nil
}

// others leaves this node's own address out, and what is named twice.
func (srv *Server) others(contacts []string) (list []string) {
	for _, c := range contacts {
		if c != "" && c != srv.where.client && !srv.isOwn(c) && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// isOwn tells whether an address is this node's client port by another name of the loopback.
func (srv *Server) isOwn(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != strconv.FormatInt(membersPort(srv.conf.View()), 10) {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// sameCluster refuses a directory whose node belongs to another cluster than the members it is told of. Who does
// not answer does not matter.
func (srv *Server) sameCluster(o origin) error {
	for _, contact := range addressList(srv.conf.String("join")) {
		h, err := askHello(srv.conf.View(), contact, introduction{})
		if err == nil && h.state != nodeForming && h.cluster != o.cluster {
			return fmt.Errorf("the data directory belongs to cluster %s and %s to cluster %s: start with an empty directory to join that one",
				formatID(o.cluster), contact, formatID(h.cluster))
		}
	}
	return nil
}

// findCluster asks until a member answers, and notes what it says, so that a restart needs no --join.
func (srv *Server) findCluster(o *origin, dir string) error {
	report := time.Now()
	for {
		var last error
		for _, contact := range o.contacts {
			h, err := askHello(srv.conf.View(), contact, introduction{})
			if err == nil && h.knowsCluster() {
				return srv.adoptCluster(o, dir, h)
			}
			if refusal := errPeer(""); errors.As(err, &refusal) && !strings.HasPrefix(string(refusal), "LOADING") {
				return fmt.Errorf("cannot join: %w", err)
			}
			if errors.Is(err, errNotRedoubt) {
				return fmt.Errorf("cannot join: %w", err)
			}
			last = err
		}
		if time.Since(report) > joinReport {
			srv.log.Warn("Waiting for a member of the cluster to be joined", "asked", strings.Join(o.contacts, " "), "err", last)
			report = time.Now()
		}
		time.Sleep(joinRetry)
	}
}

// adoptCluster takes over what a member said about its cluster.
func (srv *Server) adoptCluster(o *origin, dir string, h *greeting) error {
	if err := errors.Join(srv.follows(h), agree(srv.conf.View(), h.directives)); err != nil {
		return err
	}
	o.cluster, o.seed = h.cluster, h.seed
	file := membersFile{cluster: h.cluster, seed: h.seed, voter: o.voter}
	for _, m := range h.members {
		o.known[m.Node] = m.Raft
		o.contacts = append(o.contacts, m.Client)
		file.members = append(file.members, m.Member)
	}
	o.contacts = srv.others(o.contacts)
	srv.log.Info("Joining a cluster", "cluster", formatID(h.cluster), "members", len(h.members))
	return file.write(dir)
}

// agree refuses directives of the whole cluster that were given to this node with other values than the cluster's, and says which to give.
func agree(view *conf.View, logged [][2]string) error {
	values := map[string]string{}
	for _, p := range logged {
		values[p[0]] = p[1]
	}
	defaults := conf.Default().View()
	var differ, use []string
	mutable := true
	for _, d := range conf.Directives() {
		if d.Scope != conf.Cluster || d.Meaning != conf.Active {
			continue
		}
		given, standard := view.Canonical(d.Name), defaults.Canonical(d.Name)
		value, ok := values[d.Name]
		if !ok {
			value = standard
		}
		if given != standard && given != value {
			differ = append(differ, fmt.Sprintf("%s is %q here and %q in the cluster", d.Name, given, value))
			use = append(use, "--"+d.Name+" "+shellWord(value))
			mutable = mutable && d.Mutable
		}
	}
	if len(differ) == 0 {
		return nil
	}
	change := "CONFIG SET on any member"
	if !mutable {
		change = "a restart of any member with the other value"
	}
	return fmt.Errorf("cannot join: %s; start this node with %s, or without, since it takes over what the cluster has; %s changes it for all",
		strings.Join(differ, ", "), strings.Join(use, " "), change)
}

// shellWord is a value as it can be typed.
func shellWord(value string) string {
	if value == "" || strings.ContainsAny(value, " \"'\\$&|;<>()*?~#") {
		return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	return value
}

// formTogether is --initial-cluster in an empty directory. The node named first forms the cluster, but only when
// each other one says that it is waiting for that: so a first node that lost its disk joins the cluster that the
// others are, and can never form a second one beside it.
func (srv *Server) formTogether(o *origin, dir string, all []string) error {
	rooms, err := openAntechamber(srv.conf.View())
	if err != nil {
		return fmt.Errorf("Could not create server TCP listening socket: %w", err)
	}
	defer rooms.close()
	own := func(address string) bool { return srv.isOwn(address) || address == srv.where.client }
	first := own(all[0])
	if !slices.ContainsFunc(all, own) {
		return fmt.Errorf("initial-cluster does not name this node, which others reach at %s", srv.where.client)
	}
	report := time.Now()
	for {
		waiting := 0
		for _, contact := range o.contacts {
			h, err := askHello(srv.conf.View(), contact, introduction{})
			if err == nil && h.knowsCluster() {
				return srv.adoptCluster(o, dir, h)
			}
			if err == nil && h.state == nodeForming {
				waiting++
			}
		}
		if first && waiting == len(o.contacts) {
			return nil
		}
		if time.Since(report) > joinReport {
			srv.log.Warn("Waiting for the others of initial-cluster", "there", waiting, "of", len(o.contacts))
			report = time.Now()
		}
		time.Sleep(joinRetry)
	}
}
