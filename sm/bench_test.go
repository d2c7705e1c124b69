package sm

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// BenchmarkApply applies batches of SETs of 64 bytes to a million keys with names of 16, with replies: what
// one request costs between the log and its reply, Pebble included.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{50, 1000} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) { benchmarkApply(b, size) })
	}
}

func benchmarkApply(b *testing.B, size int) {
	const keys = 1_000_000
	var local Local
	m := New(Options{
		Table: command.NewTable(command.Families()...),
		Store: mvcc.Options{Seed: 1},
		Local: func(uint64, uint64, uint64) *Local { return &local },
	})
	if _, err := m.Open(b.TempDir()); err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	args := [][]byte{[]byte("SET"), []byte("key:000000000000"), make([]byte, 64)}
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range args[2] {
		args[2][i] = byte(chance.Uint32())
	}
	index, number, seed := uint64(1), uint64(0), uint64(1)
	entries := []Entry{{Index: index, Data: AppendIncarnate(nil, testNode, 1)}}
	if err := m.Apply(entries); err != nil {
		b.Fatal(err)
	}
	var body, sealed []byte
	apply := func(next func() uint64) {
		local.Reset()
		body = body[:0]
		for range size {
			n := next()
			binary.LittleEndian.PutUint64(args[2], n*number)
			for i := 15; i >= 4; i-- {
				args[1][i] = '0' + byte(n%10)
				n /= 10
			}
			body = AppendCommand(body, 0, args)
			local.Ops = append(local.Ops, LocalOp{Kind: OpRequest, Proto: resp.RESP2})
		}
		index, number = index+1, number+1
		sealed = SealBatch(sealed[:0], Header{Node: testNode, Incarnation: 1, Number: number, Now: int64(number), Count: size}, body)
		entries[0] = Entry{index, sealed}
		if err := m.Apply(entries); err != nil {
			b.Fatal(err)
		}
	}
	filled := uint64(0)
	for range keys / size {
		apply(func() uint64 { filled++; return filled })
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range (b.N + size - 1) / size {
		apply(func() uint64 { seed = seed*6364136223846793005 + 1442695040888963407; return seed >> 33 % keys })
	}
	b.StopTimer()
	if ops := slices.IndexFunc(local.Ops, func(op LocalOp) bool { return op.Rev == 0 }); ops >= 0 {
		b.Fatalf("request %d took no revision: %q", ops, local.Out)
	}
}
