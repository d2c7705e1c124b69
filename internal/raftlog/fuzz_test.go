package raftlog

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// FuzzOpen opens what another program may have made of the only segment. The seeds are below 2 KiB, as the fuzzer tries its changes
// everywhere in them; where seal is true the checksums are made right first, so that what lies behind them is reached as well.
func FuzzOpen(f *testing.F) {
	d := newDisk()
	l, err := Open(Options{FS: d, Dir: "/log"})
	if err != nil {
		f.Fatal(err)
	}
	update := func(state pb.State, from, to uint64) []pb.Update {
		u := pb.Update{ShardID: 1, ReplicaID: 2, State: state}
		for i := from; i <= to; i++ {
			u.EntriesToSave = append(u.EntriesToSave, pb.Entry{Index: i, Term: state.Term, Cmd: []byte("set")})
		}
		return []pb.Update{u}
	}
	name, empty := newest(d), l.active().end
	half := empty
	for _, step := range []func() error{
		func() error { return l.SaveBootstrapInfo(1, 2, pb.Bootstrap{Type: pb.OnDiskStateMachine}) },
		func() error { return l.SaveRaftState(update(pb.State{Term: 1, Vote: 2}, 1, 3), 1) },
		func() error { return l.SaveRaftState(update(pb.State{Term: 1, Vote: 2, Commit: 2}, 4, 4), 1) },
		func() error { half = l.active().end; return nil },
		func() error {
			return l.SaveSnapshots([]pb.Update{{ShardID: 1, ReplicaID: 2, Snapshot: snapshotOf(2, 1)}})
		},
		func() error { return l.RemoveEntriesTo(1, 2, 1) },
		func() error { return l.SaveRaftState(update(pb.State{Term: 2, Vote: 1, Commit: 2}, 3, 5), 1) }, // in place of 3 and 4
		func() error { return l.RemoveNodeData(1, 2) },
	} {
		if err := step(); err != nil {
			f.Fatal(err)
		}
	}
	content := d.segments()[name].data
	for _, end := range []int64{0, 10, empty, half, half - 1, l.active().end - 8, l.active().end} {
		f.Add(content[:end], false)
		f.Add(content[:end], true)
	}
	f.Fuzz(func(t *testing.T, content []byte, seal bool) {
		if content = bytes.Clone(content); seal {
			sealSegment(content)
		}
		c := d.copied(name, content)
		l, err := Open(Options{FS: c, Dir: "/log"})
		if err != nil {
			return
		}
		if err := l.SaveRaftState([]pb.Update{{ShardID: 99, ReplicaID: 1, State: pb.State{Term: 1}}}, 1); err != nil {
			t.Errorf("what was opened cannot be written: %v", err)
		}
		_ = l.Close()
		if l, err = Open(Options{FS: c, Dir: "/log"}); err != nil {
			t.Fatalf("what was opened once is refused the second time: %v", err)
		}
		_ = l.Close()
	})
}

// sealSegment makes the checksums right of as many records as there are.
func sealSegment(b []byte) {
	if len(b) < segmentHeaderLen {
		return
	}
	binary.LittleEndian.PutUint32(b[12:], headerSum(b))
	for b = b[segmentHeaderLen:]; len(b) >= recordHeaderLen; {
		h, _ := decodeRecordHeader(b, 0)
		size := total(int64(h.body))
		if size > int64(len(b)) {
			return
		}
		h.encode(b)
		body := b[recordHeaderLen : recordHeaderLen+int64(h.body)]
		sealItems(body)
		if sum, ok := bodySum(b, body, true); ok {
			binary.LittleEndian.PutUint32(b[size-recordTrailerLen:], sum)
		}
		b = b[size:]
	}
}

// sealItems makes the checksums right of as many items as there are, and tells whether that is all of the bytes.
func sealItems(b []byte) bool {
	for len(b) > 0 {
		_, n, ok := nextItem(b)
		if !ok {
			return false
		}
		clear(b[5:8])
		binary.LittleEndian.PutUint32(b[8:], itemSum(b[:n]))
		b = b[n:]
	}
	return true
}

// FuzzItems applies bytes as the body of a record, their checksums made right.
func FuzzItems(f *testing.F) {
	b := newBuilder()
	b.replica(raftio.GetNodeInfo(1, 2))
	b.state(pb.State{Term: 1, Vote: 2, Commit: 3})
	b.entry(&pb.Entry{Index: 1, Term: 1, Cmd: []byte("x")})
	b.words(kindRange, 1, 1)
	b.bytes(kindSnapshot, pb.MustMarshal(&pb.Snapshot{Index: 1}))
	b.bytes(kindBootstrap, pb.MustMarshal(&pb.Bootstrap{}))
	f.Add(b.body())
	f.Fuzz(func(t *testing.T, body []byte) {
		if body = bytes.Clone(body); !sealItems(body) {
			return
		}
		d := newDisk()
		l, err := Open(Options{FS: d, Dir: "/log"})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.begin(link{salt: l.active().salt, end: l.active().end, seq: l.seq}, l.head(), &builder{buf: append(make([]byte, recordHeaderLen), body...)}); err != nil {
			return
		}
		for id, g := range l.groups {
			_, _, _ = l.IterateEntries(nil, 0, id.ShardID, id.ReplicaID, g.first, g.first+10, 1000)
			_, _ = l.ReadRaftState(id.ShardID, id.ReplicaID, g.snapIndex)
		}
		if l, err = Open(Options{FS: d, Dir: "/log"}); err == nil {
			_ = l.Close()
		}
	})
}
