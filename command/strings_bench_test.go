package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// bench runs one command again and again, as apply and an event loop do: calls and buffers are used again.
type bench struct {
	store *mvcc.Store
	space *keyspace.Space
	batch *mvcc.Batch
	spec  *Spec
	argv  [][]byte
	read  ReadCall
	write WriteCall
	view  keyspace.View
	buf   []byte
}

const benchBatch = 128 // requests in a batch

func newBench(tb testing.TB, line string) *bench {
	store, err := mvcc.Open(mvcc.Options{Dir: "bench", FS: vfs.NewMem()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	m := &bench{store: store, space: keyspace.Open(store)}
	for _, word := range strings.Fields(line) {
		m.argv = append(m.argv, []byte(word))
	}
	m.spec = NewTable(Families()...).Lookup(m.argv[0])
	m.batch = store.Begin()
	tx := m.space.Begin(m.batch, 1, 1)
	tx.Set([]byte("key:000000000001"), []byte("1"))
	tx.Set([]byte("word:00000000001"), []byte(strings.Repeat("v", 64)))
	tx.Commit()
	return m
}

// once is one request: a transaction of its own for a write.
func (m *bench) once() {
	var reply resp.Value
	var err error
	if m.spec.ReadsOnly(m.argv) {
		m.view = m.space.View(0, 1, 1, false)
		m.read.Reset(m.argv, &m.view, resp.RESP2)
		reply, err = m.spec.Read(&m.read)
	} else {
		tx := m.space.Begin(m.batch, 1, 1)
		m.write.Reset(m.argv, tx, resp.RESP2)
		reply, err = m.spec.Write(&m.write)
		defer tx.Commit()
	}
	if err != nil {
		panic(err)
	}
	m.buf = reply.Append(m.buf[:0], resp.RESP2)
}

// lines are the commands measured; the first ones must not allocate.
func hotLines() []string {
	return []string{
		"GET word:00000000001", "SET word:00000000001 " + strings.Repeat("w", 64), "INCR key:000000000001",
		"STRLEN word:00000000001", "GETBIT word:00000000001 100", "BITCOUNT word:00000000001",
		"SET word:00000000001 v EX 100", "SETEX word:00000000001 100 v", "SETNX word:00000000001 v",
		"SETRANGE word:00000000001 3 xyz", "SETBIT key:000000000001 7 1", "MSET key:000000000001 1 key:000000000002 2",
	}
}

func TestHotCommandsDoNotAllocate(t *testing.T) {
	for _, line := range hotLines() {
		m := newBench(t, line)
		if n := testing.AllocsPerRun(benchBatch, m.once); n != 0 {
			t.Errorf("%s allocates %v times", line, n)
		}
	}
}

func BenchmarkStrings(b *testing.B) {
	lines := append(hotLines(), "APPEND key:000000000002 x", "INCRBYFLOAT key:000000000001 0.1", "MGET key:000000000001 word:00000000001",
		"BITFIELD key:000000000001 INCRBY u8 0 1")
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			m := newBench(b, line)
			b.ReportAllocs()
			applied := uint64(0)
			for i := 0; b.Loop(); i++ {
				m.once()
				if i%benchBatch != benchBatch-1 {
					continue
				}
				applied++
				if err := m.batch.Commit(applied); err != nil {
					b.Fatal(fmt.Errorf("batch %d: %w", applied, err))
				}
				m.batch = m.store.Begin()
			}
		})
	}
}
