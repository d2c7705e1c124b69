//go:build !unix

package slab

import "errors"

const pageSize = 4096

var errNoMap = errors.New("slab: no anonymous mappings on this system")

func mapMemory(int) ([]byte, error) { return nil, errNoMap }

func unmapMemory([]byte) {}
