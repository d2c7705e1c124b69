package server

import "testing"

// TestFound holds what the differential test has found and a corpus cannot say.
func TestFound(t *testing.T) {
	c := startNode(t).dial(t)
	// Seed 802: an item that is moved to where it is has been written.
	c.want("RPUSH l a", "(integer) 1")
	for _, move := range []string{"LMOVE l l LEFT RIGHT", "RPOPLPUSH l l", "LMOVE l l LEFT LEFT"} {
		c.want("WATCH l", "OK")
		c.want(move, "\"a\"")
		c.want("MULTI", "OK")
		c.want("LLEN l", "QUEUED")
		c.want("EXEC", "(nil)")
	}
	// Seed 803: a limit that was lowered counts at the next write, new field or not.
	c.want("HSET h a 1 b 2", "(integer) 2")
	c.want("CONFIG SET hash-max-listpack-entries 1", "OK")
	c.want("HSET h a 2", "(integer) 0")
	c.want("OBJECT ENCODING h", "\"hashtable\"")
}
