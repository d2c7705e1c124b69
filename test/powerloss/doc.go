// Package powerloss cuts the power of a node that runs in process on file systems which forget what was not synced: the Raft
// log on one, the store, which has no log of its own, on another. What clients were told must be there when the node is back,
// each increment counted once, and the state that of a machine that applied the log without ever being interrupted.
package powerloss
