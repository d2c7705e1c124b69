package main

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
	"github.com/redoubt-db/redoubt/test/wire"
)

// goroutines runs a goroutine for every client, which works on every system.
func (g generator) goroutines() (result, error) {
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
		w.conn.Deadline(w.end.Add(g.patience))
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
	if w.g.job.write {
		w.conn.Append("SET", key, w.g.values[w.random.IntN(variants)])
	} else {
		w.conn.Append("GET", key)
	}
	if w.g.wait {
		w.conn.Append("WAIT", "1", waitMillis)
	}
	if err := w.conn.Flush(); err != nil {
		return nil, err
	}
	for i := range w.g.replies() {
		r, err := w.conn.Read()
		if err != nil {
			return nil, err
		}
		if wrong := judge(i, r.Err(), r.Nil, r.Int); wrong != nil {
			refused = wrong
		}
	}
	return refused, nil
}
