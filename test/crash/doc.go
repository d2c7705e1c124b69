// Package crash kills a server again and again while clients write, and holds it to what it acknowledged. It runs against the
// real binary, as a real process:
//
//	go test ./test/crash                              # a few rounds
//	go test ./test/crash -v -args -rounds 30          # make crash
//	go test ./test/crash -v -args -server redis       # the same judge on redis-server
//
// # How it is judged
//
// Every connection has keys of its own and a model of them, a plain Go map. A connection's commands take effect in the order in
// which it sent them, so after a crash its keys must look as if a prefix of what it sent had been executed: at least all that was
// acknowledged, at most all that was sent. The judge tries each such prefix. That covers lost writes, writes that come back,
// INCRs counted twice, half a MULTI and a pipeline applied out of order with one rule.
//
// One counter is shared by all connections: no two INCRs may get the same number, and after a crash it must stand
// where the prefixes found for the connections put it.
package crash
