// Package tools runs the programs that come with Redis against the real binary, as its users do: redis-benchmark with all its tests, and
// redis-cli in the modes that are more than a prompt.
//
//	go test ./test/tools
//	go test ./test/tools -v -args -server redis     # what the same tests say of redis-server
//
// What the server does not know yet is left out with a notice.
package tools
