//go:build unix

package slab

import "golang.org/x/sys/unix"

const pageSize = 4096 // large slots are whole pages; where pages are larger the system rounds up itself

func mapMemory(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

func unmapMemory(mem []byte) {
	if err := unix.Munmap(mem); err != nil {
		panic("slab: munmap: " + err.Error())
	}
}
