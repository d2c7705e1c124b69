package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
)

const (
	variants = 64 // different values, made before the clock starts
	replyMax = 30 * time.Second

	waitMillis = "10000" // for one replica
)

// result is what a generator counted. etcdload prints one as JSON.
type result struct {
	Requests int     // answered in time
	Failed   int     // answered with an error
	Why      string  // the last error
	Seconds  float64 // that the run took
	P50      float64 // in milliseconds
	P99      float64
	Clients  float64 // seconds of processor of the generator
	Nodes    float64 // and of the three servers
}

func (r result) perSecond() float64 { return float64(r.Requests) / r.Seconds }

// generator is clients that speak RESP, each on its own connection with one request in flight. What they are is chosen by the job: one thread
// for all of them, or a goroutine each. The servers and their clients share the processors, so what a client takes a server
// lacks, and the thread takes the least.
type generator struct {
	job      job
	wait     bool          // for one replica, after every write
	patience time.Duration // with what is in flight at the end; 0 is replyMax
	values   []string
}

// run connects all clients, lets them go at once and returns what they did.
func (g generator) run() (result, error) {
	for i := range variants {
		g.values = append(g.values, load.Value(uint64(i), valueBytes))
	}
	if g.patience == 0 {
		g.patience = replyMax
	}
	if g.job.thread {
		return g.thread()
	}
	return g.goroutines()
}

// replies are how many a request gets.
func (g generator) replies() int {
	if g.wait {
		return 2
	}
	return 1
}

// judge tells what is wrong with the i-th reply of a request, whoever has read it.
func judge(i int, refused error, missing bool, number int64) error {
	switch {
	case refused != nil:
		return refused
	case missing:
		return errors.New("a key that was written is not there")
	case i == 1 && number < 1:
		return errors.New("WAIT: no replica in time")
	}
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func name(key int) string { return fmt.Sprintf("k%0*d", keyBytes-1, key) }

// fill writes every key once.
func fill(addr string, keys int) error {
	o := load.Options{Addr: addr, Connections: 4, Pipeline: 64}
	_, err := load.Each(o, keys, func(dst []string, i int) []string {
		return append(dst, "SET", name(i), load.Value(uint64(i), valueBytes))
	})
	return err
}
