package command

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Revisions are the commands on the past that work on keys. REVISION itself, AT and WATCHREV need a session.
func Revisions() []Spec {
	return []Spec{
		{Name: "HISTORY", Syntax: "key [FROM rev] [TO rev] [COUNT n] [REV]",
			Summary: "List the versions of a key that are kept: revision, kind, value and version of each.",
			Since:   "redoubt", Group: "redoubt", Complexity: "O(N) with N being the number of versions of the key.",
			Arity: AtLeast(2), Keys: KeyAt(1), Flags: Long | NoMulti, ACL: acl.Keyspace, Read: history},
		{Name: "COMPACT", Syntax: "revision", Summary: "Forget what was superseded before a revision.",
			Since: "redoubt", Group: "redoubt", Complexity: "O(1). The memory comes back in steps.",
			Arity: Exactly(2), ACL: acl.Keyspace | acl.Dangerous, Write: compact},
	}
}

// RevisionKey is the subcommand KEY of REVISION.
func RevisionKey() Spec {
	return Spec{Name: "KEY", Syntax: "key",
		Summary: "Tell in which revisions a key was created and last modified, its version and its lease.",
		Since:   "redoubt", Group: "redoubt", Complexity: "O(1)",
		Arity: Exactly(3), Keys: KeyAt(2), Flags: Fast, ACL: acl.Keyspace, Read: revisionKey}
}

func revisionKey(c *ReadCall) (resp.Value, error) {
	it, ok := c.View.Find(c.At(2))
	if !ok {
		return resp.Null(), nil
	}
	return resp.Map(
		resp.BulkString("create_revision"), resp.Int(int64(it.Create.Main)),
		resp.BulkString("mod_revision"), resp.Int(int64(it.Mod.Main)),
		resp.BulkString("version"), resp.Int(int64(it.Version)),
		resp.BulkString("lease"), resp.Int(int64(it.Lease)),
	), nil
}

func history(c *ReadCall) (resp.Value, error) {
	r, err := c.historyRange(2)
	if err != nil {
		return resp.None, err
	}
	changes, ok, err := c.View.ElementHistory(c.At(1), r)
	if ok || err != nil {
		return elementHistory(changes), err
	}
	var list []resp.Value
	err = c.View.History(c.At(1), r, func(v mvcc.Version, value []byte) {
		kind, shown := "set", resp.Bulk(value)
		if v.Tombstone {
			kind, shown = "del", resp.Null()
		}
		list = append(list, resp.Array(
			resp.BulkString(v.Mod.String()), resp.BulkString(kind), shown, resp.Int(int64(v.Version))))
	})
	if err != nil {
		return resp.None, err
	}
	return resp.Array(list...), nil
}

// elementHistory shows the changes of a key with elements: "create" and the type, "del", "put" with the element and what
// it holds, "remove" with its name. An item of a list has no name.
func elementHistory(changes []keyspace.ElementChange) resp.Value {
	var list []resp.Value
	for i := range changes {
		h := &changes[i]
		kind, shown := "create", resp.BulkString(keyspace.TypeName(h.Type))
		switch {
		case h.Tombstone:
			kind, shown = "del", resp.Null()
		case h.Value != nil:
			kind, shown = "set", resp.Bulk(h.Value)
		case h.Removed:
			kind, shown = "remove", elementName(h)
		case h.OfElement:
			kind, shown = "put", elementShown(h)
		case h.Version > 1:
			kind = "set"
		}
		list = append(list, resp.Array(
			resp.BulkString(h.Rev.String()), resp.BulkString(kind), shown, resp.Int(int64(h.Version))))
	}
	return resp.Array(list...)
}

func elementName(h *keyspace.ElementChange) resp.Value {
	if h.Type == mvcc.List || h.Type == mvcc.Stream {
		return resp.Null()
	}
	return resp.Bulk(h.Element.Name)
}

func elementShown(h *keyspace.ElementChange) resp.Value {
	switch h.Type {
	case mvcc.Hash:
		return resp.Array(resp.Bulk(h.Element.Name), resp.Bulk(h.Element.Value))
	case mvcc.ZSet:
		return resp.Array(resp.Bulk(h.Element.Name), resp.Double(mvcc.Score(h.Element.Value)))
	case mvcc.Set:
		return resp.Bulk(h.Element.Name)
	}
	return resp.Bulk(h.Element.Value)
}

func (a args) historyRange(i int) (r keyspace.HistoryRange, err error) {
	for ; i < a.Len(); i++ {
		switch {
		case a.Is(i, "REV"):
			r.NewestFirst = true
			continue
		case i+1 == a.Len():
			return r, errSyntax
		case a.Is(i, "FROM"):
			r.From, err = a.revision(i + 1)
		case a.Is(i, "TO"):
			r.To, err = a.revision(i + 1)
		case a.Is(i, "COUNT"):
			var n int64
			if n, err = a.Int(i + 1); err == nil && n <= 0 {
				err = errNotPositive
			}
			r.Count = int(n)
		default:
			return r, errSyntax
		}
		if err != nil {
			return r, err
		}
		i++
	}
	return r, nil
}

// revision is argument i as a main revision.
func (a args) revision(i int) (uint64, error) {
	n, ok := parseInt(a.At(i))
	if !ok || n <= 0 {
		return 0, errRevision
	}
	return uint64(n), nil
}

func compact(c *WriteCall) (resp.Value, error) {
	rev, err := c.revision(1)
	if err != nil {
		return resp.None, err
	}
	if err := c.Tx.Compact(rev); err != nil {
		return resp.None, err
	}
	return resp.OK(), nil
}
