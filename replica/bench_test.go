package replica

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// pair is a replica with a batcher over it and the machine that joins them, as a
// server would: requests are empty, replies are the closing of a channel.
type pair struct {
	*counting
	batcher atomic.Pointer[Batcher[*waiters]]
	replica *Replica

	incarnation, number uint64
	batches             atomic.Int64
	bodies              []string // of the batches applied, if kept
	keep                bool
}

// waiters are the clients of one batch.
type waiters struct{ clients []chan error }

const (
	entryClaim = 'c'
	entryBatch = 'b'
)

func newPair(t testing.TB, o BatcherOptions[*waiters]) *pair {
	p := &pair{counting: newCounting()}
	p.start(t, o)
	return p
}

func (p *pair) start(t testing.TB, o BatcherOptions[*waiters]) {
	ro := testOptions(t, p)
	if dir := os.Getenv("REPLICA_BENCH_DIR"); dir != "" {
		ro.Dir = dir
	}
	p.replica = mustOpen(t, ro)
	var seed atomic.Uint64
	seed.Store(uint64(os.Getpid()))
	o.Seed = func() uint64 { return seed.Add(1) }
	o.Now = func() int64 { return 0 }
	o.NewLocal = func() *waiters { return &waiters{} }
	o.Incarnate = func(node, nonce uint64) []byte {
		return binary.BigEndian.AppendUint64([]byte{entryClaim}, nonce)
	}
	o.Seal = func(dst []byte, h Header, body []byte) []byte {
		dst = append(dst, entryBatch)
		dst = binary.BigEndian.AppendUint64(dst, h.Incarnation)
		dst = binary.BigEndian.AppendUint64(dst, h.Number)
		return append(dst, body...)
	}
	o.Settled = func(b *Batch[*waiters], err error) {
		for _, c := range b.Local.clients {
			c <- err
		}
	}
	b := NewBatcher(p.replica, o)
	p.batcher.Store(b)
	t.Cleanup(b.Close)
	// The claim may have been applied before the batcher was known to the machine;
	// then it is proposed again, to which the machine answers as before.
	await(t, b.Ready())
}

func (p *pair) Apply(entries []Entry) error {
	b := p.batcher.Load()
	for _, e := range entries {
		switch e.Data[0] {
		case entryClaim:
			p.incarnation++
			p.number = 0
			if b != nil {
				b.Incarnated(binary.BigEndian.Uint64(e.Data[1:]), p.incarnation)
			}
		case entryBatch:
			incarnation, number := binary.BigEndian.Uint64(e.Data[1:]), binary.BigEndian.Uint64(e.Data[9:])
			if incarnation != p.incarnation || number != p.number+1 {
				continue
			}
			p.number++
			p.batches.Add(1)
			if p.keep {
				p.bodies = append(p.bodies, string(e.Data[17:]))
			}
			if b == nil {
				continue
			}
			if _, ok := b.InFlight(incarnation, number); ok {
				b.Applied(number)
			}
		}
	}
	return nil
}

// write sends one request and waits for its fate.
func (p *pair) write(c chan error, body []byte) error {
	p.enqueue(c, body)
	return <-c
}

func (p *pair) enqueue(c chan error, body []byte) {
	b := p.batcher.Load()
	batch := b.OpenFor(len(body))
	batch.Body = append(batch.Body, body...)
	batch.Requests++
	batch.Local.clients = append(batch.Local.clients, c)
	b.Done()
}

func BenchmarkPropose(b *testing.B) {
	for _, clients := range []int{1, 50} {
		for _, fraction := range []float64{-1, 0.1, 0.25, 0.5, 1} {
			for _, window := range []int{1, 2} {
				if window > 1 && fraction > 0 {
					continue
				}
				b.Run(fmt.Sprintf("clients=%d/gather=%g/window=%d", clients, fraction, window), func(b *testing.B) {
					benchmarkWrites(b, clients, BatcherOptions[*waiters]{Window: window, Gather: Gather{Fraction: fraction}})
				})
			}
		}
	}
}

func benchmarkWrites(b *testing.B, clients int, o BatcherOptions[*waiters]) {
	p := newPair(b, o)
	body := make([]byte, 100)
	before := p.batches.Load()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			c := make(chan error, 1)
			for left.Add(-1) >= 0 {
				if err := p.write(c, body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/float64(p.batches.Load()-before), "requests/batch")
}

// BenchmarkPipelines has two event loops that append sixteen requests a turn, and
// wait for the replies of a turn two hundred turns later.
func BenchmarkPipelines(b *testing.B) {
	p := newPair(b, BatcherOptions[*waiters]{})
	body := make([]byte, 100)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	before := p.batches.Load()
	var loops sync.WaitGroup
	for range 2 {
		loops.Go(func() {
			c := make(chan error, 200*16)
			sent := 0
			for left.Add(-16) >= 0 {
				for range 16 {
					p.enqueue(c, body)
				}
				sent += 16
				for ; sent > cap(c)-16; sent-- {
					<-c
				}
			}
			for ; sent > 0; sent-- {
				<-c
			}
		})
	}
	loops.Wait()
	b.ReportMetric(float64(b.N)/float64(p.batches.Load()-before), "requests/batch")
}

// BenchmarkOverTCP is BenchmarkPropose with clients that are further away, so that
// their next requests come later: the case that gathering has to get right.
func BenchmarkOverTCP(b *testing.B) {
	for _, clients := range []int{1, 50} {
		for _, fraction := range []float64{-1, 0.25, 0.5, 1, 2} {
			b.Run(fmt.Sprintf("clients=%d/gather=%g", clients, fraction), func(b *testing.B) {
				benchmarkOverTCP(b, clients, BatcherOptions[*waiters]{Gather: Gather{Fraction: fraction}})
			})
		}
	}
}

func benchmarkOverTCP(b *testing.B, clients int, o BatcherOptions[*waiters]) {
	p := newPair(b, o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go p.serve(l)
	before := p.batches.Load()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			body := make([]byte, 100)
			for left.Add(-1) >= 0 {
				if _, err := conn.Write(body); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(conn, body[:5]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/float64(p.batches.Load()-before), "requests/batch")
}

// serve answers every hundred bytes of a connection with five, once they are applied.
func (p *pair) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			body, c := make([]byte, 100), make(chan error, 1)
			for {
				if _, err := io.ReadFull(conn, body); err != nil {
					return
				}
				if p.write(c, body) != nil {
					return
				}
				if _, err := io.WriteString(conn, "+OK\r\n"); err != nil {
					return
				}
			}
		}()
	}
}

func BenchmarkReadIndex(b *testing.B) {
	for _, readers := range []int{1, 2, 50} {
		b.Run("readers="+strconv.Itoa(readers), func(b *testing.B) {
			p := newPair(b, BatcherOptions[*waiters]{})
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			for range readers {
				all.Go(func() {
					c := make(chan error, 1)
					done := func(err error) { c <- err }
					for left.Add(-1) >= 0 {
						p.replica.ReadIndex(done)
						if err := <-c; err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
		})
	}
}
