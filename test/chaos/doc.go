// Package chaos holds three nodes, and sometimes four, to their promises while processes are killed and stopped,
// networks are cut, and members come and go. Clients on every node count, set registers, move money between accounts
// and let keys expire; what they were told is compared with what can have happened.
//
//	make chaos                                    a long run: DURATION, SEED and INTERVAL may be set
//	go test ./test/chaos                          the short form
//
// Where network namespaces are not to be had (they need root and the program ip) networks are not cut, and the run
// says so.
package chaos
