package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	peerDistance = 10000 // between etcd's client port and that of its peers
	// As it comes, but for a quota that a long run does not reach.
	etcdCommand = "etcd --data-dir {dir} --initial-cluster-state new --initial-cluster-token bench --quota-backend-bytes 8589934592 --log-level warn"
)

// etcd is three nodes of it. Its load is made by a program of its own, etcdload, so that gRPC stays out of this module.
type etcd struct {
	*trio
	generator string // the binary
	client    string // own or raw
}

func formEtcd(o options, base string) (contender, error) {
	if _, err := exec.LookPath("etcd"); err != nil {
		return nil, fmt.Errorf("%w (bash bench/cluster/tools.sh installs it)", err)
	}
	e := etcd{generator: filepath.Join(base, "etcdload"), client: o.etcd}
	if err := e.build(); err != nil {
		return nil, err
	}
	var err error
	if e.trio, err = newTrio(base, "etcd"); err != nil {
		return nil, err
	}
	var members []string
	for i, port := range e.ports {
		members = append(members, fmt.Sprintf("n%d=http://127.0.0.1:%d", i+1, port+peerDistance))
	}
	for i, port := range e.ports {
		client, peer := "http://127.0.0.1:"+strconv.Itoa(port), "http://127.0.0.1:"+strconv.Itoa(port+peerDistance)
		err := e.start(etcdCommand, false, "--name", "n"+strconv.Itoa(i+1), "--initial-cluster", strings.Join(members, ","),
			"--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer)
		if err != nil {
			e.kill()
			return nil, err
		}
	}
	if _, err := e.addr(true); err != nil {
		defer e.kill()
		return nil, fmt.Errorf("%w\n%s", err, e.srvs[0].Tail())
	}
	return e, nil
}

// build compiles the generator, wherever in the module this was started.
func (e etcd) build() error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil || len(root) < 2 {
		return fmt.Errorf("start this inside of the module: go list -m says %q, %v", root, err)
	}
	build := exec.Command("go", "build", "-o", e.generator, ".")
	build.Dir = filepath.Join(strings.TrimSpace(string(root)), "bench", "cluster", "etcdload")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build etcdload: %w\n%s", err, out)
	}
	return nil
}

// addr asks the nodes over their JSON gateway who leads.
func (e etcd) addr(leader bool) (addr string, err error) {
	err = await(func() error {
		for _, s := range e.srvs {
			leads, err := e.leads(s.Addr)
			if err != nil {
				return err
			}
			if addr = s.Addr; leads == leader {
				return nil
			}
		}
		return errors.New("no leader")
	})
	return addr, err
}

func (etcd) leads(addr string) (bool, error) {
	reply, err := http.Post("http://"+addr+"/v3/maintenance/status", "application/json", strings.NewReader("{}"))
	if err != nil {
		return false, err
	}
	defer reply.Body.Close()
	var status struct {
		Header struct {
			Member string `json:"member_id"`
		} `json:"header"`
		Leader string `json:"leader"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&status); err != nil {
		return false, err
	}
	if status.Leader == "" || status.Leader == "0" {
		return false, fmt.Errorf("%s knows no leader", addr)
	}
	return status.Leader == status.Header.Member, nil
}

func (etcd) serves(bool, bool) bool { return true }

func (e etcd) fill(keys int) error {
	_, err := e.load("fill", job{addr: e.srvs[0].Addr, clients: 50, conns: 1, keys: keys})
	return err
}

func (e etcd) run(j job) (result, error) {
	if j.write {
		return e.load("put", j)
	}
	return e.load("range", j)
}

func (e etcd) load(what string, j job) (r result, err error) {
	out, err := exec.Command(e.generator, "-client", e.client, "-test", what, "-addr", j.addr, "-clients", strconv.Itoa(j.clients), "-conns", strconv.Itoa(j.conns),
		"-keys", strconv.Itoa(j.keys), "-seconds", fmt.Sprint(j.seconds.Seconds()), "-bytes", strconv.Itoa(valueBytes)).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return r, fmt.Errorf("etcdload: %w: %s", err, failed.Stderr)
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(out, &r)
}
