//go:build !unix

package slab

import "errors"

const (
	pageSize = 4096
	hugePage = 2 << 20
)

var errNoMap = errors.New("slab: no anonymous mappings on this system")

func mapMemory(int, bool) ([]byte, error) { return nil, errNoMap }

func unmapMemory([]byte) {}

func vacate([]byte) {}
