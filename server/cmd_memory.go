package server

import (
	"fmt"
	"strings"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// memoryCommands are MEMORY's.
func memoryCommands() []sessionCommand {
	special := func(c sessionCommand) sessionCommand {
		c.Tips = []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}
		return c
	}
	slow := func(c sessionCommand) sessionCommand {
		return costing("Depends on how much memory is allocated, could be slow", c)
	}
	usage := costing("O(1)", node("USAGE", "key [SAMPLES count]", "Estimates the memory usage of a key.", "4.0.0", command.AtLeast(3), 0, 0, nil))
	usage.Keys = command.KeyAt(2)
	usage.Keys.Access = "RO"
	usage.Read = memoryUsage
	purge := slow(node("PURGE", "", "Asks the allocator to release memory.", "4.0.0", command.Exactly(2), 0, 0, memoryPurge))
	purge.Tips = []string{"request_policy:all_shards", "response_policy:all_succeeded"}
	return []sessionCommand{node("MEMORY", "", "A container for memory diagnostics commands.", "4.0.0", command.AtLeast(2), 0, 0, nil,
		special(node("DOCTOR", "", "Outputs a memory problems report.", "4.0.0", command.Exactly(2), 0, 0, memoryDoctor)),
		helpOf("4.0.0", "MEMORY", 0,
			"DOCTOR",
			"    Return memory problems reports.",
			"MALLOC-STATS",
			"    Return internal statistics report from the memory allocator.",
			"PURGE",
			"    Attempt to purge dirty pages for reclamation by the allocator.",
			"STATS",
			"    Return information about the memory usage of the server.",
			"USAGE <key> [SAMPLES <count>]",
			"    Return memory in bytes used by <key> and its value. Nested values are",
			"    sampled up to <count> times (default: 5, 0 means sample all)."),
		special(slow(node("MALLOC-STATS", "", "Returns the allocator statistics.", "4.0.0", command.Exactly(2), 0, 0, memoryMallocStats))),
		purge,
		special(node("STATS", "", "Returns details about memory usage.", "4.0.0", command.Exactly(2), 0, 0, memoryStats)),
		usage,
	)}
}

// memoryUsage tells what a key takes in memory now: a value that is only on disk takes nothing.
func memoryUsage(c *command.ReadCall) (resp.Value, error) {
	for i := 3; i < c.Len(); i += 2 {
		if !c.Is(i, "SAMPLES") || i+1 >= c.Len() {
			return errSyntax, nil
		}
		n, err := c.Int(i + 1)
		if err != nil {
			return resp.None, err
		}
		if n < 0 {
			return errSyntax, nil
		}
	}
	it, ok := c.View.Glance(c.At(2))
	if !ok {
		return resp.Null(), nil
	}
	return resp.Int(c.View.MemoryUsage(it)), nil
}

func memoryPurge(s *session, _ [][]byte) resp.Value {
	return s.later(func() resp.Value {
		s.srv.giveBack(spare{heap: true, engine: s.srv.machine.Touched() >= giveBackMin, program: true}, s.srv.chores.ended)
		return resp.OK()
	})
}

// memoryStats has Redis' names for what exists here.
func memoryStats(s *session, _ [][]byte) resp.Value {
	r := s.srv.memoryReport()
	var pairs []resp.Value
	add := func(name string, v resp.Value) { pairs = append(pairs, resp.BulkString(name), v) }
	number := func(name string, n int64) { add(name, resp.Int(n)) }
	number("peak.allocated", r.peak)
	number("total.allocated", r.used)
	number("startup.allocated", 0)
	number("replication.backlog", 0)
	number("clients.slaves", 0)
	number("clients.normal", s.srv.clientMemory.bytes())
	number("cluster.links", 0)
	number("aof.buffer", 0)
	number("lua.caches", 0)
	number("functions.caches", 0)
	number("overhead.total", r.overhead())
	number("keys.count", r.keys)
	each := int64(0)
	if r.keys > 0 {
		each = (r.dataset() + r.store.Tree + r.store.Table) / r.keys
	}
	number("keys.bytes-per-key", each)
	number("dataset.bytes", r.dataset())
	number("bounded.bytes", r.data.Used)
	number("past.bytes", r.data.Past)
	add("dataset.percentage", resp.Double(100*ratio(r.dataset(), r.used)))
	add("peak.percentage", resp.Double(100*ratio(r.used, r.peak)))
	number("allocator.allocated", r.used)
	number("allocator.active", r.named()-r.program)
	number("allocator.resident", r.rss)
	add("fragmentation", resp.Double(ratio(r.rss, r.used)))
	number("fragmentation.bytes", r.rss-r.used)
	number("index.bytes", r.store.Tree+r.store.Table)
	number("history.bytes", r.store.History)
	number("engine.bytes", r.store.Engine)
	number("slack.bytes", r.store.Slack)
	number("raft.log.bytes", r.native)
	number("go.heap.bytes", r.heap)
	return resp.Map(pairs...)
}

// doctorMin is the memory below which there is nothing to say.
const doctorMin = 5 << 20

func memoryDoctor(s *session, _ [][]byte) resp.Value {
	r := s.srv.memoryReport()
	if r.used < doctorMin {
		return resp.Verbatim("Hi Sam, this instance is empty or is using very little memory, my issue detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n")
	}
	var found []string
	if ratio(r.peak, r.used) > 1.5 {
		found = append(found, fmt.Sprintf("Peak memory: %s were in use once, %s are now.", humanBytes(r.peak), humanBytes(r.used)))
	}
	if r.store.Slack > r.store.Total/3 && r.store.Slack > 10<<20 {
		found = append(found, fmt.Sprintf("Slack: %s are taken from the system and not in use; new values will fill them.", humanBytes(r.store.Slack)))
	}
	if r.store.History > r.dataset() && r.store.History > 10<<20 {
		found = append(found, fmt.Sprintf("History: superseded versions take %s in memory; see history-max-age, or COMPACT.", humanBytes(r.store.History)))
	}
	if len(found) == 0 {
		return resp.Verbatim("Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n")
	}
	return resp.Verbatim("Sam, I detected a few issues in this Redoubt instance memory implants:\n\n * " + strings.Join(found, "\n * ") + "\n")
}

// memoryMallocStats names all that is resident, as far as anybody counts it.
func memoryMallocStats(s *session, _ [][]byte) resp.Value {
	r := s.srv.memoryReport()
	m := r.store
	return resp.Verbatim(fmt.Sprintf("store: records %d, values %d, elements %d, history %d, tree %d, table %d, chunks %d, slack %d, engine %d, total %d (%d on Go's heap)\n"+
		"raft log: %d\ngo: objects %d, total %d\nc: free %d\nprogram: %d\nnamed: %d\nresident: %d\n",
		m.Records, m.Values, m.Elements, m.History, m.Tree, m.Table, m.Chunks, m.Slack, m.Engine, m.Total, m.Heap,
		r.native, r.heap, r.runtime, r.spare, r.program, r.named(), r.rss))
}
