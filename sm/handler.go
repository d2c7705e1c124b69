package sm

import (
	"errors"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// runWrite runs a writing handler. Its error, or its panic, takes back what it did and becomes the reply: a
// committed entry must not stop every replica, again at each start. But a broken invariant of the parts
// below, or a disk that cannot be read, does stop this one.
//
// An error that a command may wait for instead of answering comes beside the reply: see blocks.
func (m *Machine) runWrite(c *command.WriteCall, spec *command.Spec) (v resp.Value, fault error) {
	tx, mark := c.Tx, c.Tx.Mark()
	defer func() {
		if reason := recover(); reason != nil {
			m.survive(spec, reason)
			tx.Rollback(mark)
			v, fault = internalError(), nil
		}
	}()
	v, fault = spec.Write(c)
	if fault != nil {
		tx.Rollback(mark)
	}
	if fault != nil && fault != command.ErrBlocked {
		v = command.ErrorReply(fault)
	}
	return v, fault
}

// blocks tells whether a command shall wait: it found nothing, or, tried again, a key of another type, which is as good
// as none.
func blocks(fault error, again bool) bool {
	return fault == command.ErrBlocked || again && fault != nil && errors.Is(fault, keyspace.ErrWrongType)
}

// RunRead runs a reading handler; its error becomes the reply, and so does its panic, or what the disk
// answered: none of that touches the state. Any goroutine may call it, with what the call's view needs locked.
func (m *Machine) RunRead(c *command.ReadCall, spec *command.Spec) (v resp.Value) {
	defer func() {
		if reason := recover(); reason != nil {
			if disk, ok := reason.(*keyspace.DiskError); ok {
				v = command.ErrorReply(disk.Err)
				return
			}
			m.survive(spec, reason)
			v = internalError()
		}
	}()
	v, err := spec.Read(c)
	m.looked(c.View)
	if err != nil {
		return command.ErrorReply(err)
	}
	return v
}

// survive notes a handler's panic, or panics on if it was not the handler's.
func (m *Machine) survive(spec *command.Spec, reason any) {
	if disk, ok := reason.(*keyspace.DiskError); ok {
		panic(disk)
	}
	if Invariant(reason) {
		panic(reason)
	}
	m.counts.panics.Add(1)
	if m.o.Panicked != nil {
		m.o.Panicked(spec.Name, reason, debug.Stack())
	}
}

// Invariant tells whether the panic that is being recovered broke an invariant of the store or of the machine: then the node
// has to stop.
func Invariant(reason any) bool {
	text, ok := reason.(string)
	return ok && invariantText(text) || invariantFrame()
}

// module is the path of the packages here, to tell whose function panicked.
const module = "github.com/redoubt-db/redoubt/"

func invariantText(text string) bool {
	return strings.HasPrefix(text, "mvcc:") || strings.HasPrefix(text, "sm:")
}

// invariantFrame tells whether the panic being recovered came out of mvcc or lease: what they were
// in the middle of cannot be rolled back, whatever the panic says.
func invariantFrame() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	raised := false // the frames of the recovery itself are behind us
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			raised = true
		case raised && !strings.HasPrefix(f.Function, "runtime."):
			pkg := strings.TrimPrefix(f.Function, module)
			return strings.HasPrefix(pkg, "mvcc.") || strings.HasPrefix(pkg, "lease.") || strings.HasPrefix(pkg, "internal/slab.")
		}
		if !more {
			return false
		}
	}
}

func internalError() resp.Value { return resp.Error("ERR internal") }
