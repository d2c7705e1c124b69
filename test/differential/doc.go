// Package differential sends the same random commands to a real redis-server and to this server and compares what they answer and what
// they then hold. The commands are of every family, valid and not, on few keys, so that types, options and transactions collide.
//
//	go test ./test/differential                                     # a few seeds, a few seconds
//	make differential COMMANDS=1000000                              # one seed from the clock, a million commands
//	go test ./test/differential -v -args -seed 7 -epoch 3           # what a failure printed
//	go test ./test/differential -v -args -families lists,sets -commands 100000
//	go test ./test/differential -v -args -server redis              # judge the judge: redis against redis
//
// # How it works
//
// A run is a row of epochs. An epoch is a short list of steps made from the seed and its own number alone; it starts with FLUSHALL, in
// RESP2 or RESP3, and ends with a comparison of everything that both hold. So any epoch can be run by itself, and a failure
// is made small by leaving out steps of one epoch (delta debugging) until every step that is left is needed. The result can be pasted
// into redis-cli.
//
// Commands are lines of a table (strings_test.go and its neighbours) in the notation of grammar_test.go; what the words in them stand for is
// in kinds_test.go. Some commands are spoiled on purpose: arguments left out, doubled, exchanged or replaced by rubbish.
//
// Most replies must be equal. Those whose order is nobody's business are compared without it; times left are compared with a
// tolerance; what Redis chooses by chance is held to a law, and then chosen likewise on the other side (random_test.go). Nothing here
// expires while it runs: deadlines are either past or days away.
//
// Commands that the server does not know are left out with a notice. Where it differs on purpose, known_test.go says so, and the row of
// docs/compatibility.md that tells users.
package differential
