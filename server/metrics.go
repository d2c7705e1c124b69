package server

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector answers /metrics from counters that are kept anyway, when it is asked: a command costs nothing more for it.
type collector struct{ srv *Server }

// metric is one line of a table: a value that is read when it is asked for.
type metric struct {
	name, help string
	kind       prometheus.ValueType
	value      func(srv *Server) float64
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// nodeMetrics are those without labels.
func nodeMetrics() []metric {
	return []metric{
		{"redoubt_up_seconds", "Time since the process started.", gauge, func(srv *Server) float64 { return time.Since(srv.clock.start).Seconds() }},
		{"redoubt_ready", "1 if this node knows a leader and serves reads, as /readyz says.", gauge, func(srv *Server) float64 { return float64(boolNumber(srv.unready() == "")) }},
		{"redoubt_connections", "Client connections that are open.", gauge, func(srv *Server) float64 { return float64(srv.clients.len()) }},
		{"redoubt_connections_total", "Client connections accepted.", counter, func(srv *Server) float64 { return float64(srv.stats.connections.Load()) }},
		{"redoubt_connections_rejected_total", "Client connections refused, as there were too many.", counter, func(srv *Server) float64 { return float64(srv.stats.rejectedConnections.Load()) }},
		{"redoubt_connections_evicted_total", "Client connections closed, as all together took more memory than maxmemory-clients.", counter, func(srv *Server) float64 { return float64(srv.stats.evictedClients.Load()) }},
		{"redoubt_clients_blocked", "Clients that wait in a blocking command.", gauge, func(srv *Server) float64 { return float64(srv.waiters.blocked.Load()) }},
		{"redoubt_input_bytes_total", "Bytes read from clients.", counter, func(srv *Server) float64 { return float64(srv.stats.inputBytes.Load()) }},
		{"redoubt_output_bytes_total", "Bytes written to clients.", counter, func(srv *Server) float64 { return float64(srv.stats.outputBytes.Load()) }},
		{"redoubt_error_replies_total", "Replies that were errors.", counter, func(srv *Server) float64 { return float64(srv.stats.errorReplies.Load()) }},
		{"redoubt_keys_expired_total", "Keys that ended at their deadline.", counter, func(srv *Server) float64 { return float64(srv.expiredKeys()) }},
		{"redoubt_keys_evicted_total", "Keys evicted for want of memory.", counter, func(srv *Server) float64 { return float64(srv.evictedKeys()) }},
		{"redoubt_pubsub_channels", "Channels with subscribers on this node.", gauge, func(srv *Server) float64 { return float64(srv.hub.len(byChannel)) }},
		{"redoubt_pubsub_patterns", "Patterns with subscribers on this node.", gauge, func(srv *Server) float64 { return float64(srv.hub.len(byPattern)) }},
		{"redoubt_slowlog_length", "Entries of the slow log.", gauge, func(srv *Server) float64 { return float64(srv.slow.len()) }},
		{"redoubt_batches_applied_total", "Batches applied, of all nodes.", counter, func(srv *Server) float64 { return float64(srv.machine.Stats().Batches) }},
		{"redoubt_requests_applied_total", "Requests applied, of all nodes.", counter, func(srv *Server) float64 { return float64(srv.machine.Stats().Requests) }},
		{"redoubt_log_bytes_applied_total", "Bytes of log entries applied.", counter, func(srv *Server) float64 { return float64(srv.machine.Stats().Bytes) }},
		{"redoubt_handler_panics_total", "Commands rolled back since their code broke.", counter, func(srv *Server) float64 { return float64(srv.machine.Stats().Panics) }},
		{"redoubt_log_time_lag_seconds", "How far applied log time is behind this node's estimate.", gauge, func(srv *Server) float64 { return float64(srv.clock.estimate()-srv.machine.LogTime()) / 1000 }},
		{"redoubt_alarm_nospace", "1 while growing writes are refused for want of disk space.", gauge, func(srv *Server) float64 {
			return float64(boolNumber(srv.guard.noSpace.Load() || srv.guard.overFull.Load()))
		}},
		{"redoubt_alarms", "Alarms that are raised, as RAFT ALARM LIST shows them.", gauge, func(srv *Server) float64 { return float64(len(srv.machine.Alarms())) }},
		{"redoubt_alarm_nomemory", "1 while growing writes are refused for want of memory.", gauge, func(srv *Server) float64 { return float64(boolNumber(srv.guard.noMemory.Load())) }},
	}
}

// Describe says nothing: what there is depends on which commands were called, and is checked when it is collected.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect is called for each question.
func (c collector) Collect(to chan<- prometheus.Metric) {
	srv := c.srv
	say := func(name, help string, kind prometheus.ValueType, v float64) {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), kind, v)
	}
	for _, m := range nodeMetrics() {
		say(m.name, m.help, m.kind, m.value(srv))
	}
	srv.collectRaft(say)
	srv.collectData(say)
	srv.collectCommands(to)
}

type sayMetric func(name, help string, kind prometheus.ValueType, v float64)

func (srv *Server) collectRaft(say sayMetric) {
	r := srv.replica.Info()
	say("redoubt_raft_term", "Raft's term.", gauge, float64(r.Term))
	say("redoubt_raft_has_leader", "1 if this node knows a leader.", gauge, float64(boolNumber(r.Leader.Known)))
	say("redoubt_raft_is_leader", "1 if this node leads.", gauge, float64(boolNumber(r.Leader.Known && r.Leader.Self)))
	say("redoubt_raft_members", "Members of the group.", gauge, float64(len(r.Members)))
	say("redoubt_raft_applied_index", "Index of the last entry applied.", gauge, float64(r.Applied))
	say("redoubt_raft_log_entries", "Entries that the log holds.", gauge, float64(r.LogLast-r.LogFirst+1))
	counts := srv.batcher.Counts()
	requests, bytes := srv.batcher.Backlog()
	say("redoubt_commit_seconds", "Moving average of the time from proposal to applied, an fsync and a trip to a quorum among it.", gauge, counts.Commit.Seconds())
	say("redoubt_batches_proposed_again_total", "Proposals of batches proposed before.", counter, float64(counts.Again))
	say("redoubt_batches_given_up_total", "Batches that found no quorum in time.", counter, float64(counts.GivenUp))
	say("redoubt_backlog_requests", "Requests that wait for a batch or are in one under way.", gauge, float64(requests))
	say("redoubt_backlog_bytes", "Bytes of those.", gauge, float64(bytes))
}

func (srv *Server) collectData(say sayMetric) {
	memory := srv.memoryReport()
	say("redoubt_memory_used_bytes", "Memory in use for data and Go's heap, used_memory of INFO.", gauge, float64(memory.used))
	say("redoubt_memory_resident_bytes", "Memory of the process as the kernel counts it.", gauge, float64(memory.rss))
	say("redoubt_memory_max_bytes", "The directive maxmemory; 0 is no limit.", gauge, float64(srv.conf.Bytes("maxmemory")))
	say("redoubt_keys", "Keys in all databases.", gauge, float64(memory.keys))
	defer srv.machine.RUnlock()
	if !srv.machine.RLock() {
		return
	}
	store := srv.machine.Space().Store
	history := store.History()
	say("redoubt_revision", "The current main revision.", gauge, float64(store.Revision()))
	say("redoubt_revision_compacted", "The compacted revision.", gauge, float64(store.Compacted()))
	say("redoubt_history_versions", "Superseded versions kept.", gauge, float64(history.Versions))
	say("redoubt_history_bytes", "About what they take on disk.", gauge, float64(history.Bytes))
	say("redoubt_disk_bytes", "Disk space that the state takes.", gauge, float64(store.DiskUsed()))
}

// collectCommands tells of the commands that were called, by name; a subcommand's is container|name.
func (srv *Server) collectCommands(to chan<- prometheus.Metric) {
	labels := []string{"command"}
	calls := prometheus.NewDesc("redoubt_commands_total", "Commands run, by name.", labels, nil)
	seconds := prometheus.NewDesc("redoubt_command_seconds_total", "Time spent in them.", labels, nil)
	failed := prometheus.NewDesc("redoubt_commands_failed_total", "Commands that ended in an error.", labels, nil)
	rejected := prometheus.NewDesc("redoubt_commands_rejected_total", "Commands refused before they were run.", labels, nil)
	latency := prometheus.NewDesc("redoubt_command_latency_seconds", "Run time, while latency-tracking is on.", labels, nil)
	for _, e := range srv.sortedEntries() {
		st := e.stats
		n, bad, no := st.calls.Load(), st.failed.Load(), st.rejected.Load()
		if n+bad+no == 0 {
			continue
		}
		name := strings.ToValidUTF8(e.name, "_")
		to <- prometheus.MustNewConstMetric(calls, counter, float64(n), name)
		to <- prometheus.MustNewConstMetric(seconds, counter, float64(st.nanos.Load())/1e9, name)
		to <- prometheus.MustNewConstMetric(failed, counter, float64(bad), name)
		to <- prometheus.MustNewConstMetric(rejected, counter, float64(no), name)
		if d, ok := st.latency.read(); ok {
			buckets := map[float64]uint64{}
			d.cumulative(func(micros int64, runs uint64) { buckets[float64(micros)/1e6] = runs })
			to <- prometheus.MustNewConstHistogram(latency, d.total, float64(st.nanos.Load())/1e9, buckets, name)
		}
	}
}
