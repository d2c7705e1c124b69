package sm

import (
	"fmt"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// multi runs a MULTI block: nothing of it if a guard is broken, else every op, whatever the others answer.
func (x *execution) multi(tx *keyspace.Tx, op *LocalOp) error {
	holds := true
	for n := x.d.count(guardSizeMin); n > 0; n-- {
		g := x.d.guard()
		if x.d.bad {
			return errDamaged
		}
		holds = holds && tx.Holds(&g)
	}
	ops := x.d.count(opSizeMin)
	if x.d.bad {
		return errDamaged
	}
	if op != nil {
		if holds {
			x.local.Out = resp.AppendHeader(x.local.Out, '*', ops)
		} else {
			x.local.Out = resp.NullArray().Append(x.local.Out, op.Proto)
		}
	}
	slot := 0
	for range ops {
		kind := x.d.byte()
		switch {
		case x.d.bad:
			return errDamaged
		case kind == opSlot:
			if holds && op != nil {
				x.slot(op, slot)
			}
			slot++
		case kind == opCommand:
			if err := x.queued(tx, op, holds); err != nil {
				return err
			}
		default:
			return fmt.Errorf("sm: op of kind %d, which is unknown: a newer version is needed", kind)
		}
	}
	return nil
}

// queued runs the next op of a MULTI block, or passes over it.
func (x *execution) queued(tx *keyspace.Tx, op *LocalOp, run bool) error {
	var db uint32
	db, x.args = x.d.command(x.args[:0])
	if x.d.bad {
		return errDamaged
	}
	if !run {
		return nil
	}
	tx.Select(db)
	v, err := x.command(tx, op)
	if err != nil || op == nil {
		return err
	}
	x.local.Out = v.Append(x.local.Out, op.Proto)
	return nil
}

// slot gives the reply that the server made itself.
func (x *execution) slot(op *LocalOp, i int) {
	if i >= len(op.Slots) {
		panic(fmt.Sprintf("sm: a MULTI block of batch %d has more slots than the %d replies it came with", x.h.Number, len(op.Slots)))
	}
	x.local.Out = append(x.local.Out, op.Slots[i]...)
}
