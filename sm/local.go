package sm

import (
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Limits of what an idle Local keeps.
const (
	localOpsKeepMax   = 16 << 10 // ops, and arguments
	localBytesKeepMax = 1 << 20  // bytes of replies, and of the arena
)

// OpKind is what an op of a Local stands for.
type OpKind uint8

const (
	OpRequest OpKind = iota + 1 // the next request of the entry
	OpRead                      // a read that rides behind the requests in front of it
	OpReply                     // a ready reply that keeps its place
)

// Local is what the node that proposes a batch keeps beside it: who waits for which reply, and reads that
// ride along. Its replies are there once Options.Applied was called for the batch. The server owns and pools
// it; the Machine uses it only between Options.Local and Options.Applied.
type Local struct {
	Ops []LocalOp
	Out []byte // the encoded replies, in the order of Ops

	bytes []byte
	argv  [][]byte
}

// LocalOp is one reply to be.
type LocalOp struct {
	Owner any // the server's own: a session. The Machine does not look
	Proto resp.Protocol
	Kind  OpKind

	// OpRead runs Run, or Spec.Read when that is nil, on the state at its place, with the lock held that
	// keeps everybody else out: it must be short. Args must be Local's own: see CopyArgs.
	Spec *command.Spec
	Args [][]byte
	DB   uint32
	Seed uint64 // of the read's view
	Run  func(*keyspace.View) resp.Value

	Raw   []byte   // OpReply: the encoded reply; see Copy
	Slots [][]byte // OpRequest of a MULTI: the encoded replies of its slots, in order

	Again   bool // OpRequest: a command that waits is tried again
	Blocked bool // set by the Machine: the command found nothing, and its client waits; the reply is for when it may not

	End int    // set by the Machine: where this op's reply ends in Out
	Rev uint64 // set by the Machine: the main revision the request took, 0 for none
}

// Reset makes l ready for the next batch. What CopyArgs and Copy returned is gone.
func (l *Local) Reset() {
	clear(l.Ops)
	clear(l.argv)
	l.Ops, l.argv = l.Ops[:0], l.argv[:0]
	l.Out, l.bytes = l.Out[:0], l.bytes[:0]
	if cap(l.Ops) > localOpsKeepMax {
		l.Ops = nil
	}
	if cap(l.argv) > localOpsKeepMax {
		l.argv = nil
	}
	if cap(l.Out) > localBytesKeepMax {
		l.Out = nil
	}
	if cap(l.bytes) > localBytesKeepMax {
		l.bytes = nil
	}
}

// Copy copies b into l, where it stays until Reset.
func (l *Local) Copy(b []byte) []byte {
	// Should bytes grow, what was handed out earlier stays good in the array left behind.
	from := len(l.bytes)
	l.bytes = append(l.bytes, b...)
	return l.bytes[from:len(l.bytes):len(l.bytes)]
}

// CopyArgs copies the arguments of a command into l, where they stay until Reset.
func (l *Local) CopyArgs(args [][]byte) [][]byte {
	from := len(l.argv)
	for _, a := range args {
		l.argv = append(l.argv, l.Copy(a))
	}
	return l.argv[from:len(l.argv):len(l.argv)]
}
