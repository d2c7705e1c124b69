package keyspace

// A look-up of a key by a read leaves a trace: it counts as a hit or a miss, and a miss is told as keymiss. Redis says so of reads in commands
// that write too, as of the sources of SUNIONSTORE and the old value of SET GET, but not of look-ups of what is to be
// changed. What was counted and missed stays so if the command then fails, although what it changed is taken back.

// Lookups counts the keys of the present that were looked up and those that were not there.
type Lookups struct{ Hits, Misses uint64 }

func (l *Lookups) add(found bool) {
	if found {
		l.Hits++
	} else {
		l.Misses++
	}
}

// TakeLookups returns what was looked up since it was last called; nothing if the view's answers will be thrown away.
func (v *View) TakeLookups() Lookups {
	l := v.lookups
	v.lookups = Lookups{}
	if v.need != 0 || v.past {
		return Lookups{}
	}
	return l
}

// Lookups is what the reads of the request have looked up.
func (tx *Tx) Lookups() Lookups { return tx.lookups }

// Looked notes that the request has looked for a key as a read does, and whether it was there.
func (tx *Tx) Looked(key []byte, found bool) {
	tx.lookups.add(found)
	if !found {
		tx.Notify(ClassMiss, missEvent, key)
	}
}

// ReadView is View for what the request reads rather than changes: its look-ups leave their trace.
func (tx *Tx) ReadView() View {
	v := tx.View()
	v.tally = &tx.lookups
	v.TellMisses(tx.space.hearing, true)
	return v
}

// ReadString is String for what the request reads rather than changes.
func (tx *Tx) ReadString(key []byte) (value []byte, ok bool, err error) {
	it, ok, err := tx.str(key)
	tx.Looked(key, ok || err != nil)
	if !ok {
		return nil, false, err
	}
	return tx.Value(it), true, nil
}
