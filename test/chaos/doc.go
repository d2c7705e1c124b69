// Package chaos holds three nodes, and sometimes four, to their promises while what broke others before
// befalls them. Two faults go on at a time: one of the nodes (killed, stopped, cut off, their disk full, stuck or
// without power, members come and go), and one beside it (a clock jumps, strobes or drifts, links delay, lose, double and
// reorder, clients are cut off, the leadership moves, the past is compacted). A seed chooses them.
//
//	make chaos                                    a long run: DURATION, ROUND, INTERVAL, SEED, ONLY, WORK and FOLDER may be set
//	go test ./test/chaos                          the short form, and histories with known faults for the judge
//
// Clients on every node count, compare and set, read stale, move money between accounts, push and pop, let keys expire, hold leases,
// and do what they like with strings, hashes, sets, sorted sets and lists. After each round all comes to rest; what clients
// were told is compared with what can have happened: linearizable by porcupine, or exactly by a rule of its own. The nodes'
// states must have the same hash. When something is wrong histories, logs and disks are kept, and the run says where.
//
// Networks are namespaces of the kernel, and slow links network devices whose other end is this process; disks are images on loop
// devices, and lose their power by a request to ext4. All that needs root and the programs ip, nsenter, unshare and mkfs.ext4; what
// is not to be had is left out, and the run says so. A node's clock is wrong by cmd/redoubt's REDOUBT_TEST_CLOCK.
package chaos
