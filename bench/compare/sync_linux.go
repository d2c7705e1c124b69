package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// dataSync is fdatasync, which is what logs use.
func dataSync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
