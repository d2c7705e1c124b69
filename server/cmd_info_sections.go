package server

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func infoServer(srv *Server, w *infoWriter) {
	view := srv.conf.View()
	uptime := time.Since(srv.clock.start)
	port := view.Int("port")
	if port == 0 {
		port = view.Int("tls-port")
	}
	var uts unix.Utsname
	// Without an answer the fields stay empty.
	_ = unix.Uname(&uts)
	w.field("redis_version", redisVersion)
	w.field("redoubt_version", srv.version)
	w.field("redis_git_sha1", buildRevision())
	w.field("redis_git_dirty", 0)
	w.field("redis_build_id", "0")
	w.field("redis_mode", "standalone")
	w.field("os", fmt.Sprintf("%s %s %s", cText(uts.Sysname[:]), cText(uts.Release[:]), cText(uts.Machine[:])))
	w.field("arch_bits", 64)
	w.field("monotonic_clock", "POSIX clock_gettime")
	w.field("multiplexing_api", "epoll")
	w.field("go_version", runtime.Version())
	w.field("process_id", os.Getpid())
	w.field("process_supervised", "no")
	w.field("run_id", srv.runID)
	w.field("tcp_port", port)
	w.field("server_time_usec", srv.clock.nanos()/1000)
	w.field("uptime_in_seconds", int64(uptime/time.Second))
	w.field("uptime_in_days", int64(uptime/(24*time.Hour)))
	w.field("hz", view.Int("hz"))
	w.field("configured_hz", view.Int("hz"))
	w.field("lru_clock", srv.clock.nanos()/int64(time.Second)&(1<<24-1))
	executable, _ := os.Executable()
	w.field("executable", executable)
	w.field("config_file", srv.conf.File())
	w.field("io_threads_active", boolNumber(len(srv.loops) > 1))
}

// cText is the text in a buffer that ends with a zero byte.
func cText(b []byte) string {
	text, _, _ := strings.Cut(string(b), "\x00")
	return text
}

// buildRevision is the commit the program was built from, or zeros.
func buildRevision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 8 {
				return s.Value[:8]
			}
		}
	}
	return "00000000"
}

func boolNumber(b bool) int {
	if b {
		return 1
	}
	return 0
}

func infoClients(srv *Server, w *infoWriter) {
	var input, output int64
	for _, s := range srv.clients.all() {
		input, output = max(input, s.info.query.Load()), max(output, s.info.output.Load())
	}
	w.field("connected_clients", srv.clients.len())
	w.field("cluster_connections", 0)
	w.field("maxclients", srv.conf.Int("maxclients"))
	w.field("client_recent_max_input_buffer", input)
	w.field("client_recent_max_output_buffer", output)
	w.field("blocked_clients", int64(srv.pause.waiting())+srv.waiters.blocked.Load())
	w.field("tracking_clients", 0)
	w.field("clients_in_timeout_table", 0)
}

func infoPersistence(srv *Server, w *infoWriter) {
	p := srv.saves.report()
	w.field("loading", boolNumber(srv.loading.Load()))
	w.field("async_loading", 0)
	w.field("rdb_changes_since_last_save", p.changes(srv))
	w.field("rdb_bgsave_in_progress", boolNumber(p.running))
	w.field("rdb_last_save_time", p.last.Unix())
	w.field("rdb_last_bgsave_status", okOrErr(p.ok))
	w.field("rdb_last_bgsave_time_sec", seconds(p.took))
	w.field("rdb_current_bgsave_time_sec", p.current())
	w.field("rdb_saves", p.count)
	w.field("aof_enabled", 1)
	w.field("aof_rewrite_in_progress", boolNumber(p.rewriting))
	w.field("aof_rewrite_scheduled", 0)
	w.field("aof_last_rewrite_time_sec", seconds(p.rewriteTook))
	w.field("aof_current_rewrite_time_sec", -1)
	w.field("aof_last_bgrewrite_status", okOrErr(p.rewriteOK))
	w.field("aof_rewrites", p.rewrites)
	w.field("aof_last_write_status", "ok")
}

func okOrErr(ok bool) string {
	if ok {
		return "ok"
	}
	return "err"
}

// seconds is a duration as INFO shows it; negative is never.
func seconds(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return int64(d / time.Second)
}

func infoStats(srv *Server, w *infoWriter) {
	st := &srv.stats
	rates := srv.rates.report()
	w.field("total_connections_received", st.connections.Load())
	w.field("total_commands_processed", st.commands.Load())
	w.field("instantaneous_ops_per_sec", int64(rates.commands))
	w.field("total_net_input_bytes", st.inputBytes.Load())
	w.field("total_net_output_bytes", st.outputBytes.Load())
	w.field("instantaneous_input_kbps", fmt.Sprintf("%.2f", rates.input/1024))
	w.field("instantaneous_output_kbps", fmt.Sprintf("%.2f", rates.output/1024))
	w.field("rejected_connections", st.rejectedConnections.Load())
	w.field("sync_full", st.copies.Load())
	w.field("sync_partial_ok", 0)
	w.field("sync_partial_err", 0)
	w.field("expired_keys", srv.expiredKeys()-st.expiredBefore.Load())
	w.field("evicted_keys", srv.evictedKeys()-st.evictedBefore.Load())
	w.field("evicted_clients", st.evictedClients.Load())
	hits, misses := srv.machine.Lookups.Load()
	w.field("keyspace_hits", hits)
	w.field("keyspace_misses", misses)
	w.field("pubsub_channels", srv.hub.len(byChannel))
	w.field("pubsub_patterns", srv.hub.len(byPattern))
	w.field("pubsubshard_channels", srv.hub.len(byShard))
	w.field("latest_fork_usec", 0)
	w.field("total_forks", 0)
	w.field("tracking_total_keys", 0)
	w.field("tracking_total_items", 0)
	w.field("tracking_total_prefixes", 0)
	w.field("unexpected_error_replies", 0)
	w.field("total_error_replies", st.errorReplies.Load())
	m := srv.machine.Stats()
	w.field("entries_applied", m.Entries)
	w.field("batches_applied", m.Batches)
	w.field("requests_applied", m.Requests)
	w.field("handler_panics", m.Panics)
	w.field("protocol_errors", st.protocolErrors.Load())
}

func infoCPU(_ *Server, w *infoWriter) {
	var self, children unix.Rusage
	// Both calls cannot fail with these arguments.
	_ = unix.Getrusage(unix.RUSAGE_SELF, &self)
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &children)
	show := func(name string, t unix.Timeval) { w.field(name, fmt.Sprintf("%d.%06d", t.Sec, t.Usec)) }
	show("used_cpu_sys", self.Stime)
	show("used_cpu_user", self.Utime)
	show("used_cpu_sys_children", children.Stime)
	show("used_cpu_user_children", children.Utime)
}

// sortedEntries are the commands and subcommands with statistics, by name.
func (srv *Server) sortedEntries() []*entry {
	list := slices.Collect(maps.Values(srv.bySpec))
	slices.SortFunc(list, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return slices.Compact(list) // one that may write is there as a read too
}

func infoCommandStats(srv *Server, w *infoWriter) {
	for _, e := range srv.sortedEntries() {
		calls, nanos := e.stats.calls.Load(), e.stats.nanos.Load()
		rejected, failed := e.stats.rejected.Load(), e.stats.failed.Load()
		if calls+rejected+failed == 0 {
			continue
		}
		each := 0.0
		if calls > 0 {
			each = float64(nanos) / 1000 / float64(calls)
		}
		fmt.Fprintf(w, "cmdstat_%s:calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d\r\n",
			safeInfo(e.name), calls, nanos/1000, each, rejected, failed)
	}
}

func infoErrorStats(srv *Server, w *infoWriter) {
	st := &srv.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, code := range slices.Sorted(maps.Keys(st.errors)) {
		fmt.Fprintf(w, "errorstat_%s:count=%d\r\n", safeInfo(code), st.errors[code])
	}
}

func infoCluster(_ *Server, w *infoWriter) { w.field("cluster_enabled", 0) }

func infoRaft(srv *Server, w *infoWriter) {
	r := srv.replica.Info()
	w.field("node_id", fmt.Sprintf("%016x", r.Node))
	w.field("cluster_id", fmt.Sprintf("%016x", r.Cluster))
	leader := "none"
	if r.Leader.Known {
		leader = fmt.Sprintf("%016x", r.Leader.ID)
	}
	w.field("leader_id", leader)
	w.field("is_leader", boolNumber(r.Leader.Known && r.Leader.Self))
	w.field("term", r.Term)
	w.field("applied_index", r.Applied)
	w.field("log_first", r.LogFirst)
	w.field("log_last", r.LogLast)
	w.field("members", len(r.Members))
	requests, bytes := srv.batcher.Backlog()
	counts := srv.batcher.Counts()
	w.field("incarnation", counts.Incarnation)
	w.field("batches_committed", counts.Batches)
	w.field("requests_committed", counts.Requests)
	w.field("batches_proposed_again", counts.Again)
	w.field("batches_given_up", counts.GivenUp)
	w.field("commit_usec", counts.Commit.Microseconds())
	w.field("backlog_requests", requests)
	w.field("backlog_bytes", bytes)
}

func infoRevisions(srv *Server, w *infoWriter) {
	if !srv.machine.RLock() {
		srv.machine.RUnlock()
		return
	}
	defer srv.machine.RUnlock()
	store := srv.machine.Space().Store
	history := store.History()
	w.field("revision_current", store.Revision())
	w.field("revision_compacted", store.Compacted())
	w.field("revision_oldest", history.Oldest)
	w.field("revision_garbage", store.Garbage())
	w.field("history_versions", history.Versions)
	w.field("history_bytes", history.Bytes)
	w.field("disk_bytes", store.DiskUsed())
	w.field("log_time_msec", srv.machine.LogTime())
}

// infoKeyspace counts the live keys of each database that has any. The average time to live is not known.
func infoKeyspace(srv *Server, w *infoWriter) {
	if !srv.machine.RLock() {
		srv.machine.RUnlock()
		return
	}
	defer srv.machine.RUnlock()
	now := srv.clock.estimate()
	for _, db := range srv.machine.Space().Store.View().Databases() {
		view := srv.machine.View(db.Database, now, false)
		if keys := view.Len(); keys > 0 {
			fmt.Fprintf(w, "db%d:keys=%d,expires=%d,avg_ttl=0\r\n", db.Database, keys, view.Volatile())
		}
	}
}
