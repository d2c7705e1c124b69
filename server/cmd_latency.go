package server

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/resp"
)

// latencySamplesMax is how many samples of an event are kept, as in Redis.
const latencySamplesMax = 160

// latency keeps samples of events that took longer than latency-monitor-threshold. Events are "command" and
// "fast-command", as in Redis.
type latency struct {
	threshold atomic.Int64 // nanoseconds; 0 is off
	tracking  atomic.Bool  // histograms per command

	mu     sync.Mutex
	events map[string]*latencyEvent
}

type latencyEvent struct {
	samples []latencySample // oldest first
	max     int64
}

type latencySample struct {
	at     int64 // Unix seconds
	millis int64
}

func (l *latency) configure(view *conf.View) {
	l.threshold.Store(view.Int("latency-monitor-threshold") * int64(time.Millisecond))
	l.tracking.Store(view.Bool("latency-tracking"))
}

// command notes one run.
func (l *latency) command(e *entry, nanos int64) {
	if l.tracking.Load() {
		e.stats.latency.record(nanos)
	}
	if t := l.threshold.Load(); t > 0 && nanos >= t {
		name := "command"
		if e.Flags&command.Fast != 0 {
			name = "fast-command"
		}
		l.add(name, latencySample{time.Now().Unix(), nanos / int64(time.Millisecond)})
	}
}

// add keeps a sample. Of one second only the worst is kept.
func (l *latency) add(name string, sample latencySample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.events == nil {
		l.events = map[string]*latencyEvent{}
	}
	ev := l.events[name]
	if ev == nil {
		ev = &latencyEvent{}
		l.events[name] = ev
	}
	ev.max = max(ev.max, sample.millis)
	if n := len(ev.samples); n > 0 && ev.samples[n-1].at == sample.at {
		ev.samples[n-1].millis = max(ev.samples[n-1].millis, sample.millis)
		return
	}
	if len(ev.samples) == latencySamplesMax {
		ev.samples = slices.Delete(ev.samples, 0, 1)
	}
	ev.samples = append(ev.samples, sample)
}

// event is a copy; false if there are no samples of it.
func (l *latency) event(name string) (ev latencyEvent, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.events[name]
	if found == nil {
		return ev, false
	}
	return latencyEvent{slices.Clone(found.samples), found.max}, true
}

func (l *latency) names() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.events))
}

// reset forgets the named events, or all, and returns how many there were.
func (l *latency) reset(names []string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if names == nil {
		n = len(l.events)
		clear(l.events)
		return n
	}
	for _, name := range names {
		if l.events[name] != nil {
			delete(l.events, name)
			n++
		}
	}
	return n
}

func latencyCommands() []sessionCommand {
	const flags = operatorFlags | anytimeFlags
	one := func(policy, name, syntax, summary, since string, arity command.Arity, f run) sessionCommand {
		c := node(name, syntax, summary, since, arity, flags, 0, f)
		if policy == "response_policy:special" {
			c = hinted("nondeterministic_output", c)
		}
		return hinted(policy, hinted("request_policy:all_nodes", c))
	}
	const special, succeed = "response_policy:special", "response_policy:all_succeeded"
	return []sessionCommand{node("LATENCY", "", "A container for latency diagnostics commands.", "2.8.13", command.AtLeast(2), 0, 0, nil,
		one(special, "DOCTOR", "", "Returns a human-readable latency analysis report.", "2.8.13", command.Exactly(2), latencyDoctor),
		one(special, "GRAPH", "event", "Returns a latency graph for an event.", "2.8.13", command.Exactly(3), latencyGraph),
		helpOf("2.8.13", "LATENCY", 0,
			"DOCTOR",
			"    Return a human readable latency analysis report.",
			"GRAPH <event>",
			"    Return an ASCII latency graph for the <event> class.",
			"HISTORY <event>",
			"    Return time-latency samples for the <event> class.",
			"LATEST",
			"    Return the latest latency samples for all events.",
			"RESET [<event> ...]",
			"    Reset latency data of one or more <event> classes.",
			"    (default: reset all data for all event classes)",
			"HISTOGRAM [COMMAND ...]",
			"    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
			"    If no commands are specified then all histograms are replied."),
		costing("O(N) where N is the number of commands with latency information being retrieved.",
			one(special, "HISTOGRAM", "[command [command ...]]", "Returns the cumulative distribution of latencies of a subset or all commands.", "7.0.0", command.AtLeast(2), latencyHistogram)),
		one(special, "HISTORY", "event", "Returns timestamp-latency samples for an event.", "2.8.13", command.Exactly(3), latencyHistory),
		one(special, "LATEST", "", "Returns the latest latency samples for all events.", "2.8.13", command.Exactly(2), latencyLatest),
		one(succeed, "RESET", "[event [event ...]]", "Resets the latency data for one or more events.", "2.8.13", command.AtLeast(2), latencyReset),
	)}
}

func latencyReset(s *session, args [][]byte) resp.Value {
	var names []string
	for _, arg := range args[2:] {
		names = append(names, string(arg))
	}
	return resp.Int(int64(s.srv.latency.reset(names)))
}

func latencyHistory(s *session, args [][]byte) resp.Value {
	ev, _ := s.srv.latency.event(string(args[2]))
	list := make([]resp.Value, len(ev.samples))
	for i, sample := range ev.samples {
		list[i] = resp.Array(resp.Int(sample.at), resp.Int(sample.millis))
	}
	return resp.Array(list...)
}

func latencyLatest(s *session, _ [][]byte) resp.Value {
	var list []resp.Value
	for _, name := range s.srv.latency.names() {
		ev, ok := s.srv.latency.event(name)
		if !ok {
			continue
		}
		last := ev.samples[len(ev.samples)-1]
		list = append(list, resp.Array(resp.BulkString(name), resp.Int(last.at), resp.Int(last.millis), resp.Int(ev.max)))
	}
	return resp.Array(list...)
}

// latencyGraph draws one column per sample, the newest at the right.
func latencyGraph(s *session, args [][]byte) resp.Value {
	name := string(args[2])
	ev, ok := s.srv.latency.event(name)
	if !ok {
		return resp.Error("ERR No samples available for event '" + clip(args[2], 128) + "'")
	}
	low := ev.samples[0].millis
	high := low
	for _, sample := range ev.samples {
		low, high = min(low, sample.millis), max(high, sample.millis)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n%s\n", name, high, low, ev.max, strings.Repeat("-", 80))
	const rows = 4
	for row := rows; row > 0; row-- {
		for _, sample := range ev.samples[max(0, len(ev.samples)-80):] {
			mark := byte(' ')
			if (sample.millis-low)*rows >= int64(row-1)*max(1, high-low) {
				mark = '#'
			}
			b.WriteByte(mark)
		}
		b.WriteByte('\n')
	}
	return resp.Verbatim(b.String())
}

// latencyDoctor reports the events as they are, without Redis' guesses about forks and disks.
func latencyDoctor(s *session, _ [][]byte) resp.Value {
	srv := s.srv
	if srv.latency.threshold.Load() == 0 {
		return resp.Verbatim("Latency monitoring is disabled in this instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it.\n")
	}
	names := srv.latency.names()
	if len(names) == 0 {
		return resp.Verbatim("No latency spike was observed during the lifetime of this instance.\n")
	}
	var b strings.Builder
	for i, name := range names {
		ev, ok := srv.latency.event(name)
		if !ok {
			continue
		}
		sum := int64(0)
		for _, sample := range ev.samples {
			sum += sample.millis
		}
		fmt.Fprintf(&b, "%d. %s: %d latency spikes (average %dms). Worst all time event %dms.\n", i+1, name, len(ev.samples), sum/int64(len(ev.samples)), ev.max)
	}
	return resp.Verbatim(b.String())
}

// latencyHistogram shows commands by name; naming a container shows its subcommands.
func latencyHistogram(s *session, args [][]byte) resp.Value {
	var pairs []resp.Value
	show := func(e *entry) {
		d, ok := e.stats.latency.read()
		if !ok {
			return
		}
		var buckets []resp.Value
		d.cumulative(func(micros int64, runs uint64) { buckets = append(buckets, resp.Int(micros), resp.Int(int64(runs))) })
		pairs = append(pairs, resp.BulkString(e.name),
			resp.Map(resp.BulkString("calls"), resp.Int(int64(d.total)), resp.BulkString("histogram_usec"), resp.Map(buckets...)))
	}
	if len(args) == 2 {
		for _, e := range s.srv.sortedEntries() {
			show(e)
		}
	}
	for _, arg := range args[2:] {
		for _, e := range s.srv.named(string(arg)) {
			show(e)
		}
	}
	return resp.Map(pairs...)
}

// named finds a command with its subcommands, or one subcommand as "config|set".
func (srv *Server) named(name string) []*entry {
	container, sub, _ := strings.Cut(name, "|")
	e := srv.entries[strings.ToUpper(container)]
	if e == nil || e.Flags&command.Internal != 0 {
		return nil
	}
	if sub == "" {
		return append([]*entry{e}, e.sub...)
	}
	for _, child := range e.sub {
		if strings.EqualFold(child.Name, sub) {
			return []*entry{child}
		}
	}
	return nil
}

// infoLatencyStats are percentiles per command, in microseconds.
func infoLatencyStats(srv *Server, w *infoWriter) {
	if !srv.latency.tracking.Load() {
		return
	}
	wanted := srv.conf.View().List("latency-tracking-info-percentiles")
	for _, e := range srv.sortedEntries() {
		d, ok := e.stats.latency.read()
		if !ok {
			continue
		}
		parts := make([]string, 0, len(wanted))
		for _, word := range wanted {
			p, err := strconv.ParseFloat(word, 64)
			if err != nil {
				continue
			}
			parts = append(parts, fmt.Sprintf("p%s=%.3f", word, float64(d.percentile(p))/1000))
		}
		fmt.Fprintf(w, "latency_percentiles_usec_%s:%s\r\n", safeInfo(e.name), strings.Join(parts, ","))
	}
}
