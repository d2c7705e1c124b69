package main

import (
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
	"github.com/redoubt-db/redoubt/test/wire"
)

func TestFirst(t *testing.T) {
	for _, c := range []struct {
		bytes   string
		size    int // 0: not all there; -1: broken
		refused string
		missing bool
		number  int64
	}{
		{bytes: ""},
		{bytes: "+O"},
		{bytes: "+OK\r"},
		{bytes: "+OK\r\n", size: 5},
		{bytes: "+OK\r\n:1\r\n", size: 5},
		{bytes: "-ERR no\r\n", size: 9, refused: "ERR no"},
		{bytes: ":12\r\n", size: 5, number: 12},
		{bytes: ":-1\r\n", size: 5, number: -1},
		{bytes: "$-1\r\n", size: 5, missing: true},
		{bytes: "_\r\n", size: 3, missing: true},
		{bytes: "$3\r\nab"},
		{bytes: "$3\r\nabc\r"},
		{bytes: "$3\r\na\nb\r\n", size: 9},
		{bytes: "$0\r\n\r\n", size: 6},
		{bytes: "$3\r\nabcde", size: -1},
		{bytes: "$x\r\n", size: -1},
		{bytes: "$-2\r\n", size: -1},
		{bytes: "$99999\r\n", size: -1},
		{bytes: ":\r\n", size: -1},
		{bytes: ":1x\r\n", size: -1},
		{bytes: ":1234567890123456789\r\n", size: -1},
		{bytes: "\r\n", size: -1},
		{bytes: "+OK\n", size: -1},
		{bytes: "*1\r\n+OK\r\n", size: -1},
	} {
		a, size, err := first([]byte(c.bytes))
		if err != nil {
			size = -1
		}
		refused := ""
		if a.refused != nil {
			refused = a.refused.Error()
		}
		if size != c.size || err == nil && (refused != c.refused || a.missing != c.missing || a.number != c.number) {
			t.Errorf("first(%q) = %+v, %d, %v", c.bytes, a, size, err)
		}
	}
}

// FuzzFirst holds that what is taken for a reply is one, by the reader of the other generator.
func FuzzFirst(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "-ERR\r\n", ":1\r\n", "$1\r\na\r\n", "$-1\r\n", "_\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, size, err := first(b)
		if err != nil || size == 0 {
			return
		}
		here, there := net.Pipe()
		go func() {
			here.Write(b[:size])
			here.Close()
		}()
		r, err := wire.New(there).Read()
		if err != nil || r.Nil != a.missing || (r.Err() == nil) != (a.refused == nil) || r.Kind == ':' && r.Int != a.number {
			t.Errorf("first(%q) = %+v, but it reads as %s, %v", b, a, r, err)
		}
	})
}

// TestHistogram compares quantiles with those of all latencies in order.
func TestHistogram(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, most := range []time.Duration{100, 10_000, 3 * time.Millisecond, time.Minute} {
		h, all := new(histogram), load.Latencies{}
		for range 5000 {
			d := time.Duration(random.Float64() * random.Float64() * float64(most))
			h.add(d)
			all = append(all, d)
		}
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
			got, want := h.at(q), all.At(q)
			if off := got - want; off > want/128+1 || off < -want/128-1 {
				t.Errorf("up to %s: quantile %g is %s, want %s", most, q, got, want)
			}
		}
	}
	if got := new(histogram).at(0.5); got != 0 {
		t.Errorf("quantile of nothing is %s", got)
	}
}

// TestHistogramBuckets holds that buckets follow one another without gaps, up to the last, which takes whatever is longer.
func TestHistogramBuckets(t *testing.T) {
	for i := range buckets {
		if low, high := bucket(floor(i)), bucket(floor(i+1)-1); low != i || high != i {
			t.Fatalf("bucket %d is from %d to %d ns, which are in %d and %d", i, floor(i), floor(i+1)-1, low, high)
		}
	}
	if got := bucket(time.Hour); got != buckets-1 {
		t.Errorf("an hour is in bucket %d of %d", got, buckets)
	}
	if got := bucket(-1); got != 0 {
		t.Errorf("less than nothing is in bucket %d", got)
	}
}
