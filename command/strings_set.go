package command

import (
	"bytes"
	"math"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// seconds and milliseconds are the units of times in arguments, in milliseconds.
const (
	milliseconds = 1
	seconds      = 1000
)

// expiry is a time to live or a deadline as it stands in the arguments.
type expiry struct {
	unit     int64 // 0 is no expiry
	absolute bool
	at       int    // index of the number
	name     string // of the command, for its error
}

// deadline is the expiry in milliseconds of log time.
func (e *expiry) deadline(c *WriteCall) (int64, error) {
	if e.unit == 0 {
		return 0, nil
	}
	n, err := c.Int(e.at)
	if err != nil {
		return 0, err
	}
	if n <= 0 || n > math.MaxInt64/e.unit {
		return 0, errExpireTime(e.name)
	}
	n *= e.unit
	if !e.absolute {
		if n > math.MaxInt64-c.Tx.Counted() {
			return 0, errExpireTime(e.name)
		}
		n += c.Tx.Counted()
	}
	return n, nil
}

// parse reads an expiry's option at argument i; false if it is none or has no number behind it.
func (e *expiry) parse(c *WriteCall, i int) bool {
	switch {
	case c.Is(i, "EX"):
		e.unit, e.absolute = seconds, false
	case c.Is(i, "PX"):
		e.unit, e.absolute = milliseconds, false
	case c.Is(i, "EXAT"):
		e.unit, e.absolute = seconds, true
	case c.Is(i, "PXAT"):
		e.unit, e.absolute = milliseconds, true
	default:
		return false
	}
	e.at = i + 1
	return e.at < c.Len()
}

// life is what a SET or GETEX says of the key's time to live. At most one kind may be given; the same one twice is allowed,
// and the last counts.
type life uint8

const (
	lifeEX life = iota + 1
	lifePX
	lifeEXAT
	lifePXAT
	lifeKeep
	lifePersist
	lifeLease
)

func (e *expiry) life() life {
	switch {
	case e.absolute && e.unit == seconds:
		return lifeEXAT
	case e.absolute:
		return lifePXAT
	case e.unit == seconds:
		return lifeEX
	}
	return lifePX
}

// choose sets l if nothing else was chosen before.
func (l *life) choose(to life) bool {
	if *l != 0 && *l != to {
		return false
	}
	*l = to
	return true
}

// setCall is a SET's options before their numbers are read.
type setCall struct {
	keyspace.SetOptions
	match    keyspace.Condition
	life     life
	expiry   expiry
	revision int // index of IFREV's number
	lease    int // index of LEASE's
	get      bool
}

// setAccess is what a SET does with its key.
func setAccess(args [][]byte) string {
	for _, arg := range args[min(len(args), 3):] {
		if equalFold(arg, "GET") || comparisonOf(arg) != 0 {
			return "RW access update"
		}
	}
	return "OW update"
}

func set(c *WriteCall) (resp.Value, error) {
	if c.Len() == 3 {
		c.Tx.Set(c.At(1), c.At(2))
		return resp.OK(), nil
	}
	return setWith(c)
}

func setWith(c *WriteCall) (resp.Value, error) {
	s := setCall{expiry: expiry{name: "set"}}
	for i := 3; i < c.Len(); {
		n := s.option(c, i)
		if n == 0 {
			return resp.None, errSyntax
		}
		i += n
	}
	if err := s.numbers(c); err != nil {
		return resp.None, err
	}
	old := resp.Null()
	if s.get {
		var err error
		if old, err = oldString(c.Tx, c.At(1)); err != nil {
			return resp.None, err
		}
	}
	done, err := c.Tx.Matches(c.At(1), s.match)
	if err != nil {
		return resp.None, matchError(err)
	}
	if done {
		done, err = c.Tx.SetString(c.At(1), c.At(2), s.SetOptions)
	}
	if done {
		c.Tx.NotifySet(c.At(1), s.SetOptions)
	}
	if s.get || !done {
		return old, err
	}
	return resp.OK(), err
}

// option reads the option at argument i and returns how many arguments it took; 0 is a syntax error.
func (s *setCall) option(c *WriteCall, i int) int {
	ok, n := false, 1
	switch {
	case c.Is(i, "IFREV"):
		s.revision, n = i+1, 2
		ok = i+1 < c.Len() && s.condition(keyspace.SetIfRevision, 0)
	case comparisonOf(c.At(i)) != 0:
		n = 2
		if ok = i+1 < c.Len() && s.condition(keyspace.SetAlways, comparisonOf(c.At(i))); ok {
			s.match.With = c.At(i + 1)
		}
	case c.Is(i, "GET"):
		s.get, ok = true, true
	case c.Is(i, "LEASE"):
		s.lease, n = i+1, 2
		ok = i+1 < c.Len() && s.life.choose(lifeLease)
	default:
		return s.shared(c, i)
	}
	if !ok {
		return 0
	}
	return n
}

// shared is option for the options that MSETEX has as well.
func (s *setCall) shared(c *WriteCall, i int) int {
	ok, n := false, 1
	switch {
	case c.Is(i, "NX"):
		ok = s.condition(keyspace.SetIfAbsent, 0)
	case c.Is(i, "XX"):
		ok = s.condition(keyspace.SetIfPresent, 0)
	case c.Is(i, "KEEPTTL"):
		s.KeepTTL = true
		ok = s.life.choose(lifeKeep)
	default:
		n = 2
		ok = s.expiry.parse(c, i) && s.life.choose(s.expiry.life())
	}
	if !ok {
		return 0
	}
	return n
}

// condition takes a condition if no other was given: one on the key or one on its value.
func (s *setCall) condition(to keyspace.SetCondition, match keyspace.Comparison) bool {
	given := s.If != keyspace.SetAlways || s.match.Comparison != 0
	if given && (s.If != to || s.match.Comparison != match) {
		return false
	}
	s.If, s.match.Comparison = to, match
	return true
}

// numbers reads the numbers behind the options.
func (s *setCall) numbers(c *WriteCall) (err error) {
	if s.Deadline, err = s.expiry.deadline(c); err != nil {
		return err
	}
	if s.revision > 0 {
		if s.Revision, err = c.Unsigned(s.revision); err != nil {
			return err
		}
	}
	if s.lease > 0 {
		if s.Lease, err = c.Unsigned(s.lease); err == nil && s.Lease == 0 {
			err = errNoLease
		}
	}
	return err
}

func getEX(c *WriteCall) (resp.Value, error) {
	var l life
	e := expiry{name: "getex"}
	for i := 2; i < c.Len(); i++ {
		switch {
		case c.Is(i, "PERSIST") && l.choose(lifePersist):
		case e.parse(c, i) && l.choose(e.life()):
			i++
		default:
			return resp.None, errSyntax
		}
	}
	value, ok, err := c.Tx.ReadString(c.At(1))
	if err != nil || !ok || l == 0 {
		return bulkOrNull(value, ok), err
	}
	deadline, err := e.deadline(c) // read only now: an absent key answers null whatever the time
	if err != nil {
		return resp.None, err
	}
	old := resp.Bulk(bytes.Clone(value))
	if l == lifePersist {
		c.Tx.Persist(c.At(1))
	} else {
		c.Tx.Expire(c.At(1), deadline, 0)
	}
	return old, nil
}

// Unsigned is argument i as a revision or an id: an integer of at least 0.
func (a args) Unsigned(i int) (uint64, error) {
	n, err := a.Int(i)
	if err == nil && n < 0 {
		err = errNotInteger
	}
	return uint64(n), err
}

func errExpireTime(name string) error {
	return Error("ERR invalid expire time in '" + name + "' command")
}
