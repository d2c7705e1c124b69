// Package cluster starts groups of nodes as their users do, as processes on this machine, and holds what they promise:
// forming, joining, moving, losing members, and what clients of the others notice when the leader is killed. The rig
// serves test/chaos, too.
package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	startMax  = time.Minute
	askMax    = 15 * time.Second
	pollPause = 20 * time.Millisecond
)

// Rig is a group of nodes under one directory.
type Rig struct {
	Binary string
	Dir    string
	Args   []string // of every node
	Nodes  []*Node

	Patience time.Duration // with what takes a moment when the machine has nothing else to do
}

// Node is one process, or the place of one.
type Node struct {
	Name   string
	Host   string // where it is reached; 127.0.0.1 by default
	Port   int
	Dir    string
	Prefix string          // words before the command line, such as those that enter a network namespace
	Args   []string        // of this node
	Log    io.Writer       // where all that it says is copied to; nil is nowhere
	Srv    *process.Server // nil when it was not started

	rig    *Rig
	paused bool
}

// NewRig builds the server into dir, or takes the binary given.
func NewRig(dir, binary string, args ...string) (*Rig, error) {
	if binary == "" {
		var err error
		if binary, err = process.Build(dir); err != nil {
			return nil, err
		}
	}
	return &Rig{Binary: binary, Dir: dir, Args: args, Patience: startMax}, nil
}

// Add makes a place for a node and does not start it.
func (r *Rig) Add() (*Node, error) {
	port, err := r.freePort()
	if err != nil {
		return nil, err
	}
	n := &Node{Name: "n" + strconv.Itoa(len(r.Nodes)+1), Host: "127.0.0.1", Port: port, rig: r}
	n.Dir = filepath.Join(r.Dir, n.Name)
	if err := os.MkdirAll(n.Dir, 0o755); err != nil {
		return nil, err
	}
	r.Nodes = append(r.Nodes, n)
	return n, nil
}

func (r *Rig) freePort() (int, error) {
	for range 100 {
		port, err := process.FreePort()
		if err != nil {
			return 0, err
		}
		taken := false
		for _, n := range r.Nodes {
			taken = taken || n.Port == port
		}
		if !taken {
			return port, nil
		}
	}
	return 0, errors.New("cluster: no free port")
}

// Form starts a first node and lets others join it, until all vote.
func (r *Rig) Form(size int) error {
	for range size {
		n, err := r.Add()
		if err != nil {
			return err
		}
		if n != r.Nodes[0] {
			err = n.Start("--join", r.Nodes[0].Addr())
		} else {
			err = n.Start()
		}
		if err != nil {
			return err
		}
	}
	return r.AwaitVoters(size)
}

// AwaitVoters returns when every node that runs counts so many voters, and no other members.
func (r *Rig) AwaitVoters(size int) error {
	return until(r.Patience, func() error {
		for _, n := range r.Running() {
			members, err := n.Members()
			if err != nil {
				return err
			}
			voters := 0
			for _, m := range members {
				if m["role"] == "voter" && m["client"] != "" {
					voters++
				}
			}
			if voters != size || len(members) != size {
				return fmt.Errorf("%s counts %d voters of %d members, want %d: %v", n.Name, voters, len(members), size, members)
			}
		}
		return nil
	})
}

// Running are the nodes whose process was started and has not been killed or stopped.
func (r *Rig) Running() (list []*Node) {
	for _, n := range r.Nodes {
		if n.Srv != nil {
			list = append(list, n)
		}
	}
	return list
}

// Leader is the node that says that it leads and that another one agrees with, or any for a group of one.
func (r *Rig) Leader() (*Node, error) {
	var leader *Node
	err := until(r.Patience, func() error {
		votes := map[string]int{}
		for _, n := range r.Running() {
			if info, err := n.Info(); err == nil {
				votes[info["leader"]]++
			}
		}
		for _, n := range r.Running() {
			info, err := n.Info()
			if err == nil && info["leader"] == info["node"] && votes[info["node"]] > len(r.Running())/2 {
				leader = n
				return nil
			}
		}
		return fmt.Errorf("no leader: %v", votes)
	})
	return leader, err
}

// Close kills whatever runs.
func (r *Rig) Close() {
	for _, n := range r.Running() {
		n.Kill()
	}
}

// Addr is the node's client address.
func (n *Node) Addr() string { return n.Host + ":" + strconv.Itoa(n.Port) }

// Launch starts the process and does not wait for it to be ready.
func (n *Node) Launch(more ...string) (err error) {
	args := slices.Concat(n.rig.Args, n.Args, more)
	log := n.Log
	if log == nil {
		log = io.Discard
	}
	n.Srv, err = process.LaunchLogged(log, n.Prefix+" "+n.rig.Binary+" --port {port} --dir {dir} --enable-debug-command yes", n.Port, n.Dir, args...)
	return err
}

// Start starts the process and waits until it serves.
func (n *Node) Start(more ...string) error {
	if err := n.Launch(more...); err != nil {
		return err
	}
	if err := n.Srv.WaitReady(n.rig.Patience); err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	return nil
}

// Kill is kill -9.
func (n *Node) Kill() {
	if n.Srv != nil {
		n.Resume()
		n.Srv.Kill()
		n.Srv = nil
	}
}

// Stop is SIGTERM.
func (n *Node) Stop(within time.Duration) error {
	err := n.Srv.Stop(within)
	n.Srv = nil
	return err
}

// Pause is SIGSTOP, Resume SIGCONT.
func (n *Node) Pause() {
	n.paused = true
	_ = syscall.Kill(n.Srv.Pid, syscall.SIGSTOP)
}

// Resume ends Pause.
func (n *Node) Resume() {
	if n.paused {
		n.paused = false
		_ = syscall.Kill(n.Srv.Pid, syscall.SIGCONT)
	}
}

// Do runs one command on a connection of its own.
func (n *Node) Do(args ...string) (wire.Reply, error) {
	c, err := wire.Dial(n.Addr(), askMax)
	if err != nil {
		return wire.Reply{}, err
	}
	defer c.Close()
	c.Deadline(time.Now().Add(askMax))
	r, err := c.Do(args...)
	if err != nil {
		return r, fmt.Errorf("%s: %s: %w", n.Name, strings.Join(args, " "), err)
	}
	return r, nil
}

// Info is RAFT INFO.
func (n *Node) Info() (map[string]string, error) {
	r, err := n.Do("RAFT", "INFO")
	if err != nil {
		return nil, err
	}
	return fields(r), nil
}

// Members is RAFT MEMBERS.
func (n *Node) Members() (list []map[string]string, err error) {
	r, err := n.Do("RAFT", "MEMBERS")
	for _, e := range r.Elems {
		list = append(list, fields(e))
	}
	return list, err
}

// Revision is REVISION INFO: current revision and hash belong together.
func (n *Node) Revision() (map[string]string, error) {
	r, err := n.Do("REVISION", "INFO")
	return fields(r), err
}

func fields(r wire.Reply) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(r.Elems); i += 2 {
		value := r.Elems[i+1].Text
		if r.Elems[i+1].Kind == ':' {
			value = strconv.FormatInt(r.Elems[i+1].Int, 10)
		}
		m[r.Elems[i].Text] = value
	}
	return m
}

// SameState returns when all nodes that run have the same revision and hash. Nobody may write meanwhile.
func (r *Rig) SameState() error {
	return until(r.Patience, func() error {
		var first map[string]string
		for _, n := range r.Running() {
			rev, err := n.Revision()
			if err != nil {
				return err
			}
			if first == nil {
				first = rev
			}
			if rev["current"] != first["current"] || rev["hash"] != first["hash"] {
				return fmt.Errorf("%s has revision %s, hash %s, and %s has revision %s, hash %s", n.Name, rev["current"], rev["hash"],
					r.Running()[0].Name, first["current"], first["hash"])
			}
		}
		return nil
	})
}

// until polls, as what processes know of each other has no moment to be waited for.
func until(max time.Duration, holds func() error) error {
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	end := time.Now().Add(max)
	for {
		err := holds()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %s: %w", max, err)
		}
		<-tick.C
	}
}
