// Package replica is this node's member of the Raft group. It carries bytes: it
// hands batches to the log, drives a state machine with what was committed, and
// tells readers when they may read. What the bytes mean is the machine's.
//
// The library below is dragonboat. All of it that the rest of the program needs
// to know passes through here, so that it can be replaced.
//
//	machine := ...                         // Machine: decodes entries, applies them
//	rep, err := replica.Open(replica.Options{Machine: machine, ...})
//	batcher := replica.NewBatcher(rep, replica.BatcherOptions[L]{...})
//	<-batcher.Ready()                      // there is a leader, and the log is replayed
//
//	batch := batcher.OpenFor(len(request)) // a write, from any goroutine
//	batch.Body = append(batch.Body, request...)
//	batch.Requests++
//	batch.Local.add(client)
//	batcher.Done()
//
//	local, ok := batcher.InFlight(incarnation, number) // the machine applies it
//	...                                                // replies go to local, if ok
//	batcher.Applied(number)                            // now Settled is called
//
//	rep.ReadIndex(func(err error) { ... }) // reads, once per turn of an event loop
//
//	batcher.Close(); rep.Close()           // in that order
//
// # Goroutines
//
//	awaitProposals   fate of proposals        Replica.Open to Close, which waits
//	awaitReads       answers of ReadIndex     likewise
//	compactor.run    compaction of the log    likewise
//	hurry            a lone voter's election  ends once there is a leader
//	Batcher.run      its clock                NewBatcher to Close, which waits
//
// and dragonboat's own, from Open to Close: one that steps Raft and waits for the
// disk, one that applies (it calls Machine, Batcher.Settled and, in a group of
// one, proposes the next batch), one that tells of leaders (it calls OnLeader).
//
// Locks, outermost first: Batcher.mu is held by no one who calls out; Replica.calls
// (shared) is held around single calls into dragonboat.
//
// # On disk
//
// Options.Dir holds the file identity (see identity.go), our lock, and what
// dragonboat keeps. Frozen in it are the node's id, the cluster's, the number of
// the log's shards as dragonboat counts them, the kind of the log (internal/raftlog), and the
// use of a node registry: members are named by id, not by address (registry.go).
package replica
