package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	nodes     = 3
	pollPause = 50 * time.Millisecond
)

// trio is three processes.
type trio struct {
	ports []int
	dirs  []string
	srvs  []*process.Server
}

func newTrio(base, name string) (*trio, error) {
	t := &trio{}
	for len(t.ports) < nodes {
		port, err := process.FreePort()
		if err != nil {
			return nil, err
		}
		if slices.Contains(t.ports, port) {
			continue
		}
		dir := filepath.Join(base, name+strconv.Itoa(len(t.ports)+1))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
		t.ports, t.dirs = append(t.ports, port), append(t.dirs, dir)
	}
	return t, nil
}

// start starts the next node. Only our server and Redis say that they are ready in words that Launch knows.
func (t *trio) start(command string, ready bool, more ...string) error {
	i := len(t.srvs)
	s, err := process.Launch(command, t.ports[i], t.dirs[i], more...)
	if err != nil {
		return err
	}
	t.srvs = append(t.srvs, s)
	if ready {
		return s.WaitReady(startMax)
	}
	return nil
}

func (t *trio) pids() (list []int) {
	for _, s := range t.srvs {
		list = append(list, s.Pid)
	}
	return list
}

func (t *trio) kill() {
	for _, s := range t.srvs {
		s.Kill()
	}
}

// redoubt is three nodes of ours.
type redoubt struct{ *trio }

func formRedoubt(o options, base string) (contender, error) {
	binary, err := o.binary, error(nil)
	if binary == "" {
		if binary, err = process.Build(base); err != nil {
			return nil, err
		}
	}
	t, err := newTrio(base, "redoubt")
	if err != nil {
		return nil, err
	}
	r := redoubt{t}
	command := strings.ReplaceAll(process.Redoubt, "{redoubt}", binary)
	for i := range nodes {
		more := slices.Clone(o.args)
		if i > 0 {
			more = append(more, "--join", t.srvs[0].Addr)
		}
		if err := t.start(command, true, more...); err != nil {
			t.kill()
			return nil, err
		}
	}
	if err := await(r.complete); err != nil {
		t.kill()
		return nil, err
	}
	return r, nil
}

// complete tells whether every node counts three voters.
func (r redoubt) complete() error {
	for _, s := range r.srvs {
		members, err := ask(s.Addr, "RAFT", "MEMBERS")
		if err != nil {
			return err
		}
		voters := 0
		for _, m := range members.Elems {
			if fields(m)["role"] == "voter" {
				voters++
			}
		}
		if voters != nodes {
			return fmt.Errorf("%s counts %d voters", s.Addr, voters)
		}
	}
	return nil
}

func (r redoubt) addr(leader bool) (addr string, err error) {
	err = await(func() error {
		for _, s := range r.srvs {
			reply, err := ask(s.Addr, "RAFT", "INFO")
			if err != nil {
				return err
			}
			info := fields(reply)
			if addr = s.Addr; info["leader"] != "0" && (info["leader"] == info["node"]) == leader {
				return nil
			}
		}
		return errors.New("no leader")
	})
	return addr, err
}

func (redoubt) serves(bool, bool) bool { return true }

func (r redoubt) fill(keys int) error { return fill(r.srvs[0].Addr, keys) }

func (redoubt) run(j job) (result, error) { return generator{job: j}.run() }

// redis is a primary and two replicas, all with an fsync before every answer.
type redis struct{ *trio }

func formRedis(base string) (contender, error) {
	t, err := newTrio(base, "redis")
	if err != nil {
		return nil, err
	}
	for i := range nodes {
		more := []string{"--auto-aof-rewrite-percentage", "0"} // no rewrite in the middle of somebody's run
		if i > 0 {
			more = append(more, "--replicaof", "127.0.0.1", strconv.Itoa(t.ports[0]))
		}
		if err := t.start(process.Redis, true, more...); err != nil {
			t.kill()
			return nil, err
		}
	}
	r := redis{t}
	err = await(func() error {
		if _, err := ask(t.srvs[0].Addr, "SET", "first", ""); err != nil {
			return err
		}
		info, err := ask(t.srvs[0].Addr, "INFO", "replication")
		if strings.Count(info.Text, "state=online") != nodes-1 {
			return errors.Join(err, fmt.Errorf("the replicas are not there:\n%s", info.Text))
		}
		return nil
	})
	if err != nil {
		t.kill()
		return nil, err
	}
	return r, nil
}

func (r redis) addr(leader bool) (string, error) {
	if leader {
		return r.srvs[0].Addr, nil
	}
	return r.srvs[1].Addr, nil
}

func (redis) serves(write, leader bool) bool { return leader || !write }

func (r redis) fill(keys int) error { return fill(r.srvs[0].Addr, keys) }

func (redis) run(j job) (result, error) { return generator{job: j, wait: j.write}.run() }

// ask runs one command on a connection of its own.
func ask(addr string, args ...string) (wire.Reply, error) {
	c, err := wire.Dial(addr, replyMax)
	if err != nil {
		return wire.Reply{}, err
	}
	defer c.Close()
	c.Deadline(time.Now().Add(replyMax))
	return c.Do(args...)
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

// await polls: what processes know of each other has no moment to be waited for.
func await(holds func() error) error {
	end := time.Now().Add(startMax)
	for {
		err := holds()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %s: %w", startMax, err)
		}
		time.Sleep(pollPause)
	}
}
