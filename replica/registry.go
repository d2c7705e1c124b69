package replica

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
)

// Raft's membership names a member by its target, a string that is written to
// the log and to the bootstrap record, for ever. dragonboat's default target is
// the member's address, so that a member can never move. Ours is derived from
// the node id and from nothing else: the id, printed as the last 64 bits of a
// UUID, since dragonboat insists on UUIDs wherever a node registry is in use.
//
//	node 258 has the target 00000000-0000-0000-0000-000000000102
//
// Where a node listens is data: the replicated state machine keeps it, and the
// program tells the registry what it learned (Replica.SetAddress). The registry
// turns (replica id) into that address for dragonboat's transport.
func targetOf(node uint64) string {
	return fmt.Sprintf("00000000-0000-0000-%04x-%012x", node>>48, node&(1<<48-1))
}

func nodeOf(target string) (uint64, error) {
	digits, ok := strings.CutPrefix(target, "00000000-0000-0000-")
	if !ok || len(digits) != 17 || digits[4] != '-' {
		return 0, fmt.Errorf("replica: %q does not name a node", target)
	}
	return strconv.ParseUint(digits[:4]+digits[5:], 16, 64)
}

// Errors of looking up a member.
var errNoAddress = errors.New("replica: the address of that node is not known")

// registry maps node ids to the addresses of their Raft transports. dragonboat
// asks it for every message stream, from many goroutines.
type registry struct {
	mu        sync.RWMutex
	addresses map[uint64]string
	links     map[uint64]int // how often the link to a node was made anew: see Relink
}

var _ raftio.INodeRegistry = (*registry)(nil)
var _ config.NodeRegistryFactory = (*registry)(nil)

func newRegistry() *registry {
	return &registry{addresses: make(map[uint64]string), links: make(map[uint64]int)}
}

// Create makes the registry its own factory.
func (r *registry) Create(string, uint64, config.TargetValidator) (raftio.INodeRegistry, error) {
	return r, nil
}

func (r *registry) set(node uint64, address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addresses[node] = address
}

func (r *registry) address(node uint64) (string, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	address, ok := r.addresses[node]
	return address, ok
}

// Add is called for every member found in the membership. The target says no
// more than the replica id does, so there is nothing to learn from it.
func (r *registry) Add(_, replica uint64, target string) {
	if node, err := nodeOf(target); err != nil || node != replica {
		panic(fmt.Sprintf("replica: the membership has target %q for node %d", target, replica))
	}
}

// Remove keeps the address: a removed node never comes back under its id, and
// the last messages to it may still be under way.
func (r *registry) Remove(_, _ uint64) {}

// RemoveShard is Remove for every member.
func (r *registry) RemoveShard(uint64) {}

// Resolve returns a member's address and the key under which connections to it
// are shared.
func (r *registry) Resolve(_, replica uint64) (string, string, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	address, ok := r.addresses[replica]
	if !ok {
		return "", "", errNoAddress
	}
	if link := r.links[replica]; link > 0 {
		return address, address + "#" + strconv.Itoa(link), nil
	}
	return address, address, nil
}

func (r *registry) relink(node uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links[node]++
}

// Close has nothing to close.
func (r *registry) Close() error { return nil }
