package replica

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
	"unsafe"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/raftpb"
)

// changeRetry is the pause before a change of membership that another one
// overtook, or that found no leader, is asked for again.
const changeRetry = 50 * time.Millisecond

// Errors of changes of the membership.
var (
	// ErrRemoved: this node was removed from its cluster and can never come back under its id.
	ErrRemoved = errors.New("replica: this node was removed from its cluster; to join again, start with an empty data directory")
	// ErrNotMember: no member has that id.
	ErrNotMember = errors.New("replica: there is no member of that id")
	// ErrLastVoter: a group needs somebody who votes.
	ErrLastVoter = errors.New("replica: the last voter cannot be removed")
	// ErrNotMoved: the leadership did not move in time.
	ErrNotMoved = errors.New("replica: the leadership did not move in time")
)

// Membership is who belongs to the group, as this node has applied it. Its
// slices ascend.
type Membership struct {
	Voters, Learners, Removed []uint64
}

// Role returns a node's role, and whether it is a member.
func (m *Membership) Role(node uint64) (Role, bool) {
	switch {
	case slices.Contains(m.Voters, node):
		return Voter, true
	case slices.Contains(m.Learners, node):
		return Learner, true
	}
	return 0, false
}

// Membership returns the members as this node has applied them, which asks nobody.
func (r *Replica) Membership() Membership {
	all, ok := membershipOf(r.user)
	if !ok {
		return r.votersOnly()
	}
	return Membership{Voters: sortedKeys(all.Addresses), Learners: sortedKeys(all.NonVotings), Removed: sortedKeys(all.Removed)}
}

// votersOnly is what dragonboat tells without a quorum.
func (r *Replica) votersOnly() (m Membership) {
	host := r.nodeHost.GetNodeHostInfo(dragonboat.NodeHostInfoOption{SkipLogInfo: true})
	if host == nil {
		return m
	}
	for _, shard := range host.ShardInfoList {
		if shard.ShardID == shardID {
			m.Voters = sortedKeys(shard.Replicas)
			if shard.IsNonVoting {
				m.Learners = []uint64{shard.ReplicaID}
			}
		}
	}
	return m
}

// membershipOf looks into dragonboat's node, as hurry does: it has a call that
// lists all members, but that one needs a quorum, and the one without knows
// nothing of learners. TestMembershipIsReadLocally tells if the node changes.
func membershipOf(user dragonboat.INodeUser) (raftpb.Membership, bool) {
	machine, ok := machineOf(user).(interface{ GetMembership() raftpb.Membership })
	if !ok {
		return raftpb.Membership{}, false
	}
	return machine.GetMembership(), true
}

// appliedByRaft is the index of the last entry that was applied, be it for the machine or one of Raft's own; after a start it begins
// at the snapshot, wherever the machine is.
func appliedByRaft(user dragonboat.INodeUser) (uint64, bool) {
	machine, ok := machineOf(user).(interface{ GetLastApplied() uint64 })
	if !ok {
		return 0, false
	}
	return machine.GetLastApplied(), true
}

// machineOf is what dragonboat's node keeps of its state machine, nil if it looks different.
func machineOf(user dragonboat.INodeUser) any {
	v := reflect.ValueOf(user)
	for _, name := range []string{"node", "sm"} {
		if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return nil
		}
		v = v.Elem().FieldByName(name)
	}
	if !v.IsValid() || !v.CanAddr() {
		return nil
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem().Interface()
}

// AddLearner adds a node that receives the log and does not vote. The members
// need its address first: see SetAddress. A member stays what it is.
func (r *Replica) AddLearner(ctx context.Context, node uint64) error {
	return r.change(ctx, func(m *dragonboat.Membership, timeout time.Duration) (*dragonboat.RequestState, error) {
		if _, removed := m.Removed[node]; removed {
			return nil, ErrRemoved
		}
		if has(m.Nodes, node) || has(m.NonVotings, node) {
			return nil, nil
		}
		return r.nodeHost.RequestAddNonVoting(shardID, node, targetOf(node), m.ConfigChangeID, timeout)
	})
}

// Promote makes a learner a voter.
func (r *Replica) Promote(ctx context.Context, node uint64) error {
	return r.change(ctx, func(m *dragonboat.Membership, timeout time.Duration) (*dragonboat.RequestState, error) {
		switch {
		case has(m.Nodes, node):
			return nil, nil
		case !has(m.NonVotings, node):
			return nil, ErrNotMember
		}
		return r.nodeHost.RequestAddReplica(shardID, node, targetOf(node), m.ConfigChangeID, timeout)
	})
}

// Remove removes a member for ever: its id never comes back.
func (r *Replica) Remove(ctx context.Context, node uint64) error {
	err := r.change(ctx, func(m *dragonboat.Membership, timeout time.Duration) (*dragonboat.RequestState, error) {
		if _, removed := m.Removed[node]; removed {
			return nil, nil
		}
		switch {
		case !has(m.Nodes, node) && !has(m.NonVotings, node):
			return nil, ErrNotMember
		case has(m.Nodes, node) && len(m.Nodes) == 1:
			return nil, ErrLastVoter
		}
		return r.nodeHost.RequestDeleteReplica(shardID, node, m.ConfigChangeID, timeout)
	})
	if node == r.id.node && errors.Is(err, ErrRemoved) {
		return nil // it heard of that before it heard of the answer
	}
	return err
}

func has(members map[uint64]string, node uint64) bool {
	_, ok := members[node]
	return ok
}

// change asks for one change of the membership until it is made, or ctx ends. ask
// gets the membership as it is and returns nil, nil when there is nothing to be
// changed; so asking again after a lost answer is harmless.
func (r *Replica) change(ctx context.Context, ask func(*dragonboat.Membership, time.Duration) (*dragonboat.RequestState, error)) error {
	for {
		done, err := r.tryChange(ctx, ask)
		if done || err != nil {
			return err
		}
		select {
		case <-time.After(changeRetry):
		case <-ctx.Done():
			return fmt.Errorf("replica: change the membership: %w", ctx.Err())
		case <-r.stop:
			return ErrClosed
		}
	}
}

func (r *Replica) tryChange(ctx context.Context, ask func(*dragonboat.Membership, time.Duration) (*dragonboat.RequestState, error)) (done bool, err error) {
	r.calls.RLock()
	defer r.calls.RUnlock()
	if r.calls.closed {
		return false, ErrClosed
	}
	try, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	m, err := r.nodeHost.SyncGetShardMembership(try, shardID)
	if err != nil {
		return false, r.ifRemoved()
	}
	state, err := ask(m, attemptTimeout)
	if state == nil {
		if err == nil || errors.Is(err, ErrRemoved) || errors.Is(err, ErrNotMember) || errors.Is(err, ErrLastVoter) {
			return true, err
		}
		return false, r.ifRemoved()
	}
	select {
	case result := <-state.ResultC():
		state.Release()
		return result.Completed(), nil // else rejected or lost: the next look at the membership tells
	case <-try.Done():
		return false, nil
	case <-r.stop:
		return false, ErrClosed
	}
}

// ifRemoved keeps from asking on what a removed node cannot be told any more.
func (r *Replica) ifRemoved() error {
	if stopped(r.removed) {
		return ErrRemoved
	}
	return nil
}

// Transfer makes another voter the leader, if it can be.
func (r *Replica) Transfer(ctx context.Context, node uint64) error {
	if role, ok := r.roleOf(node); !ok || role != Voter {
		return ErrNotMember
	}
	tick := time.NewTicker(transferWait)
	defer tick.Stop()
	for {
		if l := r.Leader(); l.Known && l.ID == node {
			return nil
		}
		if err := r.askTransfer(node); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, transferWait)
		err := r.awaitLeader(wait, func(l Leader) bool { return l.Known && l.ID == node })
		cancel()
		if err == nil || errors.Is(err, ErrClosed) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ErrNotMoved
		}
	}
}

func (r *Replica) askTransfer(node uint64) error {
	r.calls.RLock()
	defer r.calls.RUnlock()
	if r.calls.closed {
		return ErrClosed
	}
	if err := r.nodeHost.RequestLeaderTransfer(shardID, node); err != nil && !errors.Is(err, dragonboat.ErrSystemBusy) {
		return fmt.Errorf("replica: %w", err)
	}
	return nil
}

func (r *Replica) roleOf(node uint64) (Role, bool) {
	m := r.Membership()
	return m.Role(node)
}

// Removed is closed when this node has learned that it was removed.
func (r *Replica) Removed() <-chan struct{} { return r.removed }

// MarkRemoved notes for ever that this node was removed: see Removed. A node that was away when it happened is
// told by others, whom its owner asks.
func (r *Replica) MarkRemoved() {
	r.removing.Do(func() {
		id := r.id
		id.state = removed
		if err := r.home.save(id); err != nil {
			r.log.Error("the removal of this node could not be noted", "err", err)
		}
		close(r.removed)
	})
}
