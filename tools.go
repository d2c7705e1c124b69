//go:build tools

// Package tools keeps pinned modules in go.mod until their first importer lands.
package tools

import (
	_ "github.com/anishathalye/porcupine"
	_ "github.com/cespare/xxhash/v2"
	_ "github.com/cockroachdb/datadriven"
	_ "github.com/cockroachdb/pebble/v2"
	_ "github.com/google/btree"
	_ "github.com/lni/dragonboat/v4"
	_ "github.com/panjf2000/gnet/v2"
	_ "github.com/tidwall/redcon"
	_ "golang.org/x/sys/unix"
)
