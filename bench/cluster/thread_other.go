//go:build !linux

package main

import "errors"

// threaded tells whether there is a generator of one thread: epoll is Linux' own.
const threaded = false

func (generator) thread() (result, error) {
	return result{}, errors.New("one thread for all clients needs Linux; use -generator goroutines")
}
