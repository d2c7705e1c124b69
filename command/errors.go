package command

import (
	"errors"
	"strings"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Error is an error reply: its text is Redis' own, code first.
type Error string

func (e Error) Error() string { return string(e) }

// Errors of arguments.
const (
	errSyntax      Error = "ERR syntax error"
	errNotInteger  Error = "ERR value is not an integer or out of range"
	errNotFloat    Error = "ERR value is not a valid float"
	errNotPositive Error = "ERR value is out of range, must be positive"
	errOffset      Error = "ERR offset is out of range"
	errDBIndex     Error = "ERR DB index is out of range"
	errFirstDB     Error = "ERR invalid first DB index"
	errSecondDB    Error = "ERR invalid second DB index"
	errInt32       Error = "ERR value is out of range, value must between -2147483648 and 2147483647"
	errSameObject  Error = "ERR source and destination objects are the same"
	errCursor      Error = "ERR invalid cursor"
	errInternal    Error = "ERR internal"
)

// Errors of the data met.
const (
	errWrongType Error = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errNoSuchKey Error = "ERR no such key"
	errTooLong   Error = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errOverflow  Error = "ERR increment or decrement would overflow"
	errDecrement Error = "ERR decrement would overflow"
	errNaN       Error = "ERR increment would produce NaN or Infinity"
)

// Errors of revisions and leases, our own.
const (
	errCompacted   Error = "COMPACTED required revision has been compacted"
	errFuture      Error = "FUTUREREV required revision is a future revision"
	errNoLease     Error = "NOLEASE no such lease"
	errLeaseExists Error = "LEASEEXISTS lease id is already in use"
	errLeaseID     Error = "ERR lease id must be a positive 63-bit integer, or 0 to have one chosen"
	errLeaseTTL    Error = "ERR lease ttl must be between 1 and 9000000000000 milliseconds"
	errRevision    Error = "ERR revision is not a positive integer or out of range"
)

// texts of errors that packages below command return.
var texts = []struct {
	err  error
	text Error
}{
	{keyspace.ErrWrongType, errWrongType},
	{keyspace.ErrNoKey, errNoSuchKey},
	{keyspace.ErrNotInteger, errNotInteger},
	{keyspace.ErrNotFloat, errNotFloat},
	{keyspace.ErrOverflow, errOverflow},
	{keyspace.ErrNaN, errNaN},
	{keyspace.ErrTooLong, errTooLong},
	{keyspace.ErrNoLease, errNoLease},
	{keyspace.ErrLeaseExists, errLeaseExists},
	{keyspace.ErrLeaseTTL, errLeaseTTL},
	{keyspace.ErrDatabase, errDBIndex},
	{keyspace.ErrSameKey, errSameObject},
	{keyspace.ErrSortNumber, errSortNumber},
	{keyspace.ErrBusyKey, errBusyKey},
	{keyspace.ErrDumpSum, errDumpSum},
	{keyspace.ErrDump, errDumpFormat},
	{mvcc.ErrCompacted, errCompacted},
	{mvcc.ErrFuture, errFuture},
}

// ErrorReply is the reply that tells err: Redis' text where it has one.
func ErrorReply(err error) resp.Value {
	var e Error
	if errors.As(err, &e) {
		return resp.Error(string(e))
	}
	for _, t := range texts {
		if errors.Is(err, t.err) {
			return resp.Error(string(t.text))
		}
	}
	return resp.Error(string(errInternal))
}

// WrongArity is the reply to a wrong number of arguments; name is the command's, with |SUB for a subcommand.
func WrongArity(name string) resp.Value {
	return resp.Error("ERR wrong number of arguments for '" + strings.ToLower(name) + "' command")
}
