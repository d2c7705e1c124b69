package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/raftpb"
)

// tailBytes is how much of the log is read at a time.
const tailBytes = 8 << 20

// Replay returns when the machine has applied all that the log in this directory says is committed, which asks no
// other member: for tools that work on the directory of a node that is not to serve. What lies in the log behind
// that is returned: a member has it on disk, and cannot know without a quorum whether it is committed. A group of
// one knows, so nothing is left over.
func (r *Replica) Replay(ctx context.Context) (behind []Entry, err error) {
	log, err := r.nodeHost.GetLogReader(shardID)
	if err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	first, last := log.GetRange()
	state, _ := log.NodeState()
	known, behind, err := commands(log, first, last, state.Commit)
	if err != nil {
		return nil, err
	}
	if err := r.awaitApplied(ctx, known); err != nil {
		return nil, err
	}
	if err := r.awaitReplayed(ctx, state.Commit); err != nil { // the changes of the membership, too
		return nil, err
	}
	if m := r.Membership(); len(m.Voters) == 1 && m.Voters[0] == r.id.node && len(behind) > 0 {
		return nil, r.awaitApplied(ctx, behind[len(behind)-1].Index)
	}
	return behind, nil
}

// awaitApplied returns when the entry of that index is applied to the machine.
func (r *Replica) awaitApplied(ctx context.Context, last uint64) error {
	return r.awaitIndex(ctx, last, r.Applied)
}

// awaitReplayed is awaitApplied for Raft's own entries, which the machine is not given.
func (r *Replica) awaitReplayed(ctx context.Context, last uint64) error {
	return r.awaitIndex(ctx, last, func() uint64 {
		applied, ok := appliedByRaft(r.user)
		if !ok {
			return last
		}
		return applied
	})
}

func (r *Replica) awaitIndex(ctx context.Context, last uint64, applied func() uint64) error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for applied() < last {
		select {
		case <-poll.C:
		case <-r.stop:
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("replica: entry %d of %d is applied: %w", applied(), last, ctx.Err())
		}
	}
	return nil
}

// commands looks for what the machine is given, from first to last: the index of the last one that is committed, 0 if
// there is none, and those behind commit.
func commands(log dragonboat.ReadonlyLogReader, first, last, commit uint64) (known uint64, behind []Entry, err error) {
	for next := first; next <= last; {
		entries, err := log.Entries(next, last+1, tailBytes)
		if err != nil {
			return 0, nil, fmt.Errorf("replica: read the log from %d: %w", next, err)
		}
		if len(entries) == 0 {
			return 0, nil, fmt.Errorf("%w: the log ends at %d, before %d", ErrDamaged, next, last)
		}
		for i := range entries {
			index := entries[i].Index
			data, err := payload(&entries[i])
			switch {
			case err != nil:
				return 0, nil, err
			case len(data) == 0:
			case index <= commit:
				known = index
			default:
				behind = append(behind, Entry{Index: index, Data: data})
			}
		}
		next = entries[len(entries)-1].Index + 1
	}
	return known, behind, nil
}

var errEncoding = errors.New("replica: an entry of the log is encoded in a way this version does not use")

// payload is what the machine would be given of an entry: nothing of Raft's own. An encoded one is one byte of
// dragonboat's, 0 when nothing is compressed and there is no session, then the proposed bytes.
func payload(e *raftpb.Entry) ([]byte, error) {
	switch {
	case len(e.Cmd) == 0 || e.Type == raftpb.ConfigChangeEntry:
		return nil, nil
	case e.Type == raftpb.ApplicationEntry:
		return e.Cmd, nil
	case e.Type == raftpb.EncodedEntry && e.Cmd[0] == 0:
		return e.Cmd[1:], nil
	}
	return nil, fmt.Errorf("%w: entry %d", errEncoding, e.Index)
}
