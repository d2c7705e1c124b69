// Compaction measures what a client notices while superseded versions are removed: the latency of its SETs in a quiet server, and
// while a million versions are compacted.
//
//	make bench-compaction
//	go run ./bench/compaction -keys 100000 -versions 11
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	startMax = time.Minute
	replyMax = 5 * time.Minute
	asks     = 20 * time.Millisecond // between two questions whether it is done
)

type options struct {
	keys, versions int
	window         time.Duration
	server, dir    string
}

func main() {
	var o options
	flag.IntVar(&o.keys, "keys", 100_000, "how many")
	flag.IntVar(&o.versions, "versions", 11, "of every key; all but one are compacted")
	flag.DurationVar(&o.window, "window", 5*time.Second, "how long the quiet phase lasts")
	flag.StringVar(&o.server, "server", "redoubt", "redoubt (built here), or a command line with {port} and {dir}")
	flag.StringVar(&o.dir, "dir", "", "a folder on the disk to measure; empty is the system's for temporary files")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "compaction:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	base, err := os.MkdirTemp(o.dir, "redoubt-compaction-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	command, err := process.Resolve(o.server, base)
	if err != nil {
		return err
	}
	port, err := process.FreePort()
	if err != nil {
		return err
	}
	srv, err := process.Start(command, port, base, startMax, "--compaction", "off")
	if err != nil {
		return err
	}
	defer srv.Kill()
	took, err := load.Fill(load.Options{Addr: srv.Addr, Keys: o.keys, Versions: o.versions, ValueBytes: 64, Connections: 8, Pipeline: 128})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, srv.Tail())
	}
	fmt.Printf("%d keys, %d superseded versions, written in %.1f s; disk %d MiB\n", o.keys, o.keys*(o.versions-1), took.Seconds(), load.Disk(base)>>20)

	quiet, err := measure(srv, o, after(o.window))
	if err != nil {
		return err
	}
	show("quiet", quiet)
	gone, spent, err := compact(srv, o)
	if err != nil {
		return err
	}
	during, err := measure(srv, o, gone)
	if err != nil {
		return err
	}
	show("during", during)
	fmt.Printf("compaction took %s; p99 during / quiet = %.2f (to reach: at most 2); disk %d MiB\n", (<-spent).Round(time.Millisecond),
		float64(during.At(0.99))/float64(quiet.At(0.99)), load.Disk(base)>>20)
	return nil
}

func after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}

// compact asks for everything up to now to be compacted. The first channel is closed when that is done, the second one then tells how
// long it took.
func compact(srv *process.Server, o options) (<-chan struct{}, <-chan time.Duration, error) {
	c, err := wire.Dial(srv.Addr, replyMax)
	if err != nil {
		return nil, nil, err
	}
	now, err := c.Do("REVISION")
	if err != nil {
		return nil, nil, fmt.Errorf("REVISION: %w", err)
	}
	if _, err = c.Do("COMPACT", strconv.FormatInt(now.Int, 10)); err != nil {
		return nil, nil, fmt.Errorf("COMPACT: %w", err)
	}
	done, spent := make(chan struct{}), make(chan time.Duration, 1)
	began := time.Now()
	go func() {
		defer close(done)
		defer c.Close()
		tick := time.NewTicker(asks)
		defer tick.Stop()
		for range tick.C {
			left, err := garbage(c)
			if err != nil {
				fmt.Fprintln(os.Stderr, "compaction:", err)
			}
			if left <= 0 {
				spent <- time.Since(began)
				return
			}
		}
	}()
	return done, spent, nil
}

// garbage returns the versions that are compacted and wait to be removed, as INFO tells them.
func garbage(c *wire.Conn) (int64, error) {
	info, err := c.Do("INFO", "everything")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info.Text) {
		if n, ok := strings.CutPrefix(line, "revision_garbage:"); ok {
			return strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		}
	}
	return 0, errors.New("INFO has no field revision_garbage")
}

// measure writes one SET after the other until the channel is closed.
func measure(srv *process.Server, o options, until <-chan struct{}) (load.Latencies, error) {
	c, err := wire.Dial(srv.Addr, replyMax)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var took load.Latencies
	for n := 0; ; n++ {
		select {
		case <-until:
			return took, nil
		default:
		}
		key := load.Name(n * 7919 % o.keys)
		began := time.Now()
		if _, err := c.Do("SET", key, load.Value(uint64(n), 64)); err != nil {
			return nil, fmt.Errorf("SET: %w\n%s", err, srv.Tail())
		}
		took = append(took, time.Since(began))
	}
}

func show(phase string, l load.Latencies) {
	fmt.Printf("%-7s %7d SETs  p50 %s  p90 %s  p99 %s  p99.9 %s  max %s\n", phase, len(l), us(l.At(0.5)), us(l.At(0.9)), us(l.At(0.99)), us(l.At(0.999)), us(l.At(1)))
}

func us(d time.Duration) string { return fmt.Sprintf("%d us", d.Microseconds()) }
