// Package raftwire carries Raft's messages and snapshots between nodes over TCP, in place of dragonboat's own transport.
//
// On the wire it is the same, byte for byte, so that nodes with the one and with the other make a group. It differs in
// what it asks of the processor: a message is one write, by the goroutine that made it if it need not wait (direct.go), and
// what has arrived of them is one read.
//
//	    2       2      8     4            4            size
//	| ae 7d | method | size | header CRC | payload CRC | payload |
//
// The payload is a batch of messages (method 100) or a chunk of a snapshot (200), in dragonboat's encoding, which names
// the cluster and the version; dragonboat refuses those of others. The CRC of the payload is 0 under TLS, which has a
// better one. Snapshots have connections of their own, and say at the end that it is one: 00 00, which is answered alike.
//
// Strangers may connect where there is no TLS, so nothing they send is believed: a length is bounded, and memory follows
// the bytes that arrive, not those that are announced; whoever sends what is not a frame is disconnected, with a line in the log.
//
// # Goroutines
//
//	accept  one for each address listened on    Transport.Start to Close
//	serve   one for each accepted connection    until that ends, or Close
//
// Close waits for both. Connections to others belong to dragonboat's goroutines; they end with the context they were made with.
package raftwire
