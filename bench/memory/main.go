// Memory loads millions of keys or elements into a server and prints what they cost: time to load, resident memory and disk
// of each, and the time to start again. What can be loaded is in shapes.go.
//
//	make bench-memory
//	go run ./bench/memory -keys 10000000 -server redoubt -ttl 24h
//	go run ./bench/memory -shape zset -server redis
//	go run ./bench/memory -elements
//	go run ./bench/memory -elements -shape list
//
// What redoubt keeps of the past is part of what it takes, and compacted then: both are printed.
//
// Beside the time on the clock stands that of the server's processors, which holds on a machine that does other things too.
//
// redis-server starts again from an RDB file (SAVE), the fastest way it has; redoubt from its directory as a kill -9 left it, and
// as a clean stop left it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	startMax = 10 * time.Minute
	stopMax  = 2 * time.Minute
	saveMax  = 10 * time.Minute

	// redisAgain starts redis-server from its RDB file.
	redisAgain = "redis-server --port {port} --dir {dir} --appendonly no --save ''"
)

type options struct {
	shape      shape
	keys       int
	valueBytes int
	ttl        time.Duration
	server     string
	dir        string
	pipeline   int
	rest       time.Duration // before memory is looked at
}

func main() {
	var o options
	name := flag.String("shape", "keys", "what to load: "+strings.Join(shapeNames(), ", "))
	flag.IntVar(&o.keys, "keys", 1_000_000, "how many keys or, of one collection, elements")
	flag.IntVar(&o.valueBytes, "value", 64, "bytes of every value of a key")
	flag.DurationVar(&o.ttl, "ttl", 0, "of every key; 0 is none; of -shape keys only")
	flag.StringVar(&o.server, "server", "redoubt", "redoubt (built here), redis, or a command line with {port} and {dir}")
	flag.StringVar(&o.dir, "dir", "", "a folder on the disk to measure; empty is the system's for temporary files")
	flag.IntVar(&o.pipeline, "pipeline", 256, "requests in flight per connection")
	flag.DurationVar(&o.rest, "rest", 10*time.Second, "how long a server is left alone before its memory is looked at: both give back late what a load has freed")
	table := flag.Bool("elements", false, "both servers, all collections that have a ratio to reach or the one of -shape, as a table")
	flag.Parse()
	var err error
	if o.shape, err = shapeOf(*name); err == nil {
		if *table {
			err = elements(o)
		} else {
			err = run(o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	base, err := os.MkdirTemp(o.dir, "redoubt-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	command, err := process.Resolve(o.server, base)
	if err != nil {
		return err
	}
	dir := filepath.Join(base, "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	port, err := process.FreePort()
	if err != nil {
		return err
	}
	srv, err := process.Start(command, port, dir, startMax)
	if err != nil {
		return err
	}
	time.Sleep(o.rest)
	empty, _ := footprintOf(srv.Pid)
	took, err := o.shape.load(o, srv.Addr)
	if err != nil {
		srv.Kill()
		return fmt.Errorf("%w\n%s", err, srv.Tail())
	}
	fmt.Printf("%s: %d %s\n", o.server, o.keys, o.shape.says(o))
	fmt.Printf("  load          %8.1f s   %.0f a second, %.1f s of processor\n", took.Seconds(), float64(o.keys)/took.Seconds(), load.Processor(srv.Pid))
	report(o, "after load", srv, empty, dir)
	if strings.HasPrefix(command, "redis-server") {
		return againRedis(o, srv, port, dir)
	}
	parts(srv)
	if took, err = compact(srv); err != nil {
		return err
	}
	fmt.Printf("  compaction    %8.1f s\n", took.Seconds())
	report(o, "history compacted", srv, empty, dir)
	parts(srv)
	return again(o, srv, command, port, dir)
}

// againRedis saves, starts from the RDB file and checks the number of keys.
func againRedis(o options, srv *process.Server, port int, dir string) error {
	c, err := wire.Dial(srv.Addr, saveMax)
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err = c.Do("SAVE"); err != nil {
		return err
	}
	c.Close()
	fmt.Printf("  SAVE          %8.1f s\n", time.Since(began).Seconds())
	srv.Kill()
	return restart(o, "start from RDB", redisAgain, port, dir)
}

// again starts after a kill and after a clean stop.
func again(o options, srv *process.Server, command string, port int, dir string) error {
	srv.Kill()
	if err := restart(o, "start, killed", command, port, dir); err != nil {
		return err
	}
	return restart(o, "start, stopped", command, port, dir)
}

// restart starts the server, measures it and stops it cleanly.
func restart(o options, what, command string, port int, dir string) error {
	began := time.Now()
	srv, err := process.Start(command, port, dir, startMax)
	if err != nil {
		return err
	}
	defer srv.Kill()
	fmt.Printf("  %-14s%8.1f s   %.1f s of processor\n", what, time.Since(began).Seconds(), load.Processor(srv.Pid))
	report(o, "", srv, footprint{}, dir)
	c, err := wire.Dial(srv.Addr, saveMax)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := o.shape.check(o, c); err != nil {
		return err
	}
	return srv.Stop(stopMax)
}

// report prints memory and disk. The process with no keys in it costs what it costs: that is said beside, as an element is cheaper than it
// looks where there are few.
func report(o options, when string, srv *process.Server, empty footprint, dir string) {
	time.Sleep(o.rest)
	now, err := footprintOf(srv.Pid)
	if err != nil {
		return
	}
	disk := load.Disk(dir)
	per := func(n int64) string { return strconv.FormatFloat(float64(n)/float64(o.keys), 'f', 1, 64) }
	fmt.Printf("  resident      %s, %s bytes each", now, per(now.total()))
	if when != "" {
		fmt.Printf(" (%s; peak %d MiB)\n  above empty   %s bytes each; empty it was %s", when, srv.PeakRSS()>>20, per(now.total()-empty.total()), empty)
	}
	fmt.Printf("\n  disk          %d MiB, %s bytes each\n", disk>>20, per(disk))
}
