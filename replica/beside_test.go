package replica

import (
	"sync/atomic"
	"testing"
	"time"
)

// handSyncer syncs when it is told to, or waited for.
type handSyncer struct {
	begun chan struct{}
	ended atomic.Bool
}

func (s *handSyncer) Begin(any) error {
	s.ended.Store(false)
	s.begun <- struct{}{}
	return nil
}

func (s *handSyncer) BeginWrite(f any, _ []byte, _ int64) error { return s.Begin(f) }

func (s *handSyncer) Ended(wait bool) (bool, error) { return wait || s.ended.Load(), nil }

// TestUnsettledIsWhatIsApplied: while one batch is applied the next may be synced already; the replies of the first do not wait for that.
func TestUnsettledIsWhatIsApplied(t *testing.T) {
	m := newCounting()
	given, done := make(chan string), make(chan struct{})
	m.onApply = func(e Entry) {
		if s := string(e.Data); s == "first" || s == "second" {
			given <- s
			<-done
		}
	}
	o := testOptions(t, m)
	r := mustOpen(t, o)
	defer mustClose(t, r)
	if err := readNow(t, r); err != nil {
		t.Fatal(err)
	}
	s := &handSyncer{begun: make(chan struct{}, 1)}
	if err := r.SyncBeside(s, 1); err != nil {
		t.Fatal(err)
	}
	r.gathered(1)
	state := func(what string, under, writing bool) (sync uint64) {
		t.Helper()
		sync, got := r.Unsettled()
		if got != under || r.writing() != writing {
			t.Errorf("%s: unsettled is %v, a sync is under way %v; want %v, %v", what, got, r.writing(), under, writing)
		}
		return sync
	}
	end := func(sync uint64) {
		t.Helper()
		s.ended.Store(true)
		r.Notice()
		if !r.Settled(sync) {
			t.Errorf("sync %d has not ended", sync)
		}
	}
	ends := make(chan error, 2)
	propose := func(data string) { r.propose([]byte(data), 10*time.Second, func(err error) { ends <- err }) }

	propose("first")
	<-s.begun
	<-given
	end(state("first is applied and synced", true, true))
	state("first is applied", false, false)
	propose("second")
	<-s.begun
	state("first is applied, second synced", false, true)
	done <- struct{}{}
	<-given
	end(state("second is applied and synced", true, true))
	state("second is applied", false, false)
	done <- struct{}{}
	for range 2 {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
	if err := r.SyncBeside(nil, 0); err != nil {
		t.Fatal(err)
	}
}
