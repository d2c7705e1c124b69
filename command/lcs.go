package command

import (
	"errors"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

const (
	errLCSType   Error = "ERR The specified keys must contain string values"
	errLCSBoth   Error = "ERR If you want both the length and indexes, please just use IDX."
	errLCSMemory Error = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
)

// lcsOptions are what LCS is asked to tell.
type lcsOptions struct {
	length, indexes, matchLength bool
	matchMin                     int64
}

func lcs(c *ReadCall) (resp.Value, error) {
	a, ok := stringOrNothing(c.View, c.At(1)) // Redis looks at the keys before the options
	b, also := stringOrNothing(c.View, c.At(2))
	if !ok || !also {
		return resp.None, errLCSType
	}
	o, err := c.lcsOptions()
	if err != nil {
		return resp.None, err
	}
	text, matches, err := c.View.LCS(a, b)
	switch {
	case errors.Is(err, keyspace.ErrLCSTooLarge):
		return resp.None, errLCSMemory
	case err != nil:
		return resp.None, err
	case o.indexes:
		return lcsIndexes(o, text, matches), nil
	case o.length:
		return resp.Int(int64(len(text))), nil
	}
	return resp.Bulk(text), nil
}

// stringOrNothing is the string at key, empty if there is none; false if it is something else.
func stringOrNothing(view *keyspace.View, key []byte) ([]byte, bool) {
	s, _, err := view.String(key)
	return s, err == nil
}

func (a args) lcsOptions() (o lcsOptions, err error) {
	for i := 3; i < len(a); i++ {
		switch {
		case a.Is(i, "IDX"):
			o.indexes = true
		case a.Is(i, "LEN"):
			o.length = true
		case a.Is(i, "WITHMATCHLEN"):
			o.matchLength = true
		case a.Is(i, "MINMATCHLEN") && i+1 < len(a):
			i++
			if o.matchMin, err = a.Int(i); err != nil {
				return o, err
			}
		default:
			return o, errSyntax
		}
	}
	if o.length && o.indexes {
		return o, errLCSBoth
	}
	return o, nil
}

func lcsIndexes(o lcsOptions, text []byte, matches []keyspace.Match) resp.Value {
	list := []resp.Value{}
	for _, m := range matches {
		if int64(m.Len()) < o.matchMin {
			continue
		}
		one := []resp.Value{span(m.AStart, m.AEnd), span(m.BStart, m.BEnd)}
		if o.matchLength {
			one = append(one, resp.Int(int64(m.Len())))
		}
		list = append(list, resp.Array(one...))
	}
	return resp.Map(resp.BulkString("matches"), resp.Array(list...), resp.BulkString("len"), resp.Int(int64(len(text))))
}

func span(start, end int) resp.Value { return resp.Array(resp.Int(int64(start)), resp.Int(int64(end))) }
