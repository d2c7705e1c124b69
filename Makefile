# The commands of this project, each one line that can be typed as well.

.PHONY: build test race ci lint crash chaos failover goredis smoke compat differential bench bench-memory bench-elements bench-compaction bench-cluster bigkeys docs

build:
	go build -o redoubt ./cmd/redoubt

test:
	go test ./...

race:
	go test -race -short ./...

ci:
	bash .ci/run

lint:
	go vet ./... && go test ./internal/lint && go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

# ROUNDS of kill -9 under load. SERVER=redis judges the judge.
ROUNDS ?= 30
SERVER ?= redoubt
crash:
	go test ./test/crash -count=1 -timeout 2h -v -run TestKill -args -rounds $(ROUNDS) -server "$(SERVER)"

# Three nodes under faults of processes, networks, disks, clocks and the membership, for DURATION; all is checked after each ROUND.
# ONLY="kill,power" are faults and WORK="queues,leases" workloads by parts of their names; what went wrong is kept in FOLDER.
DURATION ?= 10m
ROUND ?= 4m
INTERVAL ?= 2s
SEED ?= 0
chaos:
	go test ./test/chaos -run 'TestChaos|Check' -count=1 -timeout 24h -v -args -duration $(DURATION) -round $(ROUND) -interval $(INTERVAL) \
		-seed $(SEED) -only "$(ONLY)" -work "$(WORK)" -folder "$(FOLDER)"

# The pause that clients of the other nodes notice when the leader is killed, KILLS times.
KILLS ?= 30
failover:
	go test ./test/cluster -count=1 -timeout 1h -v -run TestFailover -args -kills $(KILLS) -pause 2s

goredis:
	cd test/goredis && go test -count=1 ./...
	cd test/queue && go test -count=1 ./...

smoke:
	go test -count=1 ./test/smoke

# Redis' own test suite in external mode; UNITS="unit/type/string unit/multi" for some of it.
compat:
	go run ./test/tcl -units "$(UNITS)" -server "$(SERVER)"

# Random commands here and on redis-server, with the same replies. ARGS="-seed 7 -families lists,sets"
COMMANDS ?= 1000000
differential:
	go test ./test/differential -count=1 -timeout 2h -v -run TestDifferential -args -commands $(COMMANDS) -server "$(SERVER)" $(ARGS)

# Beside redis-server with an fsync before every acknowledgement; ARGS="-runs 3 -tests SET", ARGS="-tests writes,lrange,hot".
bench:
	go run ./bench/compare $(ARGS)

# ARGS="-keys 10000000 -ttl 24h", ARGS="-shape zset": hashes, hash, zset, list, ints, set
bench-memory:
	go run ./bench/memory -server redis $(ARGS)
	go run ./bench/memory -server redoubt $(ARGS)

# What elements of collections take beside redis-server, as a table
bench-elements:
	go run ./bench/memory -elements $(ARGS)

bench-compaction:
	go run ./bench/compaction $(ARGS)

# Three nodes beside three of etcd and three of redis-server; ARGS="-seconds 2 -runs 1 -clients 50 -tests write -where leader"
bench-cluster:
	bash bench/cluster/tools.sh
	go run ./bench/cluster $(ARGS)

# The pages that are generated from tables.
docs:
	go test ./conf -run TestDocumentation -args -rewrite

# What is done to keys of many elements, beside a neighbour's SETs. ARGS="-elements 1000000"
bigkeys:
	go test -count=1 -timeout 1h -v ./test/bigkeys -args -measure $(ARGS)
