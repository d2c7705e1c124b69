package keyspace

import (
	"strconv"

	"github.com/redoubt-db/redoubt/mvcc"
)

// Notes on a collection, in mvcc.Attr.Hint. They tell how Redis would hold it, for OBJECT ENCODING alone: as there,
// a collection that has outgrown its compact form does not go back. Numbers are on disk and never reused.
const (
	HintCompact uint8 = 0 // "listpack", of a set "intset"
	HintLarge   uint8 = 1 // "hashtable", "skiplist"
)

// Limits of the compact forms, as the directives *-max-listpack-* have them. They decide what OBJECT ENCODING
// says, hence what is written, so they are the same on every replica.
type compactLimits struct {
	hashEntries, hashValue int64
	zsetEntries, zsetValue int64
	setInts                int64
}

func defaultLimits() compactLimits {
	return compactLimits{hashEntries: 512, hashValue: 64, zsetEntries: 128, zsetValue: 64, setInts: 512}
}

// use acts on a directive.
func (l *compactLimits) use(name, value string) {
	into := map[string]*int64{
		"hash-max-listpack-entries": &l.hashEntries, "hash-max-listpack-value": &l.hashValue,
		"zset-max-listpack-entries": &l.zsetEntries, "zset-max-listpack-value": &l.zsetValue,
		"set-max-intset-entries": &l.setInts,
	}[name]
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && into != nil {
		*into = n
	}
}

// elements is a key's collection in the hands of one command that changes it. The key comes to be with its first
// element and goes with its last.
type elements struct {
	tx   *Tx
	key  []byte
	typ  mvcc.Type
	it   mvcc.Item
	live bool // the key exists
}

// elements finds the collection at key; an absent one is no error.
func (tx *Tx) elements(key []byte, t mvcc.Type) (e elements, err error) {
	e.tx, e.key, e.typ = tx, key, t
	if e.live = tx.find(&e.it, tx.ks, key); e.live && e.it.Type != t {
		return elements{}, ErrWrongType
	}
	return e, nil
}

// newElements is an absent collection at key, in place of whatever is there: its first element supersedes that.
func (tx *Tx) newElements(key []byte, t mvcc.Type) elements {
	return elements{tx: tx, key: key, typ: t}
}

// now is the collection as it is now; only when live. What it hands out is good until the next change.
func (e *elements) now() mvcc.Collection { return e.tx.mv.Collection(e.it) }

// Exists tells whether the key exists.
func (e *elements) Exists() bool { return e.live }

// Len is the number of elements, 0 when the key does not exist.
func (e *elements) Len() int {
	if !e.live {
		return 0
	}
	return e.tx.mv.Count(&e.it)
}

// lookup is the element of a name, nil if there is none; good until the next look-up or change.
func (e *elements) lookup(name []byte) *mvcc.Element {
	if !e.live {
		return nil
	}
	return e.tx.mv.Find(&e.it, name)
}

// make brings the key to be, with the deadline or lease that a has, and tells "new".
func (e *elements) make(hint uint8) {
	_, was := e.tx.Lookup(e.key)
	e.it = e.tx.mv.Make(e.tx.ks, e.key, mvcc.Attr{Type: e.typ, Hint: hint})
	e.live = true
	if !was {
		e.tx.Notify(ClassNew, "new", e.key)
	}
}

// put adds or supersedes an element, and tells whether it added. It copies.
func (e *elements) put(el mvcc.Element) bool {
	if !e.live {
		e.make(HintCompact)
	}
	return e.tx.mv.PutElement(e.it.Ref, el)
}

// remove takes an element out, and the key with the last; false if it is not there. Who raises an event for the element
// asks Exists behind it, and raises "del" when the key is gone.
func (e *elements) remove(el mvcc.Element) bool {
	if !e.live {
		return false
	}
	if e.Len() == 1 {
		if !e.has(e.now(), el) {
			return false
		}
		e.end()
		return true
	}
	return e.tx.mv.DeleteElement(e.it.Ref, el)
}

func (e *elements) has(c mvcc.Collection, el mvcc.Element) (ok bool) {
	if e.typ == mvcc.List || e.typ == mvcc.Stream {
		_, ok = c.Find(el.Major, el.Name)
	} else {
		_, ok = c.Lookup(el.Name)
	}
	return ok
}

// end deletes the key with all that is left.
func (e *elements) end() {
	e.tx.mv.Delete(e.tx.ks, e.key)
	e.live = false
}

// Gone tells "del" if the key went with its last element. It is for behind the event of what took that.
func (e *elements) Gone() {
	if !e.live {
		e.tx.Notify(ClassGeneric, "del", e.key)
	}
}

// large notes, once, that the collection has outgrown its compact form.
func (e *elements) large() {
	if !e.live {
		e.make(HintLarge)
	} else if e.it.Hint == HintCompact {
		a := e.it.Attr
		a.Hint = HintLarge
		e.tx.mv.SetAttr(e.tx.ks, e.key, a)
		e.it, _ = e.tx.mv.Lookup(e.tx.ks, e.key)
	}
}

// longMin is from how many elements on a walk over a collection, or a reply of so many, does not belong on an event
// loop.
const longMin = 4096

// Long notes a walk over n elements, and tells whether the view leaves it to another goroutine.
func (v *View) Long(n int) bool {
	if n < longMin || v.mayLoad {
		return false
	}
	v.need |= NeedLong
	return true
}

// Elements is the collection at key, of type t; false if there is none, and ErrWrongType if it is of another type. It
// counts as a use of the key. It is good while the view is.
func (v *View) Elements(key []byte, t mvcc.Type) (mvcc.Collection, bool, error) {
	it, ok := v.Lookup(key)
	if !ok {
		return mvcc.Collection{}, false, nil
	}
	if it.Type != t {
		return mvcc.Collection{}, false, ErrWrongType
	}
	v.noteUse(it)
	return v.open(it), true, nil
}

// copyElements makes dest a collection with the elements of an item, each a change.
func (tx *Tx) copyElements(it mvcc.Item, to mvcc.Keyspace, dest []byte) {
	from := tx.mv.Collection(it)
	var list []mvcc.Element
	var strings arena
	from.Ascend(0, func(e *mvcc.Element) bool {
		list = append(list, mvcc.Element{
			Major: e.Major, Name: strings.copy(e.Name), Value: strings.copy(e.Value), Deadline: e.Deadline,
		})
		return true
	})
	made := tx.mv.Make(to, dest, it.Attr)
	for _, e := range list {
		tx.mv.PutElement(made.Ref, e)
	}
}
