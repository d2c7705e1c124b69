// Package evloop serves many non-blocking sockets from one goroutine each loop, by epoll. It exists on Linux alone.
//
// Nothing of it is known to Go's scheduler but the wait for events, when there are none: reads and writes of sockets
// that do not block are system calls without the scheduler's watch, which costs more than the copy of a small request, and a
// post from another goroutine is a system call only while the loop sleeps. docs/adr/0015 has the figures.
//
// A loop's own goroutine calls a connection's Owner and is the only one to call a Conn's methods; Wake is for everybody.
package evloop
