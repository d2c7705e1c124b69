package mvcc

// How a start finds collections again. Their element rows may come before every surviving row of their key (a RENAME
// wrote a newer one) or outlive it (compaction empties in steps), so a collection is made by whichever row names it
// first, and one that no key named in the end is handed to compaction.

// byID are the collections met during replay. Elements of one that were written together come one behind the other, so the last one
// met is likely the next.
type byID struct {
	all    map[Revision]uint32
	id     Revision
	handle uint32
}

func (x *index) meetCollection(met *byID, t Type, id Revision) (uint32, *collection) {
	if met.id != id || met.handle == 0 {
		handle, ok := met.all[id]
		if !ok {
			handle = x.newCollection(t, id)
			met.all[id] = handle
		}
		met.id, met.handle = id, handle
	}
	return met.handle, x.collection(met.handle)
}

func (x *index) replayElement(met *byID, r *record, rev Revision) error {
	handle, k := x.meetCollection(met, r.attr.Type, r.collection)
	if Type(k.typ) != r.attr.Type || r.changes <= k.changes {
		return errRecord
	}
	e := &r.element
	if r.attr.Type != List && r.attr.Type != Stream {
		e.Major = x.hash.name(e.Name)
	}
	old, had := x.forest.Find(k.root, e.Major, e.Name)
	deletes := r.kind == kindNoElement
	k.changes = r.changes
	switch {
	case had:
		old.Name, old.Value = e.Name, append([]byte(nil), old.Value...)
		x.endElement(handle, k, &old, rev, deletes)
	case rev.Main > x.compacted:
		x.endElement(handle, k, nil, rev, deletes)
	default:
		if row := k.settle(rev, r.changes, deletes); !row.IsZero() {
			x.stale = append(x.stale, row)
		}
	}
	k.modMain, k.modSub = rev.Main, rev.Sub
	switch {
	case !deletes:
		if had {
			k.count(&old, e)
		} else {
			k.count(nil, e)
		}
		x.putElement(k, e, &old, had)
	case had:
		k.count(&old, nil)
		x.dropElement(k, &old)
	}
	return nil
}

// dropUnnamed hands collections without a key to compaction.
func (x *index) dropUnnamed() {
	for ref := x.colls.Next(0); ref != 0; ref = x.colls.Next(ref) {
		if k := x.collection(uint32(ref)); k.flags&(collUsed|collBound) == collUsed {
			x.letGo(uint32(ref))
		}
	}
}
