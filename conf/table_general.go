package conf

import (
	"errors"
	"math"
	"slices"
	"strings"
)

const (
	whyForeground = "The process stays in the foreground; let a service manager put it in the background."
	whySyslog     = "The log goes to standard output or logfile."
	whyAffinity   = "Goroutines are not bound to processors; use taskset or a cgroup."
)

func generalDirectives() []Directive {
	return []Directive{
		{Name: "dir", Kind: Path, Default: "./redoubt-data", Scope: Node, Protected: true, Meaning: Active,
			Summary: "Directory of all data. A running node cannot move it, so unlike Redis' it is immutable.", valid: validPath},
		{Name: "databases", Kind: Integer, Min: 1, Max: math.MaxInt32, Default: "16", Scope: Cluster, Meaning: Active,
			Summary: "Number of databases for SELECT."},
		{Name: "loglevel", Kind: Enum, Values: []string{"debug", "verbose", "notice", "warning"}, Default: "notice", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "The least important messages that are logged."},
		{Name: "logfile", Kind: String, Scope: Node, Meaning: Active,
			Summary: "File the log goes to; none is standard output."},
		{Name: "pidfile", Kind: String, Unset: true, Scope: Node, Meaning: Active,
			Summary: "File that holds the process id while the server runs."},
		{Name: "io-threads", Kind: Integer, Min: 1, Max: 128, Default: "1", Scope: Node, Meaning: Active,
			Summary: "Number of event loops that serve connections."},
		{Name: "hz", Kind: Integer, Max: math.MaxInt32, Default: "10", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Rounds of background work per second, 1 to 500.", clampMin: 1, clampMax: 500},
		{Name: "shutdown-timeout", Kind: Integer, Max: math.MaxInt32, Default: "10", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Seconds a shutdown waits for the other members to catch up."},
		{Name: "set-proc-title", Kind: Bool, Default: "yes", Scope: Node, Meaning: Active,
			Summary: "Whether the process list shows the listening address."},
		{Name: "proc-title-template", Kind: String, Default: "{title} {listen-addr} {server-mode}", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "What the process list shows.", valid: validTitleTemplate},
		{Name: "daemonize", Kind: Bool, Default: "no", Scope: Node, Meaning: AcceptedWithNotice, Why: whyForeground},
		{Name: "supervised", Kind: Enum, Values: []string{"upstart", "systemd", "auto", "no"}, Default: "no", Scope: Node, Meaning: AcceptedWithNotice,
			Why: "Readiness is told by the log line `Ready to accept connections` only."},
		{Name: "always-show-logo", Kind: Bool, Default: "no", Scope: Node, Meaning: AcceptedWithNotice, Why: "There is no logo to show."},
		{Name: "syslog-enabled", Kind: Bool, Default: "no", Scope: Node, Meaning: AcceptedWithNotice, Why: whySyslog},
		{Name: "syslog-ident", Kind: String, Default: "redis", Scope: Node, Meaning: AcceptedWithNotice, Why: whySyslog},
		{Name: "syslog-facility", Kind: Enum, Default: "local0", Scope: Node, Meaning: AcceptedWithNotice, Why: whySyslog,
			Values: []string{"user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}},
		{Name: "shutdown-on-sigint", Kind: Flags, Values: shutdownFlags(), Default: "default", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Every shutdown is clean and has nothing left to save.", valid: validShutdown},
		{Name: "shutdown-on-sigterm", Kind: Flags, Values: shutdownFlags(), Default: "default", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Every shutdown is clean and has nothing left to save.", valid: validShutdown},
		{Name: "io-threads-do-reads", Kind: Bool, Default: "no", Scope: Node, Meaning: AcceptedWithNotice,
			Why: "Every event loop of io-threads reads its own connections."},
		{Name: "dynamic-hz", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Background work follows the work there is, not the number of clients."},
		{Name: "server_cpulist", Kind: String, Unset: true, Scope: Node, Meaning: AcceptedWithNotice, Why: whyAffinity},
		{Name: "bio_cpulist", Kind: String, Unset: true, Scope: Node, Meaning: AcceptedWithNotice, Why: whyAffinity},
		{Name: "aof_rewrite_cpulist", Kind: String, Unset: true, Scope: Node, Meaning: AcceptedWithNotice, Why: whyAffinity},
		{Name: "bgsave_cpulist", Kind: String, Unset: true, Scope: Node, Meaning: AcceptedWithNotice, Why: whyAffinity},
		{Name: "oom-score-adj", Kind: Enum, Values: []string{"no", "yes", "relative", "absolute"}, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "The kernel's OOM score is left to the service manager."},
		{Name: "oom-score-adj-values", Kind: OOMScores, Default: "0 200 800", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "The kernel's OOM score is left to the service manager."},
		{Name: "disable-thp", Kind: Bool, Default: "yes", Scope: Node, Meaning: AcceptedWithNotice,
			Why: "No process is forked, so transparent huge pages do not hurt."},
		{Name: "ignore-warnings", Kind: String, Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "There is no check of the kernel that could be ignored."},
		{Name: "crash-log-enabled", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "A crash always leaves Go's own report."},
		{Name: "crash-memcheck-enabled", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Memory is not tested after a crash."},
		{Name: "use-exit-on-panic", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Hidden: true, Meaning: AcceptedWithNotice,
			Why: "A broken invariant always ends the process with a report."},
		{Name: "watchdog-period", Kind: Integer, Max: math.MaxInt32, Default: "0", Scope: Node, Mutable: true, Hidden: true, Meaning: AcceptedWithNotice,
			Why: "There is no software watchdog; use a profile."},
	}
}

// validPath answers as chdir does.
func validPath(path string) error {
	if path == "" {
		return errors.New("No such file or directory")
	}
	return nil
}

func shutdownFlags() []string { return []string{"default", "save", "nosave", "now", "force"} }

func validShutdown(flags string) error {
	words := strings.Fields(flags)
	if slices.Contains(words, "save") && slices.Contains(words, "nosave") {
		return errors.New("shutdown options SAVE and NOSAVE can't be used simultaneously")
	}
	return nil
}

// validTitleTemplate wants known variables in braces, a doubled brace for a literal one, and a title that is not empty where
// {title}, {server-mode} and {unixsocket} are.
func validTitleTemplate(template string) error {
	bad := errors.New("template format is invalid or contains unknown variables")
	var literal strings.Builder
	for template != "" {
		before, rest, found := strings.Cut(template, "{")
		literal.WriteString(before)
		if !found {
			break
		}
		if after, doubled := strings.CutPrefix(rest, "{"); doubled {
			literal.WriteByte('{')
			template = after
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return bad
		}
		switch name {
		case "title", "server-mode", "unixsocket":
		case "listen-addr", "config-file", "port", "tls-port":
			literal.WriteString(name)
		default:
			return bad
		}
		template = after
	}
	if strings.Trim(literal.String(), " ") == "" {
		return bad
	}
	return nil
}
