package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/conf"
)

// TestAgree: a node that was given other values of directives of the whole cluster than the cluster has is told which ones to give.
func TestAgree(t *testing.T) {
	for _, c := range []struct {
		options string
		cluster [][2]string
		want    string // "" is no refusal
	}{
		{"", nil, ""},
		{"", [][2]string{{"databases", "32"}}, ""},
		{"--databases 16", [][2]string{{"databases", "32"}}, ""}, // nobody can tell it from none
		{"--databases 32", [][2]string{{"databases", "32"}}, ""},
		{"--timeout 7", nil, ""}, // is the node's own
		{"--databases 20", [][2]string{{"databases", "32"}}, `cannot join: databases is "20" here and "32" in the cluster; ` +
			"start this node with --databases 32, or without, since it takes over what the cluster has; a restart of any member with the other value changes it for all"},
		{"--databases 32", nil, `cannot join: databases is "32" here and "16" in the cluster; start this node with --databases 16, `},
		{"--set-max-intset-entries 5", nil, `start this node with --set-max-intset-entries 512, or without, since it takes over what the cluster has; CONFIG SET on any member changes it for all`},
		{"--notify-keyspace-events KEA", nil, "start this node with --notify-keyspace-events '', or without"},
		{"--databases 20 --compaction off", [][2]string{{"databases", "32"}}, "start this node with --compaction auto --databases 32, or without"},
	} {
		set, _, err := conf.Load(strings.Fields(c.options), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := agree(set.View(), c.cluster); err != nil {
			got = err.Error()
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s in a cluster of %v: %q, want %q", c.options, c.cluster, got, c.want)
		}
	}
}

// TestJoinAwaitsStart: a member that is starting may not have in its log yet what it was given for the whole cluster, and nobody joins by its word.
func TestJoinAwaitsStart(t *testing.T) {
	first, second := newGroupNode(t), newGroupNode(t)
	first.open(t, "--databases", "32")
	t.Cleanup(func() { first.Close() })
	first.loading.Store(true)
	hello := first.entries["RAFT"].sub
	hello = hello[slices.IndexFunc(hello, func(e *entry) bool { return e.name == "raft|hello" }):]
	before := hello[0].stats.calls.Load()
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		second.open(t, "--databases", "32", "--join", first.addr())
	}()
	holds(t, "the second asks", func() bool { return hello[0].stats.calls.Load() > before+1 })
	if file, err := readMembersFile(second.dir); file != nil || err != nil {
		t.Errorf("by one that is starting a node was told of the cluster %+v, %v", file, err)
	}
	first.loading.Store(false)
	<-opened
	if second.Server != nil {
		second.Close()
	}
}
