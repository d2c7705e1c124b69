package command

import (
	"errors"
	"math"
	"strings"

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

// WaitFor are the arguments of a client that waits with argv, for one of its keys alone: it is served from the key that
// was written, whatever became of those it named before it.
//
//	BLPOP a b c 5      b    BLPOP b 5
//	BLMPOP 5 2 a b LEFT     b    BLMPOP 5 1 b LEFT
//	BLMOVE a b LEFT LEFT 5  a    the same
func (s *Spec) WaitFor(argv [][]byte, key []byte) [][]byte {
	keys := s.Keys.Positions(nil, argv)
	if len(s.Keys.Specs) > 0 || len(keys) < 2 {
		return argv
	}
	first, last := keys[0], keys[len(keys)-1]
	own := append([][]byte(nil), argv[:first]...)
	if s.Keys.Counted > 0 {
		own[s.Keys.Counted] = []byte{'1'}
	}
	return append(append(own, key), argv[last+1:]...)
}

// PutKeys are the keys to which the command may bring elements that a client waits for.
func (s *Spec) PutKeys(argv [][]byte) (keys [][]byte) {
	for _, p := range s.Keys.Positions(nil, argv) {
		access := s.accessOf(p, argv)
		if strings.HasPrefix(access, "OW") || s.Group != "generic" && (strings.Contains(access, "insert") || strings.Contains(access, "update")) {
			keys = append(keys, argv[p])
		}
	}
	return keys
}

// TakesMost is how many elements the command takes at most.
func (s *Spec) TakesMost(argv [][]byte) int {
	if n := len(argv); s.Keys.Counted > 0 && n > 2 && args(argv).Is(n-2, "COUNT") {
		if count, ok := parseInt(argv[n-1]); ok && count > 0 {
			return int(min(count, math.MaxInt32))
		}
	}
	return 1
}

// Brings is how many elements a command may bring to a key on which clients wait, and how many of them are certain
// unless it fails. Where only its running can tell, that is one, and none.
func (s *Spec) Brings(argv [][]byte) (most, certain int) {
	a := args(argv)
	switch s.Name {
	case "LPUSH", "RPUSH":
		return a.Len() - 2, a.Len() - 2
	case "LPUSHX", "RPUSHX", "LINSERT", "LSET": // nobody waits where these find a list
		return 0, 0
	case "ZINCRBY":
		return 1, 1
	case "ZADD", "GEOADD":
		at := 2
		for ; at < a.Len(); at++ {
			if a.Is(at, "XX") {
				return 0, 0
			}
			if !a.Is(at, "NX") && !a.Is(at, "GT") && !a.Is(at, "LT") && !a.Is(at, "CH") && !a.Is(at, "INCR") {
				break
			}
		}
		per := 2
		if s.Name == "GEOADD" {
			per = 3
		}
		most = (a.Len() - at) / per
		return most, min(most, 1) // a member may be named twice
	}
	return 1, 0
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
