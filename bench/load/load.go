// Package load writes keys and elements into a server as fast as it takes them, and keeps account of latencies. The benchmarks share it.
package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	nameBytes = 16 // of a key: "key:" and twelve digits, as redis-benchmark makes them
	replyMax  = 2 * time.Minute
)

// Options of Fill and Each.
type Options struct {
	Addr        string
	Keys        int
	Versions    int // how often every key is written
	ValueBytes  int
	TTL         time.Duration // of every key; 0 is none
	Connections int
	Pipeline    int
}

// Fill writes the keys 0 .. Keys-1, every connection its own part, and returns how long it took.
func Fill(o Options) (time.Duration, error) {
	began := time.Now()
	errs := make([]error, o.Connections)
	var group sync.WaitGroup
	for i := range o.Connections {
		group.Go(func() {
			errs[i] = fill(o, o.Keys*i/o.Connections, o.Keys*(i+1)/o.Connections)
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func fill(o Options, from, to int) error {
	c, err := wire.Dial(o.Addr, replyMax)
	if err != nil {
		return err
	}
	defer c.Close()
	args := []string{"SET", "", ""}
	if o.TTL > 0 {
		args = append(args, "PX", strconv.FormatInt(o.TTL.Milliseconds(), 10))
	}
	for version := range max(o.Versions, 1) {
		for key := from; key < to; key += o.Pipeline {
			n := min(o.Pipeline, to-key)
			for i := range n {
				args[1], args[2] = Name(key+i), Value(uint64(key+i)<<20|uint64(version), o.ValueBytes)
				c.Append(args...)
			}
			if err := exchange(c, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// Each sends the commands 0 .. n-1, every connection its own part, and returns how long it took. The function appends a command's words to dst; it
// is called by several goroutines at once.
func Each(o Options, n int, command func(dst []string, i int) []string) (time.Duration, error) {
	began := time.Now()
	errs := make([]error, o.Connections)
	var group sync.WaitGroup
	for i := range o.Connections {
		group.Go(func() {
			errs[i] = each(o, n*i/o.Connections, n*(i+1)/o.Connections, command)
		})
	}
	group.Wait()
	return time.Since(began), errors.Join(errs...)
}

func each(o Options, from, to int, command func(dst []string, i int) []string) error {
	c, err := wire.Dial(o.Addr, replyMax)
	if err != nil {
		return err
	}
	defer c.Close()
	var args []string
	for ; from < to; from += o.Pipeline {
		n := min(o.Pipeline, to-from)
		for i := range n {
			args = command(args[:0], from+i)
			c.Append(args...)
		}
		if err := exchange(c, n); err != nil {
			return err
		}
	}
	return nil
}

func exchange(c *wire.Conn, n int) error {
	c.Deadline(time.Now().Add(replyMax))
	if err := c.Flush(); err != nil {
		return err
	}
	for range n {
		r, err := c.Read()
		if err == nil {
			err = r.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Name is the name of a key, 16 bytes.
func Name(key int) string { return fmt.Sprintf("key:%0*d", nameBytes-len("key:"), key) }

// Value is text that follows from the seed and does not compress, so that no disk looks smaller than it is.
func Value(seed uint64, size int) string {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	out := make([]byte, 0, size+8)
	for x := seed + 1; len(out) < size; {
		x += 0x9e3779b97f4a7c15 // splitmix64
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		var random [8]byte
		binary.LittleEndian.PutUint64(random[:], z^z>>31)
		for _, b := range random {
			out = append(out, letters[b&63])
		}
	}
	return string(out[:size])
}

// Latencies are those of one phase.
type Latencies []time.Duration

// At returns the quantile q, 0 to 1.
func (l Latencies) At(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	s := slices.Clone(l)
	slices.Sort(s)
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

// Disk returns the bytes that a directory takes, as its file system counts them.
func Disk(dir string) int64 {
	var total int64
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // a file that was compacted away meanwhile
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				total += st.Blocks * 512
			}
		}
		return nil
	})
	return total
}
