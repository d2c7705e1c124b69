// Package bigkeys holds a real server to a promise: what is done to one key never makes the clients of others wait, however
// many elements it has.
//
//	go test ./test/bigkeys -v                                    thirty thousand elements in each key
//	go test ./test/bigkeys -v -timeout 1h -args -elements 1000000
package bigkeys
