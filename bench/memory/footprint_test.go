package main

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

func TestRollup(t *testing.T) {
	const text = "00400000-7ffe99412000 ---p 00000000 00:00 0      [rollup]\nRss:               33684 kB\nPss:               32220 kB\nPss_Anon:           5112 kB\nAnonymous:          5112 kB\nAnonHugePages:         0 kB\n"
	got, err := rollup(text)
	if want := (footprint{anonymous: 5112 << 10, file: (33684 - 5112) << 10}); err != nil || got != want {
		t.Errorf("rollup = %+v, %v, want %+v", got, err, want)
	}
	if got := fmt.Sprint(got); got != "33 MiB (5 anonymous, 28 of files)" {
		t.Errorf("it reads %q", got)
	}
	if _, err := rollup("Rss: 1 kB\n"); err == nil {
		t.Error("no error where Anonymous is missing")
	}
}

// TestFootprint holds that what is written becomes anonymous, and what is only there does not.
func TestFootprint(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is Linux' own")
	}
	before, err := footprintOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	touched := make([]byte, size)
	for i := 0; i < size; i += os.Getpagesize() {
		touched[i] = 1
	}
	after, err := footprintOf(os.Getpid())
	if grown := after.anonymous - before.anonymous; err != nil || grown < size*3/4 || grown > size*2 {
		t.Errorf("%d MiB written, anonymous %d MiB more, %v", mib(size), mib(grown), err)
	}
	runtime.KeepAlive(touched)
	if before.file <= 0 || before.total() != before.anonymous+before.file {
		t.Errorf("%+v", before)
	}
}
