package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	variants = 64 // different values, made before the clock starts
	replyMax = 30 * time.Second
)

// result is what a generator counted. etcdload prints one as JSON.
type result struct {
	Requests int     // answered in time
	Failed   int     // answered with an error
	Why      string  // the first error
	Seconds  float64 // that the run took
	P50      float64 // in milliseconds
	P99      float64
	Clients  float64 // seconds of processor of the generator
	Nodes    float64 // and of the three servers
}

func (r result) perSecond() float64 { return float64(r.Requests) / r.Seconds }

// generator is clients that speak RESP, each on its own connection with one request in flight.
type generator struct {
	job    job
	wait   bool // for one replica, after every write
	values []string
}

// run connects all clients, lets them go at once and returns what they did.
func (g generator) run() (result, error) {
	for i := range variants {
		g.values = append(g.values, load.Value(uint64(i), valueBytes))
	}
	workers := make([]*worker, g.job.clients)
	for i := range workers {
		c, err := wire.Dial(g.job.addr, replyMax)
		if err != nil {
			return result{}, err
		}
		defer c.Close()
		workers[i] = &worker{g: g, conn: c, random: rand.New(rand.NewPCG(uint64(i), 1))}
	}
	cpu, began := ownProcessor(), time.Now()
	var group sync.WaitGroup
	for _, w := range workers {
		w.end = began.Add(g.job.seconds)
		w.conn.Deadline(w.end.Add(replyMax))
		group.Go(w.run)
	}
	group.Wait()
	r := result{Seconds: time.Since(began).Seconds(), Clients: ownProcessor() - cpu}
	var took load.Latencies
	var errs []error
	for _, w := range workers {
		took = append(took, w.took...)
		r.Failed += w.failed
		if w.why != nil {
			r.Why = w.why.Error()
		}
		errs = append(errs, w.err)
	}
	r.Requests = len(took)
	r.P50, r.P99 = millis(took.At(0.5)), millis(took.At(0.99))
	return r, errors.Join(errs...)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// worker is one client.
type worker struct {
	g      generator
	conn   *wire.Conn
	random *rand.Rand
	end    time.Time
	took   load.Latencies
	failed int
	why    error // an error reply
	err    error // the connection's
}

func (w *worker) run() {
	for began := time.Now(); began.Before(w.end); {
		refused, err := w.request()
		if err != nil {
			w.err = err
			return
		}
		now := time.Now()
		if refused != nil {
			w.failed, w.why = w.failed+1, refused
		} else {
			w.took = append(w.took, now.Sub(began))
		}
		began = now
	}
}

// request sends one and reads its answer.
func (w *worker) request() (refused, err error) {
	key := name(w.random.IntN(w.g.job.keys))
	if !w.g.job.write {
		w.conn.Append("GET", key)
		return w.flush(1)
	}
	w.conn.Append("SET", key, w.g.values[w.random.IntN(variants)])
	if !w.g.wait {
		return w.flush(1)
	}
	w.conn.Append("WAIT", "1", "10000")
	return w.flush(2)
}

func (w *worker) flush(replies int) (refused, err error) {
	if err := w.conn.Flush(); err != nil {
		return nil, err
	}
	for i := range replies {
		r, err := w.conn.Read()
		if err != nil {
			return nil, err
		}
		switch {
		case r.Err() != nil:
			refused = r.Err()
		case r.Nil:
			refused = errors.New("a key that was written is not there")
		case i == 1 && r.Int < 1:
			refused = errors.New("WAIT: no replica in time")
		}
	}
	return refused, nil
}

func name(key int) string { return fmt.Sprintf("k%0*d", keyBytes-1, key) }

// fill writes every key once.
func fill(addr string, keys int) error {
	o := load.Options{Addr: addr, Connections: 4, Pipeline: 64}
	_, err := load.Each(o, keys, func(dst []string, i int) []string {
		return append(dst, "SET", name(i), load.Value(uint64(i), valueBytes))
	})
	return err
}
