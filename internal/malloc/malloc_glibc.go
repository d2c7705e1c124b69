//go:build cgo && linux

package malloc

/*
#include <malloc.h>
#include <stdint.h>

static void map_from(int bytes) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, bytes);
#endif
}

static void trim(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static void stats(int64_t *used, int64_t *free) {
	*used = *free = 0;
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 33)
	struct mallinfo2 m = mallinfo2();
#else
	struct mallinfo m = mallinfo();
#endif
	*used = (int64_t)m.uordblks + (int64_t)m.hblkhd;
	*free = (int64_t)m.fordblks;
#endif
}
*/
import "C"

// GiveBack has large allocations go back to the system when they are freed. It is for the start of the program.
func GiveBack() { C.map_from(mapMin) }

// Trim gives back to the system what is free in whole pages. It locks out those who allocate meanwhile.
func Trim() { C.trim() }

// InUse tells what was allocated. It is zero where the allocator does not tell.
func InUse() Stats {
	var used, free C.int64_t
	C.stats(&used, &free)
	return Stats{Used: int64(used), Free: int64(free)}
}
