package keyspace

import (
	"strconv"

	"github.com/redoubt-db/redoubt/mvcc"
)

// A request has a voice beside its changes: messages of PUBLISH and keyspace notifications, in the order in which
// its commands raised them. They take no revision and no row. An operation says which event its change is, with
// Redis' word and class, right after the change, in the order of Redis' own notifyKeyspaceEvent calls:
//
//	added := ...                                  // HSET h a 1 on an absent h
//	tx.Notify(ClassNew, "new", key)               // only if the key did not exist before
//	tx.Notify(ClassHash, "hset", key)
//	...
//	tx.Notify(ClassHash, "hdel", key)             // HDEL of the last field
//	tx.Notify(ClassGeneric, "del", key)           // the key goes with it
//
// Put and Delete do not know which command they serve, so they raise no more than "new" and "expired"; whoever
// writes by another way raises "new" as well. With notifications off, or nobody subscribed on this node, Notify is
// one comparison.

// Class is a class of notifications, or several: a letter each of notify-keyspace-events.
type Class uint16

// The classes of events. The letters K and E are no classes but say by which channels events are told.
const (
	ClassGeneric Class = 1 << iota // g: commands of any type: del, expire, rename_from
	ClassString                    // $
	ClassList                      // l
	ClassSet                       // s
	ClassHash                      // h
	ClassZSet                      // z
	ClassExpired                   // x: a key ended at its deadline
	ClassEvicted                   // e: a key went for maxmemory
	ClassStream                    // t
	ClassModule                    // d: nothing here raises it
	ClassNew                       // n: a key came to be
	ClassMiss                      // m: a read found no key

	toKeyspace // K: __keyspace@<db>__:<key>, with the event as the message
	toKeyevent // E: __keyevent@<db>__:<event>, with the key as the message

	classesAll = ClassGeneric | ClassString | ClassList | ClassSet | ClassHash | ClassZSet | ClassExpired | ClassEvicted |
		ClassStream | ClassModule // A
)

// classLetters are the letters of notify-keyspace-events, each at the place of its bit.
const classLetters = "g$lshzxetdnmKE"

// missEvent is ClassMiss' only event.
const missEvent = "keymiss"

// Limits of what is said between two times that the server takes it.
const (
	newsMax       = 1 << 20 // messages; what goes beyond is lost, as it is for a subscriber who is too slow
	newsBytesKeep = 64 << 10
)

// Message is something to be told to the subscribers of a channel.
type Message struct {
	Channel, Payload []byte
	Sharded          bool // of SPUBLISH: for those who came by SSUBSCRIBE
	lasts            bool // stays said when the command is taken back
}

// news is what requests have said and the server has not yet taken.
type news struct {
	list  []Message
	bytes []byte // what the messages consist of, or the newest of several such
	lost  int
}

// parseClasses reads a value of notify-keyspace-events. Without K or E nothing is told at all.
func parseClasses(value string) (c Class) {
	for _, letter := range value {
		if letter == 'A' {
			c |= classesAll
		}
		for i, known := range classLetters {
			if letter == known {
				c |= 1 << i
			}
		}
	}
	if c&(toKeyspace|toKeyevent) == 0 {
		return 0
	}
	return c
}

// Hear says whether anybody on this node listens to anything: if not, requests need not say it. What they do
// to the keys is the same. It needs the store's lock.
func (s *Space) Hear(listening bool) {
	s.hearing = listening
}

// TakeNews is what the requests committed so far have said, in order, and how much of it was lost since it was too
// much. It is the caller's now. Only the applier may call it, between requests.
func (s *Space) TakeNews() (list []Message, lost int) {
	list, lost = s.news.list, s.news.lost
	s.news = news{}
	return list, lost
}

// takeBack forgets what was said of changes since there were that many messages, not what was missed.
func (n *news) takeBack(before int) {
	for i := min(before, len(n.list)); i < len(n.list); i++ {
		if n.list[i].lasts {
			n.list[before] = n.list[i]
			before++
		}
	}
	n.cut(before)
}

// cut forgets all that was said since there were that many messages.
func (n *news) cut(before int) {
	if before < len(n.list) {
		clear(n.list[before:])
		n.list = n.list[:before]
	}
}

// Notify tells of an event of a key in the selected database. Nothing of event and key is kept.
func (tx *Tx) Notify(class Class, event string, key []byte) {
	if tx.told&class != 0 {
		tx.raise(tx.db, event, key)
	}
}

// NotifyIn is Notify for a key of another database.
func (tx *Tx) NotifyIn(db uint32, class Class, event string, key []byte) {
	if tx.told&class != 0 {
		tx.raise(db, event, key)
	}
}

// notifyOf is Notify for who knows the keyspace alone. One that is bound to no database has nobody to tell.
func (tx *Tx) notifyOf(ks mvcc.Keyspace, class Class, event string, key []byte) {
	if tx.told&class == 0 {
		return
	}
	if ks == tx.ks {
		tx.raise(tx.db, event, key)
		return
	}
	for _, b := range tx.mv.View().Databases() {
		if b.Keyspace == ks {
			tx.raise(b.Database, event, key)
			return
		}
	}
}

// raise is kept apart from Notify so that the comparison there costs no call.
func (tx *Tx) raise(db uint32, event string, key []byte) {
	tx.space.news.event(tx.told, db, event, key)
}

// event tells of an event by the channels among classes.
func (n *news) event(classes Class, db uint32, event string, key []byte) {
	before := len(n.list)
	if classes&toKeyspace != 0 {
		n.add(false, func(b []byte) []byte { return append(appendChannel(b, "__keyspace@", db), key...) },
			func(b []byte) []byte { return append(b, event...) })
	}
	if classes&toKeyevent != 0 {
		n.add(false, func(b []byte) []byte { return append(appendChannel(b, "__keyevent@", db), event...) },
			func(b []byte) []byte { return append(b, key...) })
	}
	if event == missEvent {
		for i := range n.list[before:] {
			n.list[before+i].lasts = true
		}
	}
}

func appendChannel(b []byte, kind string, db uint32) []byte {
	return append(strconv.AppendUint(append(b, kind...), uint64(db), 10), "__:"...)
}

// TellMisses makes the view tell of keys that reads do not find, to the subscribers of the node that answers. In a
// request they are told with what else it says; else they are there for Misses. It does nothing if nobody listens or
// class m is off.
func (v *View) TellMisses(listening, inRequest bool) {
	switch {
	case !listening || v.past || v.space.classes&ClassMiss == 0:
	case inRequest:
		v.misses = &v.space.news
	default:
		v.misses = &news{}
	}
}

// Misses is what TellMisses has gathered.
func (v *View) Misses() []Message {
	if v.misses == nil {
		return nil
	}
	return v.misses.list
}

// Publish tells the subscribers of a channel on all nodes, once the request is committed. Both are copied.
func (tx *Tx) Publish(channel, payload []byte, sharded bool) {
	if tx.space.hearing {
		tx.space.news.add(sharded, func(b []byte) []byte { return append(b, channel...) },
			func(b []byte) []byte { return append(b, payload...) })
	}
}

// add puts a message behind the others, in bytes that stay where they are even if more come.
func (n *news) add(sharded bool, channel, payload func([]byte) []byte) {
	if len(n.list) == newsMax {
		n.lost++
		return
	}
	if cap(n.bytes) > newsBytesKeep && len(n.bytes) > cap(n.bytes)/2 {
		n.bytes = nil // a new array, rather than a copy of all that is in the old one
	}
	from := len(n.bytes)
	n.bytes = channel(n.bytes)
	middle := len(n.bytes)
	n.bytes = payload(n.bytes)
	end := len(n.bytes)
	n.list = append(n.list, Message{Channel: n.bytes[from:middle:middle], Payload: n.bytes[middle:end:end], Sharded: sharded})
}
