package server

import (
	"fmt"
	"strings"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

func infoCommands() []sessionCommand {
	info := node("INFO", "[section [section ...]]", "Returns information and statistics about the server.", "1.0.0", command.AtLeast(1), anytimeFlags, acl.Dangerous, info)
	info.Tips = []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}
	return []sessionCommand{info}
}

// infoSection is one heading of INFO. Names and fields are Redis' where Redis has them. A field of Redis whose
// subject does not exist here (forks, fragmentation, replication links) is left out unless 0 is the truth
// that tools expect to read.
type infoSection struct {
	name     string
	title    string
	standard bool // shown when no section is named
	write    func(srv *Server, w *infoWriter)
}

// infoSections are in the order of the reply.
func infoSections() []infoSection {
	return []infoSection{
		{"server", "Server", true, infoServer},
		{"clients", "Clients", true, infoClients},
		{"memory", "Memory", true, infoMemory},
		{"persistence", "Persistence", true, infoPersistence},
		{"stats", "Stats", true, infoStats},
		{"replication", "Replication", true, infoReplication},
		{"cpu", "CPU", true, infoCPU},
		{"modules", "Modules", true, func(*Server, *infoWriter) {}},
		{"commandstats", "Commandstats", false, infoCommandStats},
		{"errorstats", "Errorstats", true, infoErrorStats},
		{"latencystats", "Latencystats", false, infoLatencyStats},
		{"cluster", "Cluster", true, infoCluster},
		{"raft", "Raft", true, infoRaft},
		{"revisions", "Revisions", true, infoRevisions},
		{"keyspace", "Keyspace", true, infoKeyspace},
	}
}

// infoWriter gathers the reply's lines.
type infoWriter struct{ strings.Builder }

func (w *infoWriter) field(name string, value any) {
	fmt.Fprintf(w, "%s:%v\r\n", name, value)
}

// size writes a field and its form for people.
func (w *infoWriter) size(name string, n int64) {
	w.field(name, n)
	w.field(name+"_human", humanBytes(n))
}

func info(s *session, args [][]byte) resp.Value {
	wanted := wantedSections(args[1:])
	var w infoWriter
	for _, section := range infoSections() {
		if !wanted[section.name] {
			continue
		}
		if w.Len() > 0 {
			w.WriteString("\r\n")
		}
		w.WriteString("# " + section.title + "\r\n")
		section.write(s.srv, &w)
	}
	return resp.Verbatim(w.String())
}

// wantedSections reads INFO's arguments: names in any case, "default", "all" and "everything". An unknown name
// is nothing, as in Redis.
func wantedSections(args [][]byte) map[string]bool {
	wanted := map[string]bool{}
	add := func(all bool) {
		for _, section := range infoSections() {
			if all || section.standard {
				wanted[section.name] = true
			}
		}
	}
	if len(args) == 0 {
		add(false)
	}
	for _, arg := range args {
		switch name := strings.ToLower(string(arg)); name {
		case "default":
			add(false)
		case "all", "everything":
			add(true)
		case "module_list":
			wanted["modules"] = true
		default:
			wanted[name] = true
		}
	}
	return wanted
}

// humanBytes is Redis' form: 1.50M.
func humanBytes(n int64) string {
	const units = "KMGTP"
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	f := float64(n)
	for i := range len(units) {
		if f /= 1024; f < 1024 || i == len(units)-1 {
			return fmt.Sprintf("%.2f%c", f, units[i])
		}
	}
	return ""
}

// safeInfo replaces what would break INFO's lines in names that clients chose.
func safeInfo(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '#', ':', '\n', '\r':
			return '_'
		}
		return r
	}, s)
}
