//go:build unix

package slab

import "golang.org/x/sys/unix"

const (
	pageSize = 4096    // large slots are whole pages; where pages are larger the system rounds up itself
	hugePage = 2 << 20 // regions begin on one
)

// mapMemory maps zeroed memory; huge asks for huge pages, which the system may decline.
func mapMemory(size int, huge bool) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err == nil && huge {
		adviseHuge(mem)
	}
	return mem, err
}

func unmapMemory(mem []byte) {
	if err := unix.Munmap(mem); err != nil {
		panic("slab: munmap: " + err.Error())
	}
}

// vacate gives the memory back and keeps the addresses.
func vacate(mem []byte) {
	if err := unix.Madvise(mem, unix.MADV_DONTNEED); err != nil {
		panic("slab: madvise: " + err.Error())
	}
}
