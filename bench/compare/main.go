// Compare runs redis-benchmark against redis-server, with an fsync before every acknowledgement, and against redoubt, in turn on the
// same disk, and prints the ratios of the medians. Above 1 redoubt is faster. Where the speed of the host varies, as it does by two where it is
// virtual, what the server's processors took for a request says more than the clock: it stands beside.
//
//	make bench
//	go run ./bench/compare -runs 5 -tests SET -pipelines 1,16
//	go run ./bench/compare -tests writes,hot
//
// What there is to run is in tests.go.
package main

import (
	"cmp"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
	"github.com/redoubt-db/redoubt/test/process"
)

const (
	clients    = 50
	keys       = 100_000
	valueBytes = 64
	trialSize  = 20_000 // requests of the run that sizes the others, if the test does not say
	startMax   = time.Minute
)

type options struct {
	runs      int
	tests     []test
	pipelines []int
	seconds   float64
	dir       string
	one       bool
	profile   string
	pprof     string
	commands  [2]string // redis, redoubt
}

// contender is one of the two servers.
type contender struct {
	name string
	srv  *process.Server
	dir  string
}

func main() {
	o := parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func parse() options {
	var o options
	var tests, pipelines string
	flag.IntVar(&o.runs, "runs", 5, "runs of each, in turn; the median counts")
	flag.StringVar(&tests, "tests", "all", "tests by name or group, with commas between: "+strings.Join(names(), " "))
	flag.StringVar(&pipelines, "pipelines", "1,16,64", "requests in flight per client, of those that the test is for")
	flag.Float64Var(&o.seconds, "seconds", 2.5, "how long a run shall take")
	flag.StringVar(&o.dir, "dir", "", "a folder on the disk to measure; empty is the system's for temporary files")
	flag.BoolVar(&o.one, "one", true, "also one client alone, beside one fdatasync")
	flag.StringVar(&o.commands[0], "redis", "redis", "the server to compare with: redis, or a command line with {port} and {dir}")
	flag.StringVar(&o.commands[1], "redoubt", "redoubt", "redoubt (built here), or a command line with {port} and {dir}")
	flag.StringVar(&o.profile, "profile", "", "folder for CPU profiles of redoubt, one of each test (needs -pprof)")
	flag.StringVar(&o.pprof, "pprof", "", "where redoubt serves net/http/pprof, such as http://127.0.0.1:6060")
	flag.Parse()
	var err error
	if o.tests, err = choose(tests); err != nil {
		fmt.Fprintln(os.Stderr, "compare: -tests:", err)
		os.Exit(2)
	}
	for _, p := range strings.Split(pipelines, ",") {
		n, err := strconv.Atoi(p)
		if err != nil {
			fmt.Fprintln(os.Stderr, "compare: -pipelines:", err)
			os.Exit(2)
		}
		o.pipelines = append(o.pipelines, n)
	}
	return o
}

func run(o options) error {
	base, err := os.MkdirTemp(o.dir, "redoubt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	var pair [2]contender
	for i, name := range []string{"redis", "redoubt"} {
		if pair[i], err = start(name, o.commands[i], base); err != nil {
			return err
		}
		defer pair[i].srv.Kill()
	}
	for _, c := range pair {
		if err := prepare(c.srv.Addr, o.tests); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	fmt.Printf("%d clients, %d-byte values, %d keys, %d runs of %.1f s in turn, medians\n\n", clients, valueBytes, keys, o.runs, o.seconds)
	fmt.Print("Processor: what the server takes, in the program and in the system. Below 1 redoubt takes less.\n\n")
	fmt.Println("| test | pipeline | redis/s | redoubt/s | ratio | to reach | processor us a request | ratio | p50 ms | p99 ms |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, test := range o.tests {
		for _, pipeline := range o.pipelines {
			if !slices.Contains(test.pipelines, pipeline) {
				continue
			}
			if err := row(o, pair, test, pipeline); err != nil {
				return err
			}
		}
	}
	if o.one {
		return alone(o, pair, base)
	}
	return nil
}

func start(name, command, base string) (contender, error) {
	c := contender{name: name, dir: filepath.Join(base, name+"-data")}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return c, err
	}
	command, err := process.Resolve(command, base)
	if err != nil {
		return c, err
	}
	port, err := process.FreePort()
	if err != nil {
		return c, err
	}
	if c.srv, err = process.Start(command, port, c.dir, startMax); err != nil {
		return c, err
	}
	_, err = load.Fill(load.Options{Addr: c.srv.Addr, Keys: keys, ValueBytes: valueBytes, Connections: 4, Pipeline: 256})
	return c, err
}

// row measures both servers at one test and pipeline, A B A B. A server that does not know the command is left out of it.
func row(o options, pair [2]contender, test test, pipeline int) error {
	var known [2]bool
	var size [2]int
	var got [2][]result
	for i, c := range pair {
		var err error
		if known[i], err = knows(c.srv.Addr, test.needs...); err != nil {
			return err
		}
		if !known[i] {
			continue
		}
		r, err := benchmark(c, test, clients, pipeline, test.trial)
		if err != nil {
			return err
		}
		size[i] = max(int(r.perSecond*o.seconds), test.trial)
	}
	profiled := profile(o, test.name, pipeline)
	for range o.runs {
		for i, c := range pair {
			if !known[i] {
				continue
			}
			r, err := benchmark(c, test, clients, pipeline, size[i])
			if err != nil {
				return err
			}
			got[i] = append(got[i], r)
		}
	}
	<-profiled
	fmt.Println(line(test, pipeline, got))
	return nil
}

// line is a row of the table; what was not measured is a dash.
func line(test test, pipeline int, got [2][]result) string {
	pair := func(text func(result) string) [2]string {
		out := [2]string{"-", "-"}
		for i, r := range got {
			if len(r) > 0 {
				out[i] = text(median(r))
			}
		}
		return out
	}
	ratio := func(of func(result) float64) string {
		if len(got[0]) == 0 || len(got[1]) == 0 {
			return "-"
		}
		redis, ours := of(median(got[0])), of(median(got[1]))
		if redis == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f", ours/redis)
	}
	goal := ""
	if g, ok := test.goals[pipeline]; ok {
		goal = fmt.Sprintf("%.1f", g)
	}
	rates := pair(func(r result) string { return fmt.Sprintf("%.0f", r.perSecond) })
	cost := pair(func(r result) string { return fmt.Sprintf("%.2f", 1e6*r.processor) })
	p50 := pair(func(r result) string { return fmt.Sprintf("%.2f", r.p50) })
	p99 := pair(func(r result) string { return fmt.Sprintf("%.2f", r.p99) })
	return fmt.Sprintf("| %s | %d | %s | %s | %s | %s | %s / %s | %s | %s / %s | %s / %s |", test.name, pipeline,
		rates[0], rates[1], ratio(func(r result) float64 { return r.perSecond }), goal,
		cost[0], cost[1], ratio(func(r result) float64 { return r.processor }), p50[0], p50[1], p99[0], p99[1])
}

// alone measures one client without a pipeline beside a bare fdatasync.
func alone(o options, pair [2]contender, base string) error {
	var p50, cost [2]float64
	var bare [2]time.Duration
	for i, c := range pair {
		var got []result
		for range o.runs {
			r, err := benchmark(c, test{name: "SET"}, 1, 1, trialSize/4)
			if err != nil {
				return err
			}
			got = append(got, r)
		}
		m := median(got)
		p50[i], cost[i] = 1000*m.p50, 1e6*m.processor
	}
	for i, grow := range []bool{true, false} {
		var err error
		if bare[i], err = fdatasync(filepath.Join(base, "sync"), grow); err != nil {
			return err
		}
	}
	sync := float64(bare[0].Microseconds())
	fmt.Printf("\nOne client, SET, p50: redis %.0f us, redoubt %.0f us; one fdatasync %.0f us (in place: %d us); to reach: %.0f us. Processor: redis %.0f us, redoubt %.0f us.\n",
		p50[0], p50[1], sync, bare[1].Microseconds(), max(1.5*sync, sync+100), cost[0], cost[1])
	return nil
}

// fdatasync returns the median time of one small write and its fdatasync, at the end of a file or in the middle of a
// preallocated one.
func fdatasync(path string, grow bool) (time.Duration, error) {
	const rounds, record = 2000, 128
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	defer f.Close()
	data := []byte(load.Value(1, record))
	if !grow {
		for range rounds {
			f.Write(data)
		}
		f.Sync()
		f.Seek(0, io.SeekStart)
	}
	var took load.Latencies
	for range rounds {
		began := time.Now()
		if _, err := f.Write(data); err != nil {
			return 0, err
		}
		if err := dataSync(f); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return took.At(0.5), nil
}

// result is what one run says.
type result struct {
	perSecond float64
	processor float64 // seconds of the server a request
	p50, p99  float64 // milliseconds
}

// median of the rates, and that of processor time, which may be of another run: the host's speed is in both, but what else runs on the
// machine is hardly in the second. The latencies are those of the run with the median rate.
func median(r []result) result {
	middle := func(by func(result) float64) result {
		s := slices.Clone(r)
		slices.SortFunc(s, func(a, b result) int { return cmp.Compare(by(a), by(b)) })
		return s[len(s)/2]
	}
	m := middle(func(r result) float64 { return r.perSecond })
	m.processor = middle(func(r result) float64 { return r.processor }).processor
	return m
}

// benchmark runs redis-benchmark once.
func benchmark(c contender, test test, clients, pipeline, requests int) (result, error) {
	if test.before != nil {
		if err := test.before(c.srv.Addr, requests); err != nil {
			return result{}, fmt.Errorf("before %s on %s: %w", test.name, c.name, err)
		}
	}
	args := []string{"-p", strconv.Itoa(c.srv.Port), "-c", strconv.Itoa(clients), "-d", strconv.Itoa(valueBytes),
		"-r", strconv.Itoa(max(test.random, keys)), "-n", strconv.Itoa(requests), "-P", strconv.Itoa(pipeline), "--csv"}
	if test.command == nil {
		args = append(args, "-t", strings.ToLower(test.name))
	}
	before := load.Processor(c.srv.Pid)
	out, err := exec.Command("redis-benchmark", append(args, test.command...)...).Output()
	took := load.Processor(c.srv.Pid) - before
	if err != nil {
		return result{}, fmt.Errorf("redis-benchmark on %s: %w\n%s", c.name, err, c.srv.Tail())
	}
	rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil || len(rows) < 2 || len(rows[1]) < 7 {
		return result{}, fmt.Errorf("redis-benchmark on %s printed %q", c.name, out)
	}
	number := func(i int) float64 { f, _ := strconv.ParseFloat(rows[1][i], 64); return f }
	return result{perSecond: number(1), processor: took / float64(requests), p50: number(4), p99: number(6)}, nil
}

// profile fetches a CPU profile of redoubt while the runs go on; the channel is closed when it is written.
func profile(o options, test string, pipeline int) <-chan struct{} {
	done := make(chan struct{})
	if o.profile == "" || o.pprof == "" {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		seconds := int(2 * o.seconds * float64(o.runs))
		r, err := http.Get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", o.pprof, seconds))
		if err != nil {
			fmt.Fprintln(os.Stderr, "compare: no profile:", err)
			return
		}
		defer r.Body.Close()
		f, err := os.Create(filepath.Join(o.profile, fmt.Sprintf("%s-%d.prof", strings.ToLower(test), pipeline)))
		if err == nil {
			_, err = io.Copy(f, r.Body)
			f.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "compare: no profile:", err)
		}
	}()
	return done
}
