package slab

import "golang.org/x/sys/unix"

// adviseHuge asks for huge pages. A system that has none answers with an error that changes nothing.
func adviseHuge(mem []byte) { _ = unix.Madvise(mem, unix.MADV_HUGEPAGE) }
