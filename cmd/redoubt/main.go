// Command redoubt is the server: redoubt [redis.conf] [--directive value ...],
// and the tools beside it: redoubt backup, restore and recover.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/internal/malloc"
	"github.com/redoubt-db/redoubt/internal/procs"
	"github.com/redoubt-db/redoubt/server"
	"golang.org/x/sys/unix"
)

// version of the program.
const version = "0.1.0"

// reservedFiles are descriptors kept for the log, the store and Raft beside maxclients, as Redis keeps 32:
// without one, an accept on the Raft port would end the process.
const reservedFiles = 1024

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 {
		switch args[0] {
		case "-v", "--version":
			fmt.Println("Redoubt server v=" + version)
			return nil
		case "-h", "--help":
			fmt.Print(usage)
			return nil
		}
	}
	if known, err := runTool(args); known {
		return err
	}
	set, notices, err := conf.Load(args, os.Stdin)
	if err != nil {
		return err
	}
	logger, err := openLog(set)
	if err != nil {
		return err
	}
	logger.Info("Redoubt is starting", "version", version, "pid", os.Getpid())
	logNotices(logger, notices)
	raiseFileLimit(logger, set.Int("maxclients"))
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	malloc.GiveBack()
	if path := set.String("pidfile"); path != "" {
		if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err == nil {
			defer os.Remove(path)
		}
	}
	err = serve(set, logger)
	if err != nil && set.String("logfile") != "" {
		logger.Error(err.Error()) // where it is looked for; main says it where there is no log
	}
	return err
}

// gcPercent trades some collector time for memory: the data is outside Go's heap, so the heap is small
// and mostly garbage.
const gcPercent = 100

func serve(set *conf.Set, logger *slog.Logger) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP) // as Redis: a terminal that is closed ends no server
	shutdown := make(chan string, 1)
	o := server.Options{Conf: set, Log: logger, Version: version, Wall: wallClock(os.Getenv(testClock))}
	o.Fatal = func(reason string) {
		logger.Error("Redoubt cannot go on: " + reason)
		os.Exit(1)
	}
	o.Shutdown = func(by string) {
		select {
		case shutdown <- by:
		default: // it has been asked for already
		}
	}
	if err := procs.ShortTurns(); err != nil {
		logger.Debug("slices of processor time are as they were", "err", err)
	}
	tuner := newTuner(set)
	o.Heavy = tuner.Heavy
	srv, err := open(o, signals, shutdown)
	if srv == nil || err != nil {
		return err
	}
	tuner.Start(func() procs.Counts { return procs.Counts(srv.Traffic()) })
	defer tuner.Stop()
	debug.FreeOSMemory() // what the start read is garbage by now, and the collector would wait for as much again
	logger.Info("Ready to accept connections", "addresses", strings.Join(srv.Addresses(), " "))
	select {
	case sig := <-signals:
		logger.Info("Received " + strings.ToUpper(sig.String()) + ", scheduling shutdown")
	case by := <-shutdown:
		logger.Info("User requested shutdown", "by", by)
	}
	go func() {
		<-signals // who asks twice does not wait
		os.Exit(1)
	}()
	return srv.Close()
}

// newTuner is nil where the user has said how many processors there are to be, or that there is to be more than one
// event loop.
func newTuner(set *conf.Set) *procs.Tuner {
	if os.Getenv("GOMAXPROCS") != "" || set.Int("io-threads") > 1 {
		return nil
	}
	return procs.New()
}

// open starts the server, unless it is asked to end while it waits for a quorum of its cluster: then there is nothing to
// be ended in order, as nothing was acknowledged.
func open(o server.Options, signals <-chan os.Signal, shutdown <-chan string) (*server.Server, error) {
	type opened struct {
		srv *server.Server
		err error
	}
	done := make(chan opened, 1)
	go func() {
		srv, err := server.Open(o)
		done <- opened{srv, err}
	}()
	select {
	case d := <-done:
		return d.srv, d.err
	case sig := <-signals:
		o.Log.Info("Received " + strings.ToUpper(sig.String()) + " before the start was done, ending")
	case <-shutdown:
		o.Log.Info("User requested shutdown before the start was done, ending")
	}
	return nil, nil
}

// openLog writes to logfile, or to standard output, as Redis does.
func openLog(set *conf.Set) (*slog.Logger, error) {
	var out io.Writer = os.Stdout
	if path := set.String("logfile"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, fmt.Errorf("Can't open the log file: %w", err)
		}
		out = f
	}
	level := slog.LevelInfo
	switch set.String("loglevel") {
	case "debug", "verbose":
		level = slog.LevelDebug
	case "warning":
		level = slog.LevelWarn
	}
	logger := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))
	log.SetOutput(os.Stderr)
	return logger, nil
}

func logNotices(logger *slog.Logger, notices []conf.Notice) {
	for _, n := range notices {
		logger.Info(n.Text, "directive", n.Directive)
	}
}

// raiseFileLimit asks for descriptors for all clients and our own files.
func raiseFileLimit(logger *slog.Logger, clients int64) {
	want := clients + reservedFiles
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || !below(limit.Cur, want) {
		return
	}
	allow(&limit.Cur, &limit.Max, want)
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	if errors.Is(err, unix.EPERM) {
		limit.Cur = limit.Max
		err = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	if err != nil || below(limit.Cur, want) {
		logger.Warn("the limit of open files is too low for maxclients", "maxclients", clients, "open files", limit.Cur)
	}
}

// below and allow are for numbers of a type that differs between systems.
func below[T int64 | uint64](limit T, want int64) bool { return limit < T(want) }

func allow[T int64 | uint64](limit, hard *T, want int64) {
	*limit, *hard = T(want), max(T(want), *hard)
}

const usage = `Usage: redoubt [/path/to/redis.conf] [options] [-]
       redoubt - (read config from stdin)
       redoubt -v or --version
       redoubt -h or --help
       redoubt backup | restore | recover [--help]

Examples:
       redoubt (a durable node on 127.0.0.1:6379, data in ./redoubt-data)
       redoubt /etc/redoubt/6379.conf
       redoubt --port 7777 --dir /var/lib/redoubt
       redoubt --port 7777 --maxmemory 2gb --requirepass secret
       redoubt --port 7002 --dir b --join 127.0.0.1:7001 (a further node of a cluster)
       redoubt backup --from 127.0.0.1:7001 --out monday.backup
       redoubt restore --from monday.backup --dir c (a new cluster of one)
       redoubt recover --dir a (all that is left of a cluster becomes a cluster of one)
`
