package replica

import (
	"testing"

	"github.com/lni/dragonboat/v4/raftpb"
)

// TestReadsAtOnceOnlyAfterARead: what a node has not heard from Raft since it started it may not have applied yet.
func TestReadsAtOnceOnlyAfterARead(t *testing.T) {
	o := testOptions(t, newCounting())
	r := mustOpen(t, o)
	if err := readNow(t, r); err != nil || !r.ReadsAtOnce() {
		t.Fatalf("after a read: %v, ReadsAtOnce = %v", err, r.ReadsAtOnce())
	}
	mustClose(t, r)
	if r.ReadsAtOnce() {
		t.Error("a closed node reads")
	}
	r = mustOpen(t, o)
	defer mustClose(t, r)
	if r.ReadsAtOnce() {
		t.Error("a node that has just started reads without asking")
	}
	if err := readNow(t, r); err != nil || !r.ReadsAtOnce() {
		t.Errorf("after a read: %v, ReadsAtOnce = %v", err, r.ReadsAtOnce())
	}
}

// TestFirstMessageEndsReadsAtOnce: it is noted before anybody can have got it, however it fares.
func TestFirstMessageEndsReadsAtOnce(t *testing.T) {
	r := mustOpen(t, testOptions(t, newCounting()))
	defer mustClose(t, r)
	if err := readNow(t, r); err != nil {
		t.Fatal(err)
	}
	user, err := r.nodeHost.GetNodeUser(shardID)
	if err != nil {
		t.Fatal(err)
	}
	send, ok := sendFunc(user)
	if !ok {
		t.Fatal("dragonboat's node looks different; see direct.go")
	}
	(*send)(raftpb.Message{Type: raftpb.Heartbeat, ShardID: shardID, From: r.id.node, To: r.id.node + 1})
	if r.ReadsAtOnce() {
		t.Error("reads ask nobody, though somebody else was sent a message")
	}
}
