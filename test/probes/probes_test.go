package probes

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const startMax = time.Minute

// node is a server with a port for probes.
type node struct {
	*process.Server
	probes int
}

func start(t *testing.T, command string, args ...string) *node {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	probes, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	s, err := process.Start(command, port, t.TempDir(), startMax, append(args, "--metrics-port", strconv.Itoa(probes))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return &node{s, probes}
}

func (n *node) get(path string) (int, string, error) {
	client := http.Client{Timeout: 10 * time.Second}
	r, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", n.probes, path))
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return r.StatusCode, string(body), err
}

func (n *node) want(t *testing.T, path string, status int, text string) {
	t.Helper()
	got, body, err := n.get(path)
	if err != nil || got != status || !strings.Contains(body, text) {
		t.Errorf("%s: %d %.2000q %v, want %d with %q", path, got, body, err, status, text)
	}
}

func (n *node) do(t *testing.T, commands ...string) {
	t.Helper()
	c, err := wire.Dial(n.Addr, startMax)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, command := range commands {
		if r, err := c.Do(strings.Fields(command)...); err != nil && r.Err() == nil {
			t.Fatal(err)
		}
	}
}

func TestProbesAndMetrics(t *testing.T) {
	command, err := process.Resolve("redoubt", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := start(t, command)
	a.want(t, "/livez", 200, "ok")
	a.want(t, "/readyz", 200, "ok")
	a.want(t, "/other", 404, "")
	a.do(t, "SET k v", "GET k", "GET k", "INCR k", "GET", "SUBSCRIBE c")
	_, body, err := a.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`redoubt_commands_total{command="get"} 2`, `redoubt_commands_total{command="set"} 1`, `redoubt_commands_failed_total{command="incr"} 1`,
		`redoubt_commands_rejected_total{command="get"} 1`, `redoubt_command_latency_seconds_count{command="get"} 2`,
		"redoubt_keys 1", "redoubt_revision 1", "redoubt_ready 1", "redoubt_raft_is_leader 1", "redoubt_raft_members 1", "redoubt_alarm_nospace 0",
		"# TYPE redoubt_commands_total counter", "# TYPE redoubt_command_latency_seconds histogram",
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("/metrics lacks %q", line)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
	b := start(t, command, "--join", a.Addr)
	b.want(t, "/readyz", 200, "ok")
	await(t, func() bool {
		_, body, _ := b.get("/metrics")
		return strings.Contains(body, "redoubt_raft_members 2\n")
	})
	// Without a quorum a node is alive and not ready.
	if err := syscall.Kill(a.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { status, _, _ := b.get("/readyz"); return status == 503 })
	b.want(t, "/livez", 200, "ok")
	b.want(t, "/metrics", 200, "redoubt_up_seconds")
	if err := syscall.Kill(a.Pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { status, _, _ := b.get("/readyz"); return status == 200 })
}

func await(t *testing.T, there func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(startMax); !there(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about in time")
		}
	}
}
