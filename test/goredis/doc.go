// Package goredis runs a session of github.com/redis/go-redis, unchanged, against the real binary. It is a module of its own, so that
// the server's module does not depend on a client:
//
//	make goredis
//	cd test/goredis && go test ./...                                       # builds the server first
//	REDOUBT_SERVER='redis-server --port {port} --dir {dir} --appendonly yes' go test ./...
package goredis
