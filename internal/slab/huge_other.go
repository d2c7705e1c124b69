//go:build unix && !linux

package slab

func adviseHuge([]byte) {}
