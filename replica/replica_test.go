package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

const patience = 20 * time.Second // how long a test waits for what must happen

// freeAddress returns a loopback address nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func testOptions(t testing.TB, m Machine) Options {
	t.Helper()
	o := Options{
		Dir: t.TempDir(), MachineDir: "machine", Address: freeAddress(t), Machine: m,
		Tick: time.Millisecond, HeartbeatTicks: 5, ElectionTicks: 50,
	}
	if testing.Verbose() {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	return o
}

func mustOpen(t testing.TB, o Options) *Replica {
	t.Helper()
	r, err := Open(o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = r.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.AwaitLeader(ctx); err != nil {
		t.Fatalf("no leader: %v", err)
	}
	return r
}

// proposeNow proposes and waits.
func proposeNow(t testing.TB, r *Replica, data string) error {
	t.Helper()
	done := make(chan error, 2)
	r.propose([]byte(data), patience, func(err error) { done <- err })
	return await(t, done)
}

func readNow(t testing.TB, r *Replica) error {
	t.Helper()
	done := make(chan error, 2)
	r.ReadIndex(func(err error) { done <- err })
	return await(t, done)
}

func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

func mustClose(t testing.TB, r *Replica) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func TestOneNode(t *testing.T) {
	m := newCounting()
	r := mustOpen(t, testOptions(t, m))
	for i := range 10 {
		if err := proposeNow(t, r, fmt.Sprint(i)); err != nil {
			t.Fatalf("propose %d: %v", i, err)
		}
	}
	if err := readNow(t, r); err != nil {
		t.Fatalf("ReadIndex: %v", err)
	}
	if got, want := m.log(), []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}; !slices.Equal(got, want) {
		t.Errorf("applied %q, want %q", got, want)
	}
	info := r.Info()
	if len(info.Members) != 1 || info.Members[0] != (Member{ID: r.ID(), Role: Voter, Address: r.opts.Address}) {
		t.Errorf("members = %+v, want this node alone", info.Members)
	}
	if !info.Leader.Self || info.Term == 0 {
		t.Errorf("Info = %+v, want a term and this node leading", info)
	}
	mustClose(t, r)
	if err := readNow(t, r); !errors.Is(err, ErrClosed) {
		t.Errorf("ReadIndex after Close = %v, want ErrClosed", err)
	}
	if err := proposeNow(t, r, "late"); err == nil {
		t.Error("a proposal after Close succeeded")
	}
}
