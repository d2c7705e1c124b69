package command

import (
	"errors"
	"math"

	"github.com/redoubt-db/redoubt/resp"
)

// ErrBlocked comes beside the reply of a command that may wait and found nothing. It changed nothing. Inside MULTI the
// reply stands; else the client waits until one of the keys that WaitKeys names is written, and the command is tried
// again, or until its time is up and the reply is given.
var ErrBlocked = errors.New("command: nothing there yet")

// Errors of timeouts.
const (
	errTimeout         Error = "ERR timeout is not a float or out of range"
	errTimeoutNegative Error = "ERR timeout is negative"
)

// Timeout is how long the command whose arguments these are may wait, in milliseconds; 0 is for ever. The error is the
// reply's, and the handler's own too: it looks at the timeout where Redis does.
func (s *Spec) Timeout(argv [][]byte) (ms int64, err error) {
	return args(argv).timeout(s.timeoutAt(argv))
}

func (s *Spec) timeoutAt(argv [][]byte) int {
	if s.TimeoutAt < 0 {
		return len(argv) + s.TimeoutAt
	}
	return s.TimeoutAt
}

func (a args) timeout(i int) (ms int64, err error) {
	f, ok := parseFloat(a[i])
	if !ok {
		return 0, errTimeout
	}
	f = math.Ceil(f * 1000)
	if f < 0 || f >= 1<<63 { // Redis' integer turns negative
		return 0, errTimeoutNegative
	}
	return int64(min(f, math.MaxInt64/2)), nil
}

// WaitKeys are the keys whose writing wakes a client that waits with these arguments: those it takes something from.
func (s *Spec) WaitKeys(argv [][]byte) (keys [][]byte) {
	for _, p := range s.Keys.Positions(nil, argv) {
		if s.accessOf(p, argv) != pushAccess {
			keys = append(keys, argv[p])
		}
	}
	return keys
}

// The access of commands that take something from a key, and of their destination.
const (
	popAccess  = "RW access delete"
	pushAccess = "RW insert"
)

// orBlock is the reply of a command that waits, given whether it found anything.
func orBlock(v resp.Value, found bool) (resp.Value, error) {
	if !found {
		return v, ErrBlocked
	}
	return v, nil
}
