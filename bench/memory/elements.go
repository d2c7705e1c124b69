package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
)

const elementsGoal = 2.0 // times the memory of Redis, at most

// elements loads each of the collections, or the one that -shape names, into both servers and prints what they take beside one another: all that is resident, and
// what is so above the same server without a key. The first is what a machine must have; the second is what an element costs, and what
// the ratio comes to where there are many.
func elements(o options) error {
	base, err := os.MkdirTemp(o.dir, "redoubt-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	ours, err := process.Resolve(o.server, base)
	if err != nil {
		return err
	}
	fmt.Printf("Resident, MiB: all, anonymous + of files. Above empty: bytes of each of %d, less what the server takes without a key.\n\n", o.keys)
	fmt.Println("| shape | redis-server | redoubt, compacted | ratio | above empty: redis | redoubt | ratio | to reach |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, s := range shapes {
		if !s.bar || o.shape.bar && s.name != o.shape.name {
			continue
		}
		this := o
		this.shape = s
		var got [2]sample
		for i, command := range []string{process.Redis, ours} {
			if got[i], err = take(this, command, filepath.Join(base, fmt.Sprint(s.name, i)), i == 1); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		fmt.Println(beside(s, o.keys, got[0], got[1]))
	}
	return nil
}

// sample is one server's memory before and after a load.
type sample struct{ empty, full footprint }

// each is what an element takes, in bytes.
func (s sample) each(n int) float64 { return float64(s.full.total()-s.empty.total()) / float64(n) }

// take starts a server, loads it and, where it keeps a past, has it forget that.
func take(o options, command, dir string, past bool) (s sample, err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	port, err := process.FreePort()
	if err != nil {
		return s, err
	}
	srv, err := process.Start(command, port, dir, startMax)
	if err != nil {
		return s, err
	}
	defer srv.Kill()
	time.Sleep(o.rest) // as what a start has touched is given back late, too
	if s.empty, err = footprintOf(srv.Pid); err != nil {
		return s, err
	}
	if _, err = o.shape.load(o, srv.Addr); err != nil {
		return s, fmt.Errorf("%w\n%s", err, srv.Tail())
	}
	if past {
		if _, err = compact(srv); err != nil {
			return s, err
		}
	}
	time.Sleep(o.rest)
	s.full, err = footprintOf(srv.Pid)
	return s, err
}

// beside is a row of the table.
func beside(s shape, n int, redis, ours sample) string {
	cell := func(f footprint) string {
		return fmt.Sprintf("%d, %d + %d", mib(f.total()), mib(f.anonymous), mib(f.file))
	}
	return fmt.Sprintf("| %s | %s | %s | %.2f | %.1f | %.1f | %.2f | %.1f |", s.name, cell(redis.full), cell(ours.full),
		float64(ours.full.total())/float64(redis.full.total()), redis.each(n), ours.each(n), ours.each(n)/redis.each(n), elementsGoal)
}
