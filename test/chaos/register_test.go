package chaos

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	registers     = 4
	registerEpoch = 3 * time.Second // after which other keys are used, so that each history is short
	registerPause = 4 * time.Millisecond
	checkMax      = 2 * time.Minute
)

// registerHistory is SETs and GETs for porcupine.
type registerHistory struct {
	mu  sync.Mutex
	ops []porcupine.Operation
}

// access is a SET, or a GET when write is false.
type access struct {
	key   string
	write bool
	value string
}

// registerModel is one register per key; a key that is not there reads as "".
var registerModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(access).key
			byKey[key] = append(byKey[key], op)
		}
		var list [][]porcupine.Operation
		for _, ops := range byKey {
			list = append(list, ops)
		}
		return list
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		in := input.(access)
		if in.write {
			return true, in.value
		}
		return output.(string) == state.(string), state
	},
	DescribeOperation: func(input, output any) string {
		in := input.(access)
		if in.write {
			return fmt.Sprintf("SET %s %s", in.key, in.value)
		}
		return fmt.Sprintf("GET %s = %q", in.key, output)
	},
}

func (tr *trial) register(c *client, i int) {
	h := &tr.registers
	for n := 0; tr.running(); n++ {
		in := access{key: fmt.Sprintf("register:%d:%d", tr.now()/registerEpoch, (n+i)%registers)}
		command := []string{"GET", in.key}
		if n%3 == 0 {
			in.write, in.value = true, fmt.Sprintf("%d.%d", i, n)
			command = []string{"SET", in.key, in.value}
		}
		op := porcupine.Operation{ClientId: i, Input: in, Call: int64(tr.now())}
		r, result := c.do(command)
		op.Return, op.Output = int64(tr.now()), r.Text
		if result == unknown {
			op.Return = math.MaxInt64
		}
		if result == done || result == unknown && in.write {
			h.mu.Lock()
			h.ops = append(h.ops, op)
			h.mu.Unlock()
		}
		tr.finished(result)
		tr.wait(registerPause)
	}
}

func (tr *trial) checkRegisters() {
	for _, ops := range registerModel.Partition(tr.registers.ops) {
		one := registerModel
		one.Partition = nil
		switch porcupine.CheckOperationsTimeout(one, unique(ops), checkMax) {
		case porcupine.Illegal:
			var lines strings.Builder
			for _, op := range ops {
				fmt.Fprintf(&lines, "%12d %12d client %d: %s\n", op.Call, op.Return, op.ClientId, one.DescribeOperation(op.Input, op.Output))
			}
			tr.Errorf("not linearizable:\n%s", lines.String())
		case porcupine.Unknown:
			tr.Logf("a history of %d operations was not judged within %s", len(ops), checkMax)
		}
	}
}

// unique gives clients whose request was never answered another number for what they ask next: porcupine's clients ask
// one thing at a time.
func unique(ops []porcupine.Operation) []porcupine.Operation {
	next := 1 << 20
	for i := range ops {
		if ops[i].Return == math.MaxInt64 {
			ops[i].ClientId = next
			next++
		}
	}
	return ops
}
