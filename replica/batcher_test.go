package replica

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// fakeLog is a proposer that ill-treats what it is given, and the machine behind
// it. Everything happens in the goroutine of the test.
type fakeLog struct {
	b       *Batcher[*local]
	leader  Leader
	hook    func(Leader)
	held    []heldProposal // not committed yet, perhaps never
	treat   func() treatment
	receipt struct{ incarnation, number uint64 }
	dedupe  bool // the machine grants one incarnation per nonce
	nonce   uint64
	applied []int // requests, in the order of their application
	bytes   map[[2]uint64]string
	t       *testing.T
	lag     uint64
	syncing bool // the disk is at work on what was applied
	away    bool // this node does not hear of what is applied: it will receive a snapshot
}

type heldProposal struct {
	data []byte
	done func(error) // nil: already answered
}

type treatment int

const (
	commit   treatment = iota // applied at once
	drop                      // never applied, and says so
	lose                      // never applied, and nobody knows
	hold                      // applied later, or never
	holdLost                  // its fate is reported unknown, yet it is applied later, or never
)

// local is what the batcher of the tests keeps beside a batch.
type local struct{ applied bool }

// message is an entry of the tests.
type message struct {
	Claim    uint64 `json:",omitempty"` // nonce
	Header   Header
	Requests []int
}

func (l *fakeLog) ID() uint64                 { return 7 }
func (l *fakeLog) Leader() Leader             { return l.leader }
func (l *fakeLog) behind() uint64             { return l.lag }
func (l *fakeLog) unsettled() bool            { return l.syncing }
func (l *fakeLog) writing() bool              { return l.syncing }
func (l *fakeLog) gathered(int)               {}
func (l *fakeLog) onLeader(hook func(Leader)) { l.hook = hook }
func (l *fakeLog) elect(term uint64, known bool) {
	l.leader = Leader{Term: term, Known: known}
	l.hook(l.leader)
}

func (l *fakeLog) propose(data []byte, _ time.Duration, done func(error)) {
	data = slices.Clone(data)
	switch l.treat() {
	case commit:
		l.apply(data)
		done(nil)
	case drop:
		done(ErrDropped)
	case lose:
		done(ErrUnknown)
	case hold:
		l.held = append(l.held, heldProposal{data, done})
	case holdLost:
		l.held = append(l.held, heldProposal{data, nil})
		done(ErrUnknown)
	}
}

// skip commits n held proposals while this node is away, and then gives it the snapshot in which they are.
func (l *fakeLog) skip(n int) {
	skipped := slices.Clone(l.held[:n])
	l.held = slices.Delete(l.held, 0, n)
	l.away = true
	for _, h := range skipped {
		l.apply(h.data)
	}
	l.away = false
	l.b.Recovered(l.receipt.incarnation, l.receipt.number)
	for _, h := range skipped {
		if h.done != nil {
			h.done(ErrUnknown)
		}
	}
}

// release commits or loses a held proposal.
func (l *fakeLog) release(i int, applied bool) {
	h := l.held[i]
	l.held = slices.Delete(l.held, i, i+1)
	if applied {
		l.apply(h.data)
	}
	if h.done == nil {
		return
	}
	if applied {
		h.done(nil)
	} else {
		h.done(ErrUnknown)
	}
}

// apply is the receipts' rule, spelt out.
func (l *fakeLog) apply(data []byte) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		l.t.Fatalf("entry %q: %v", data, err)
	}
	if m.Claim != 0 {
		if !l.dedupe || m.Claim != l.nonce {
			l.receipt.incarnation++
			l.receipt.number = 0
		}
		l.nonce = m.Claim
		if !l.away {
			l.b.Incarnated(m.Claim, l.receipt.incarnation)
		}
		return
	}
	id := [2]uint64{m.Header.Incarnation, m.Header.Number}
	if before, ok := l.bytes[id]; ok && before != string(data) {
		l.t.Errorf("batch %v was proposed as %q and as %q", id, before, data)
	}
	l.bytes[id] = string(data)
	if m.Header.Incarnation != l.receipt.incarnation || m.Header.Number != l.receipt.number+1 {
		return
	}
	l.receipt.number++
	if l.away {
		l.applied = append(l.applied, m.Requests...)
		return
	}
	if mine, ok := l.b.InFlight(m.Header.Incarnation, m.Header.Number); ok {
		mine.applied = true
	}
	l.applied = append(l.applied, m.Requests...)
	l.b.Applied(m.Header.Number)
}

// bench is a batcher over a fakeLog, with a clock of its own.
type bench struct {
	*fakeLog
	now     time.Duration
	next    int
	settled map[int]error // by request
}

func newBench(t *testing.T, o BatcherOptions[*local]) *bench {
	x := &bench{fakeLog: &fakeLog{t: t, bytes: map[[2]uint64]string{}}, now: 1, settled: map[int]error{}}
	x.treat = func() treatment { return commit }
	var seed uint64
	o.Seed = func() uint64 { seed++; return seed }
	o.Now = func() int64 { return x.now.Milliseconds() }
	o.NewLocal = func() *local { return &local{} }
	o.Incarnate = func(node, nonce uint64) []byte { return toJSON(message{Claim: nonce, Header: Header{Node: node}}) }
	o.Seal = func(dst []byte, h Header, body []byte) []byte {
		m := message{Header: h}
		for _, b := range body {
			m.Requests = append(m.Requests, int(b))
		}
		return append(dst, toJSON(m)...)
	}
	o.Settled = x.onSettled
	o.Gather = Gather{Fraction: -1}
	x.b = newBatcher(x.fakeLog, o, func() time.Duration { return x.now })
	return x
}

func toJSON(m message) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

func (x *bench) onSettled(b *Batch[*local], err error) {
	if applied := b.Local.applied; applied != (err == nil) {
		x.t.Errorf("a batch is settled with %v, and its replies are there: %t", err, applied)
	}
	for _, request := range b.Body {
		if before, twice := x.settled[int(request)]; twice {
			x.t.Errorf("request %d is settled with %v after %v", request, err, before)
		}
		x.settled[int(request)] = err
	}
}

// request sends n requests in one go.
func (x *bench) request(n int) {
	b := x.b.OpenFor(n)
	for range n {
		b.Body = append(b.Body, byte(x.next))
		b.Requests++
		x.next++
	}
	x.b.Done()
}

func (x *bench) pass(d time.Duration) {
	x.now += d
	x.b.tick()
}

// judge compares what clients were told with what the machine did.
func (x *bench) judge() {
	x.t.Helper()
	if !slices.IsSorted(x.applied) {
		x.t.Errorf("applied in the order %v", x.applied)
	}
	for request := range x.next {
		times := 0
		for _, a := range x.applied {
			if a == request {
				times++
			}
		}
		err, told := x.settled[request]
		switch {
		case !told:
			x.t.Errorf("request %d was never settled", request)
		case (err == nil || errors.Is(err, ErrReplyLost)) && times != 1,
			errors.Is(err, ErrNotApplied) && times != 0,
			errors.Is(err, ErrUnknown) && times > 1:
			x.t.Errorf("request %d was settled with %v and applied %d times", request, err, times)
		}
	}
}

func TestBatcherGathersWhileInFlight(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{})
	x.elect(1, true)
	x.treat = func() treatment { return hold }
	x.request(1)
	x.request(2)
	x.request(3)
	if len(x.held) != 1 {
		t.Fatalf("%d proposals in flight, want 1", len(x.held))
	}
	x.release(0, true)
	if len(x.held) != 1 {
		t.Fatalf("%d proposals after the first was applied, want 1", len(x.held))
	}
	x.release(0, true)
	if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(x.applied, want) || len(x.held) != 0 {
		t.Errorf("applied %v in two batches, want %v", x.applied, want)
	}
	x.judge()
}

// TestBatcherProposesRidersAlone: a read behind the only write there is must not wait for the next write of anybody.
func TestBatcherProposesRidersAlone(t *testing.T) {
	settled := 0
	x := newBench(t, BatcherOptions[*local]{})
	x.b.o.Settled = func(b *Batch[*local], err error) {
		settled += b.Riders
		x.onSettled(b, err)
	}
	x.elect(1, true)
	x.treat = func() treatment { return hold }
	x.request(1)
	x.b.Open().Riders++
	x.b.Done()
	x.release(0, true)
	if len(x.held) != 1 {
		t.Fatalf("%d proposals after the write was applied, want 1 for who rides behind it", len(x.held))
	}
	x.release(0, true)
	if settled != 1 || !slices.Equal(x.applied, []int{0}) || !x.b.empty() {
		t.Errorf("%d riders are settled, %v applied; want 1 and [0]", settled, x.applied)
	}
	x.b.Open()
	x.b.Done()
	if len(x.held) != 0 {
		t.Error("a batch that nobody waits for was proposed")
	}
	x.judge()
}

func TestBatcherBoundsBatches(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{MaxBytes: 10, MaxRequests: 4})
	x.elect(1, true)
	var counts []int
	x.treat = func() treatment { return hold }
	for range 9 {
		x.request(1)
	}
	x.request(20) // larger than a batch may be: it goes alone
	x.request(1)
	for len(x.held) > 0 {
		var m message
		if err := json.Unmarshal(x.held[0].data, &m); err != nil {
			t.Fatal(err)
		}
		if m.Header.Count != len(m.Requests) {
			t.Errorf("a batch of %d requests counts %d", len(m.Requests), m.Header.Count)
		}
		counts = append(counts, len(m.Requests))
		x.release(0, true)
	}
	if want := []int{1, 4, 4, 20, 1}; !slices.Equal(counts, want) {
		t.Errorf("batches of %v requests, want %v", counts, want)
	}
	x.judge()
}

func TestBatcherGivesUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		treat treatment
		known bool // there is a leader
		want  error
	}{
		{"no leader", commit, false, ErrNotApplied},
		{"always dropped", drop, true, ErrNotApplied},
		{"lost", lose, true, ErrUnknown},
		{"held", hold, true, ErrUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newBench(t, BatcherOptions[*local]{WriteTimeout: time.Second})
			x.elect(1, true)
			x.elect(1, c.known)
			x.treat = func() treatment { return c.treat }
			x.request(2)
			for range 99 {
				x.pass(10 * time.Millisecond)
			}
			if len(x.settled) != 0 {
				t.Fatalf("settled before its time: %v", x.settled)
			}
			x.pass(20 * time.Millisecond)
			if x.settled[0] != c.want || x.settled[1] != c.want {
				t.Errorf("settled with %v, want %v", x.settled, c.want)
			}
			x.treat = func() treatment { return commit }
			x.elect(2, true)
			x.pass(20 * time.Millisecond)
			x.request(1)
			if err, told := x.settled[2]; err != nil || !told {
				t.Errorf("the next request was settled %t with %v", told, err)
			}
			for len(x.held) > 0 { // old proposals turn up at last
				x.release(0, true)
			}
			x.judge()
		})
	}
}

func TestBatcherProposesAgainWithANewLeader(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{})
	x.elect(1, true)
	x.treat = func() treatment { return hold }
	x.request(1)
	x.elect(1, true)
	if len(x.held) != 1 {
		t.Errorf("%d proposals though the leader is the same, want 1", len(x.held))
	}
	x.elect(2, false)
	x.elect(2, true)
	if len(x.held) != 2 {
		t.Fatalf("%d proposals after a change of leader, want 2", len(x.held))
	}
	x.release(0, true)
	x.release(0, true)
	x.judge()
}

func TestBatcherSettlesReceiptsOfASnapshot(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{Window: 2})
	x.elect(1, true)
	x.treat = func() treatment { return hold }
	x.request(1)
	x.request(1)
	x.b.Recovered(x.receipt.incarnation, 1)
	if err := x.settled[0]; err != ErrReplyLost || len(x.settled) != 1 {
		t.Errorf("settled %v, want request 0 with %v", x.settled, ErrReplyLost)
	}
}

// TestBatcherDoesNotRepeatWhatASnapshotHides: batches 1 and 2 are proposed, 1 is given up, and with it the incarnation. This node is away
// while the log takes 1, 2 and the new incarnation, and receives a snapshot. Its receipt says nothing of batch 2, which must not be
// proposed in another incarnation: it would be applied twice.
func TestBatcherDoesNotRepeatWhatASnapshotHides(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{Window: 2, WriteTimeout: time.Second})
	x.elect(1, true)
	x.treat = func() treatment { return hold }
	x.request(1)
	x.pass(500 * time.Millisecond)
	x.request(1)
	x.pass(600 * time.Millisecond)
	if len(x.held) != 3 {
		t.Fatalf("%d proposals, want batches 1 and 2 and an incarnation", len(x.held))
	}
	x.skip(3)
	x.treat = func() treatment { return commit }
	for range 200 {
		x.pass(10 * time.Millisecond)
	}
	if err, told := x.settled[1]; err != ErrUnknown || !told {
		t.Errorf("request 1 was settled %t with %v, want %v", told, err, ErrUnknown)
	}
	x.judge()
}

// TestBatcherFollowsItsIncarnation: whoever asked for an incarnation of this node, and whenever, it voids the earlier ones.
func TestBatcherFollowsItsIncarnation(t *testing.T) {
	for _, away := range []bool{false, true} {
		x := newBench(t, BatcherOptions[*local]{WriteTimeout: time.Second})
		x.elect(1, true)
		x.request(1)
		x.away = away
		x.apply(toJSON(message{Claim: 99, Header: Header{Node: 7}})) // from an earlier life of this node
		if x.away = false; away {
			x.b.Recovered(x.receipt.incarnation, x.receipt.number)
		}
		x.request(1)
		if err, told := x.settled[1]; err != nil || !told {
			t.Errorf("away %t: request 1 was settled %t with %v, want applied at once", away, told, err)
		}
		x.judge()
	}
}

func TestBatcherIgnoresAppliedWithoutInFlight(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{})
	x.elect(1, true)
	x.treat = func() treatment { return hold }
	x.request(1)
	x.b.Applied(1) // batch 1 of an earlier incarnation, found in the log at start
	if len(x.settled) != 0 {
		t.Errorf("settled %v by another batch of that number", x.settled)
	}
	x.release(0, true)
	x.judge()
}

func TestBatcherProposesVoidBatchesAnew(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{Window: 2, WriteTimeout: time.Second})
	x.elect(1, true)
	x.treat = func() treatment { return lose }
	x.request(1)
	x.pass(500 * time.Millisecond)
	x.request(1)
	x.pass(600 * time.Millisecond) // request 0 is given up, and with it the incarnation
	if err := x.settled[0]; err != ErrUnknown || len(x.settled) != 1 {
		t.Fatalf("settled %v, want request 0 with %v", x.settled, ErrUnknown)
	}
	x.treat = func() treatment { return commit }
	x.pass(20 * time.Millisecond)
	if err, told := x.settled[1]; err != nil || !told {
		t.Errorf("request 1 was settled %t with %v, want applied in the new incarnation", told, err)
	}
	x.judge()
}

func TestBatcherKnowsThatVoidBatchesWereNotApplied(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{Window: 2, WriteTimeout: time.Second})
	x.elect(1, true)
	x.treat = func() treatment { return lose }
	x.request(1)
	x.pass(500 * time.Millisecond)
	x.request(1)
	x.treat = func() treatment { return hold }
	x.pass(600 * time.Millisecond)
	x.elect(1, false)
	x.release(0, true) // the new incarnation is granted while there is no leader to propose to
	x.pass(600 * time.Millisecond)
	if err := x.settled[1]; err != ErrNotApplied {
		t.Errorf("request 1 was settled with %v, want %v", err, ErrNotApplied)
	}
	x.judge()
}

func TestBatcherClose(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{})
	x.elect(1, true)
	x.treat = func() treatment { return hold }
	x.request(1)
	x.request(1)
	x.b.Close()
	x.request(1)
	if x.settled[0] != ErrUnknown || x.settled[1] != ErrNotApplied || x.settled[2] != ErrNotApplied {
		t.Errorf("settled %v, want unknown, not applied, not applied", x.settled)
	}
	x.release(0, true)
	x.judge()
}

// TestBatcherLaws ill-treats proposals at random: whatever happens to them, a
// request is applied at most once, exactly once if its client was told so, and
// in order; and in the end every client is told.
func TestBatcherLaws(t *testing.T) {
	for seed := range uint64(600) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 1))
			x := newBench(t, BatcherOptions[*local]{
				Window: 1 + int(seed%3), MaxBytes: 8, WriteTimeout: time.Duration(1+chance.IntN(50)) * 10 * time.Millisecond,
			})
			x.dedupe = seed%2 == 0
			x.treat = func() treatment { return treatment(chance.IntN(int(holdLost) + 1)) }
			term := uint64(1)
			x.elect(term, true)
			for x.next < 200 {
				switch chance.IntN(8) {
				case 0, 1, 2:
					x.request(1 + chance.IntN(3))
				case 3:
					term += uint64(chance.IntN(2))
					x.elect(term, chance.IntN(3) > 0)
				case 4, 5:
					switch n := len(x.held); {
					case n > 0 && chance.IntN(10) == 0:
						x.skip(1 + chance.IntN(n))
					case n > 0:
						x.release(chance.IntN(n), chance.IntN(3) > 0)
					}
				default:
					x.pass(time.Duration(chance.IntN(20)) * time.Millisecond)
				}
			}
			for len(x.held) > 0 {
				x.release(chance.IntN(len(x.held)), chance.IntN(3) > 0)
			}
			x.treat = func() treatment { return commit }
			x.elect(term+1, true)
			for range 100 {
				x.pass(10 * time.Millisecond)
			}
			x.judge()
			if t.Failed() {
				t.FailNow()
			}
		})
		if t.Failed() {
			return
		}
	}
}
