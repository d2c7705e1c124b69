package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fileKeys are keys of all types in two databases.
func fileKeys(seed uint64, n int) []Key {
	r := rand.New(rand.NewPCG(seed, 0))
	var keys []Key
	for db := range 2 {
		for i := range n {
			k := Key{DB: db * 9, Name: fmt.Appendf(nil, "key%d", i), Value: random(r, types[i%len(types)].typ)}
			if i%3 == 0 {
				k.Deadline = 4_000_000_000_000 + int64(i)
			}
			keys = append(keys, k)
		}
	}
	return keys
}

func TestFileFromRedis(t *testing.T) {
	server := startRedis(t)
	want := map[string]Key{}
	for _, k := range fileKeys(1, 60) {
		server.do("SELECT", fmt.Sprint(k.DB))
		server.build(string(k.Name), k.Value)
		if k.Deadline != 0 {
			server.do("PEXPIREAT", string(k.Name), fmt.Sprint(k.Deadline))
		}
		want[fmt.Sprint(k.DB, string(k.Name))] = k
	}
	server.do("SELECT", "0")
	server.do("DEL", "version")
	code := "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
	server.do("FUNCTION", "LOAD", code)
	server.do("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu") // so that it writes frequencies
	server.do("SAVE")
	file, err := os.Open(filepath.Join(server.dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	functions, version := "", ""
	err = ReadFile(file, Visitor{
		Key: func(k Key) error {
			id := fmt.Sprint(k.DB, string(k.Name))
			w, ok := want[id]
			if !ok || k.Deadline != w.Deadline || !same(k.Value, w.Value, false) {
				return fmt.Errorf("%s has the deadline %d and is %s, want %d and %s", id, k.Deadline, plain(k.Value, false), w.Deadline, plain(w.Value, false))
			}
			delete(want, id)
			return nil
		},
		Function: func(code []byte) error { functions += string(code); return nil },
		Aux: func(name, value []byte) error {
			if string(name) == "redis-ver" {
				version = string(value)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(want) > 0 || functions != code || version == "" {
		t.Errorf("%d keys are missing, functions %q, version %q", len(want), functions, version)
	}
}

func TestFileToRedis(t *testing.T) {
	server := startRedis(t)
	keys := fileKeys(2, 60)
	var b bytes.Buffer
	w := NewWriter(&b, Version, "redis-ver", "7.0.15", "ctime", "1")
	if err := w.Function([]byte("#!lua name=lib\nredis.register_function('f', function() return 1 end)")); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := w.Key(k); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(server.dir, "dump.rdb"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	server.do("DEBUG", "RELOAD", "NOSAVE")
	if got := server.do("FCALL", "f", "0"); got != "1" {
		t.Errorf("FCALL f = %s", got)
	}
	for _, k := range keys {
		server.do("SELECT", fmt.Sprint(k.DB))
		got, err := Decode([]byte(server.do("DUMP", string(k.Name))))
		if err != nil || !same(got, k.Value, true) {
			t.Fatalf("%d %s: loaded as %v, %v", k.DB, k.Name, got, err)
		}
		deadline := k.Deadline
		if deadline == 0 {
			deadline = -1
		}
		if got := server.do("PEXPIRETIME", string(k.Name)); got != fmt.Sprint(deadline) {
			t.Errorf("%d %s has the deadline %s, want %d", k.DB, k.Name, got, deadline)
		}
	}
}

// written is a small file.
func written(t testing.TB) []byte {
	var b bytes.Buffer
	w := NewWriter(&b, Version, "a", "b")
	for _, k := range fileKeys(3, 6) {
		if err := w.Key(k); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFileErrors(t *testing.T) {
	whole := written(t)
	changed := bytes.Clone(whole)
	changed[len(changed)-1] ^= 1
	unchecked := append(bytes.Clone(whole[:len(whole)-8]), make([]byte, 8)...)
	for _, c := range []struct {
		name string
		file string
		want error
	}{
		{"whole", string(whole), nil},
		{"a wrong checksum", string(changed), ErrChecksum},
		{"no checksum", string(unchecked), nil},
		{"version 4 has none", "REDIS0004\x00\x01k\x01v\xff", nil},
		{"another file", "SQLite format 3", ErrCorrupt},
		{"no digits", "REDIS000x\xff", ErrCorrupt},
		{"version 0", "REDIS0000\xff", ErrVersion},
		{"the last version", "REDIS0012\xff\x00\x00\x00\x00\x00\x00\x00\x00", nil},
		{"a later version", "REDIS0013\xff\x00\x00\x00\x00\x00\x00\x00\x00", ErrVersion},
		{"nothing", "", ErrCorrupt},
		{"an empty list is passed over", "REDIS0004\x01\x01k\x00\xff", nil},
		{"a module's value", "REDIS0009\x07\x01k\x00", ErrModule},
		{"a module's own", "REDIS0004\xf7\x01\x02\x01\x01\x05\x02\x05\x03\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x05\x01x\x00\xff", nil},
		{"a length that is not true", "REDIS0004\x00\x01k\x81\x00\xff\xff\xff\xff\xff\xff\xff", ErrCorrupt},
		{"seconds, idle time, frequency, sizes and a slot", "REDIS0004\xfd\x00\x00\x00\x01\xf8\x05\xf9\x01\xfb\x01\x01\xf4\x01\x01\x01\x00\x01k\x01v\xff", nil},
		{"a function of a candidate", "REDIS0004\xf6\x03lib\x03lua\x00\x04code\xff", nil},
	} {
		if err := ReadFile(strings.NewReader(c.file), Visitor{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for n := range whole {
		if err := ReadFile(bytes.NewReader(whole[:n]), Visitor{}); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	stop := errors.New("stop")
	if err := ReadFile(bytes.NewReader(whole), Visitor{Key: func(Key) error { return stop }}); err != stop {
		t.Errorf("the visitor's error became %v", err)
	}
}
