// Cluster runs the same load against three nodes of this server, three of etcd and three of redis-server, in turn on the same disk, and
// prints the ratios of the medians. Above 1 redoubt is faster.
//
//	make bench-cluster
//	go run ./bench/cluster -seconds 2 -runs 1 -clients 50 -tests write
//	go run ./bench/cluster -against ""
//	go run ./bench/cluster -etcd-client raw -generator goroutines
//
// Every client has one request in flight: a SET or GET of ours, a Put or linearizable Range of etcd, and on Redis a SET with the WAIT 1
// that makes it one of two nodes, sent together. Redis' reads are no more than what the node has, so they are there for orientation.
// What makes the load is a matter of its own, as it shares the machine with the nodes: see clients.go and etcdload.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
)

const (
	keyBytes   = 9 // "k" and eight digits
	valueBytes = 256
	startMax   = time.Minute
	settle     = 300 * time.Millisecond // between two runs, for what the last one left to be written
)

type options struct {
	runs    int
	keys    int
	conns   int
	etcd    string // its client
	thread  bool
	seconds time.Duration
	clients []int
	tests   []string
	where   []string
	against []string
	dir     string
	binary  string
	args    []string
}

// job is one run: so many clients for so long on one node.
type job struct {
	write   bool
	addr    string
	clients int
	keys    int
	conns   int  // of the generator for etcd
	thread  bool // of the one for RESP: one for all clients
	seconds time.Duration
}

// contender is a group of three and the generator that speaks to it.
type contender interface {
	// addr returns where the leader listens, or one of the followers.
	addr(leader bool) (string, error)
	// serves tells whether the node answers such requests at all.
	serves(write, leader bool) bool
	fill(keys int) error
	run(job) (result, error)
	pids() []int
	kill()
}

func main() {
	o := parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func parse() options {
	var o options
	var seconds float64
	var clients, tests, where, against, args, generator string
	flag.IntVar(&o.runs, "runs", 3, "runs of each, in turn; the median counts")
	flag.Float64Var(&seconds, "seconds", 5, "how long a run takes")
	flag.IntVar(&o.keys, "keys", 20_000, "keys that are written and read")
	flag.IntVar(&o.conns, "conns", 1, "gRPC connections that etcd's clients share; one costs it the least")
	flag.StringVar(&o.etcd, "etcd-client", "own", "what etcd's clients are: own, etcd's client library for Go, or raw, gRPC with nothing in between")
	flag.StringVar(&generator, "generator", generators()[0], "what the clients of Redis' protocol are: "+strings.Join(generators(), " or "))
	flag.StringVar(&clients, "clients", "1,50,200", "clients at once")
	flag.StringVar(&tests, "tests", "write,read", "write, read or both")
	flag.StringVar(&where, "where", "leader,follower", "the nodes that are asked")
	flag.StringVar(&against, "against", "etcd,redis", "what to compare with")
	flag.StringVar(&o.dir, "dir", "", "a folder on the disk to measure; empty is the system's for temporary files")
	flag.StringVar(&o.binary, "binary", "", "the server to measure; empty is built here")
	flag.StringVar(&args, "args", "", "more directives for each of its nodes")
	flag.Parse()
	o.seconds = time.Duration(seconds * float64(time.Second))
	o.tests, o.where, o.against, o.args = split(tests), split(where), split(against), strings.Fields(args)
	if !slices.Contains(generators(), generator) || !slices.Contains([]string{"own", "raw"}, o.etcd) {
		fmt.Fprintln(os.Stderr, "cluster: -generator:", generator, "-etcd-client:", o.etcd)
		os.Exit(2)
	}
	o.thread = generator == "thread"
	for _, c := range split(clients) {
		n, err := strconv.Atoi(c)
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "cluster: -clients:", c)
			os.Exit(2)
		}
		o.clients = append(o.clients, n)
	}
	return o
}

// generators there are on this system, the one to be taken first.
func generators() []string {
	if threaded {
		return []string{"thread", "goroutines"}
	}
	return []string{"goroutines"}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func run(o options) error {
	base, err := os.MkdirTemp(o.dir, "redoubt-cluster-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	groups := map[string]contender{}
	for _, name := range names(o) {
		c, err := form(o, name, base)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer c.kill()
		if err := c.fill(o.keys); err != nil {
			return fmt.Errorf("%s: fill: %w", name, err)
		}
		groups[name] = c
	}
	fmt.Printf("three nodes each, %d keys of %d bytes, values of %d, %d runs of %s in turn, medians, load %s\n\n",
		o.keys, keyBytes, valueBytes, o.runs, o.seconds, loadAverage())
	fmt.Printf("%s\n\n", o.clientsSay())
	header(o)
	for _, test := range o.tests {
		for _, where := range o.where {
			for _, clients := range o.clients {
				if err := row(o, groups, test, where, clients); err != nil {
					return err
				}
			}
		}
	}
	fmt.Printf("\nload at the end %s\n", loadAverage())
	return nil
}

// clientsSay tells what the clients are, since they take of the processors what the nodes lack.
func (o options) clientsSay() string {
	says := "Clients of Redis' protocol: a goroutine each."
	if o.thread {
		says = "Clients of Redis' protocol: one thread for all."
	}
	if !slices.Contains(o.against, "etcd") {
		return says
	}
	library := map[string]string{"own": "etcd's own client library for Go", "raw": "gRPC with etcd's messages and nothing in between"}
	return fmt.Sprintf("%s Of etcd: %s, connections: %d.", says, library[o.etcd], o.conns)
}

// names are the contenders, ours first.
func names(o options) []string { return append([]string{"redoubt"}, o.against...) }

func form(o options, name, base string) (contender, error) {
	switch name {
	case "redoubt":
		return formRedoubt(o, base)
	case "redis":
		return formRedis(base)
	case "etcd":
		return formEtcd(o, base)
	}
	return nil, fmt.Errorf("is none of redoubt, etcd, redis")
}

// row measures one kind of request at all contenders, A B C A B C.
func row(o options, groups map[string]contender, test, where string, clients int) error {
	got := map[string][]result{}
	for range o.runs {
		for _, name := range names(o) {
			c, write, leader := groups[name], test == "write", where == "leader"
			if !c.serves(write, leader) {
				continue
			}
			addr, err := c.addr(leader)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			time.Sleep(settle)
			before := load.Processor(c.pids()...)
			r, err := c.run(job{write: write, addr: addr, clients: clients, keys: o.keys, conns: o.conns, thread: o.thread, seconds: o.seconds})
			if err != nil {
				return fmt.Errorf("%s, %s on the %s, %d clients: %w", name, test, where, clients, err)
			}
			r.Nodes = load.Processor(c.pids()...) - before
			got[name] = append(got[name], r)
		}
	}
	show(o, got, test, where, clients)
	return nil
}

func header(o options) {
	all := names(o)
	fmt.Printf("| test | node | clients | %s/s | %s | p50 ms | p99 ms | processor us a request, nodes + clients |\n",
		strings.Join(all, "/s | "), strings.Join(ratios(o), " | "))
	fmt.Println("|" + strings.Repeat("---|", 6+len(all)+len(o.against)))
}

func ratios(o options) (list []string) {
	for _, name := range o.against {
		list = append(list, "to "+name)
	}
	if len(list) == 0 {
		list = []string{""}
	}
	return list
}

// show prints a row of the table; what was not measured is a dash.
func show(o options, got map[string][]result, test, where string, clients int) {
	ours := median(got["redoubt"])
	var rates, to, p50, p99, cost, failed []string
	for _, name := range names(o) {
		if len(got[name]) == 0 {
			rates, to, p50, p99, cost = append(rates, "-"), append(to, "-"), append(p50, "-"), append(p99, "-"), append(cost, "-")
			continue
		}
		m := median(got[name])
		rates = append(rates, fmt.Sprintf("%.0f", m.perSecond()))
		to = append(to, fmt.Sprintf("%.2f", ours.perSecond()/m.perSecond()))
		p50 = append(p50, fmt.Sprintf("%.2f", m.P50))
		p99 = append(p99, fmt.Sprintf("%.2f", m.P99))
		cost = append(cost, fmt.Sprintf("%.0f+%.0f", 1e6*m.Nodes/float64(m.Requests), 1e6*m.Clients/float64(m.Requests)))
		for _, r := range got[name] {
			if r.Failed > 0 {
				failed = append(failed, fmt.Sprintf("%s refused %d of %d requests of a run: %s (%s on the %s, %d clients, %.1f s)",
					name, r.Failed, r.Failed+r.Requests, r.Why, test, where, clients, r.Seconds))
			}
		}
	}
	to = to[1:]
	if len(to) == 0 {
		to = []string{""}
	}
	fmt.Printf("| %s | %s | %d | %s | %s | %s | %s | %s |\n", test, where, clients, strings.Join(rates, " | "), strings.Join(to, " | "),
		strings.Join(p50, " / "), strings.Join(p99, " / "), strings.Join(cost, " / "))
	for _, line := range failed {
		fmt.Fprintln(os.Stderr, line)
	}
}

// median of the rates; the rest is that of the median run.
func median(r []result) result {
	if len(r) == 0 {
		return result{}
	}
	s := slices.Clone(r)
	slices.SortFunc(s, func(a, b result) int {
		if a.perSecond() < b.perSecond() {
			return -1
		}
		return 1
	})
	return s[len(s)/2]
}
