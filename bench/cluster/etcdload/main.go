// Etcdload is the load that bench/cluster puts on etcd: clients with one request in flight each, which share a connection, as goroutines of
// one program do. They go through etcd's own client library, which is what etcd's users run, or through plain gRPC with etcd's own messages,
// which is the least that a request can cost a generator: the difference is what the library takes of the processors that the nodes
// run on too. It prints what bench/cluster calls a result. It is a module of its own, so that none of this is a dependency of the server.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	variants = 64 // different values, made before the clock starts
	dialMax  = 10 * time.Second
	letters  = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
)

// store is a connection to a node.
type store interface {
	put(key, value string) error
	// read is linearizable. It tells how many values the key has.
	read(key string) (int, error)
	close()
}

// dials are the ways there are, by what -client calls them.
var dials = map[string]func(ctx context.Context, addr string) (store, error){"own": dialOwn, "raw": dialRaw}

type options struct {
	test    string
	client  string
	addr    string
	clients int
	conns   int
	keys    int
	bytes   int
	seconds float64
}

// result has the fields of the one in bench/cluster.
type result struct {
	Requests int
	Failed   int
	Why      string
	Seconds  float64
	P50      float64
	P99      float64
	Clients  float64
}

func main() {
	var o options
	flag.StringVar(&o.test, "test", "put", "put, range (linearizable), or fill: every key once")
	flag.StringVar(&o.client, "client", "own", "own, etcd's client library, or raw, gRPC with nothing in between")
	flag.StringVar(&o.addr, "addr", "127.0.0.1:2379", "the node")
	flag.IntVar(&o.clients, "clients", 50, "requests in flight")
	flag.IntVar(&o.conns, "conns", 1, "connections that the clients share")
	flag.IntVar(&o.keys, "keys", 20_000, "keys")
	flag.IntVar(&o.bytes, "bytes", 256, "of a value")
	flag.Float64Var(&o.seconds, "seconds", 2, "how long")
	flag.Parse()
	r, err := run(o)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcdload:", err)
		os.Exit(1)
	}
}

func run(o options) (result, error) {
	dial, ok := dials[o.client]
	if !ok {
		return result{}, fmt.Errorf("-client is own or raw, not %q", o.client)
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialMax)
	defer cancel()
	var stores []store
	for range max(1, min(o.conns, o.clients)) {
		s, err := dial(ctx, o.addr)
		if err != nil {
			return result{}, err
		}
		defer s.close()
		stores = append(stores, s)
	}
	values := values(o.bytes)
	workers := make([]*worker, o.clients)
	for i := range workers {
		workers[i] = &worker{o: o, store: stores[i%len(stores)], values: values, random: rand.New(rand.NewPCG(uint64(i), 1))}
	}
	cpu, began := processor(), time.Now()
	var group sync.WaitGroup
	for i, w := range workers {
		w.end = began.Add(time.Duration(o.seconds * float64(time.Second)))
		w.from, w.to = o.keys*i/o.clients, o.keys*(i+1)/o.clients
		group.Go(w.run)
	}
	group.Wait()
	return sum(workers, time.Since(began), processor()-cpu, o.test == "fill")
}

func values(size int) (all []string) {
	for range variants {
		v := make([]byte, size)
		for i := range v {
			v[i] = letters[rand.IntN(len(letters))]
		}
		all = append(all, string(v))
	}
	return all
}

// sum adds the workers up. Only a fill must not miss a key.
func sum(workers []*worker, took time.Duration, cpu float64, strict bool) (result, error) {
	r := result{Seconds: took.Seconds(), Clients: cpu}
	var all []time.Duration
	for _, w := range workers {
		all = append(all, w.took...)
		r.Failed += w.failed
		if w.why != nil {
			r.Why = w.why.Error()
		}
	}
	if r.Requests = len(all); r.Requests == 0 || strict && r.Failed > 0 {
		return r, fmt.Errorf("%d requests answered, %d failed: %s", r.Requests, r.Failed, r.Why)
	}
	slices.Sort(all)
	r.P50, r.P99 = millis(all[len(all)/2]), millis(all[len(all)*99/100])
	return r, nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// processor returns the seconds of processor that this process has used.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}

// worker is one client.
type worker struct {
	o        options
	store    store
	values   []string
	random   *rand.Rand
	end      time.Time
	from, to int // the keys of a fill
	took     []time.Duration
	failed   int
	why      error
}

func (w *worker) run() {
	if w.o.test == "fill" {
		for key := w.from; key < w.to; key++ {
			w.note(w.put(key), 0)
		}
		return
	}
	for began := time.Now(); began.Before(w.end); {
		key := w.random.IntN(w.o.keys)
		var err error
		if w.o.test == "put" {
			err = w.put(key)
		} else {
			err = w.read(key)
		}
		now := time.Now()
		w.note(err, now.Sub(began))
		began = now
	}
}

func (w *worker) note(err error, took time.Duration) {
	if err != nil {
		w.failed, w.why = w.failed+1, err
		return
	}
	w.took = append(w.took, took)
}

func (w *worker) put(key int) error {
	return w.store.put(name(key), w.values[w.random.IntN(variants)])
}

func (w *worker) read(key int) error {
	n, err := w.store.read(name(key))
	if err == nil && n != 1 {
		err = errors.New("a key that was written is not there")
	}
	return err
}

func name(key int) string { return fmt.Sprintf("k%08d", key) }
