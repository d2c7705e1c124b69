package server

import (
	"fmt"
	"net"
	"strconv"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/sm"
)

// addresses are where a node is reached, and where its Raft transport listens.
type addresses struct {
	raft, listen string
	tls          *replica.TLS
	client       string // where members ask each other, too; "" without a port for that
}

// ownAddresses reads them from the configuration: Raft on loopback unless raft-bind says otherwise, and what others
// are told as cluster-announce-* say. Port 0 picks a free one.
func ownAddresses(view *conf.View) (a addresses, err error) {
	port, err := view.RaftPort()
	if err != nil {
		return a, err
	}
	if a.tls, err = raftTLS(view); err != nil {
		return a, err
	}
	bind := view.String("raft-bind")
	if bind == "" {
		bind = "127.0.0.1"
	}
	host, announced := reachable(bind), view.String("cluster-announce-ip")
	if announced != "" {
		host = announced
	}
	a.listen = net.JoinHostPort(listenHost(bind), strconv.FormatInt(port, 10))
	if p := view.Int("cluster-announce-bus-port"); p != 0 {
		port = p
	}
	a.raft = net.JoinHostPort(host, strconv.FormatInt(port, 10))
	client := view.Int("cluster-announce-port")
	if client == 0 {
		client = membersPort(view)
	}
	if client != 0 {
		a.client = net.JoinHostPort(clientHost(view, host), strconv.FormatInt(client, 10))
	}
	return a, nil
}

// clientHost is the host of the client port: that of Raft where clients are served on all addresses, as other
// members ask this node there, too.
func clientHost(view *conf.View, raftHost string) string {
	host := bindHosts(view.List("bind"))[0].name
	if ip := net.ParseIP(host); view.String("cluster-announce-ip") != "" || ip != nil && ip.IsUnspecified() {
		return raftHost
	}
	return host
}

// listenHost is what Redis' words for all addresses mean.
func listenHost(word string) string {
	if word == "*" {
		return "0.0.0.0"
	}
	return word
}

// reachable is the address that others use for one that is listened on: for a wildcard, the machine's first.
func reachable(host string) string {
	ip := net.ParseIP(listenHost(host))
	if ip == nil || !ip.IsUnspecified() {
		return host
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// self is this node as others should know it.
func (srv *Server) self() sm.Member {
	return sm.Member{Node: srv.replica.ID(), Raft: srv.where.raft, Client: srv.where.client, Name: srv.conf.String("node-name")}
}

func formatID(node uint64) string { return fmt.Sprintf("%016x", node) }
