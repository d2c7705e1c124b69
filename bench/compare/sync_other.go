//go:build !linux

package main

import "os"

// dataSync is the nearest thing to fdatasync that every system has.
func dataSync(f *os.File) error { return f.Sync() }
