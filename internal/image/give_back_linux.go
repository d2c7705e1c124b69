package image

import (
	"bufio"
	"encoding/binary"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What /proc/self/pagemap tells of a page, in a word.
const (
	pageWord = 8       // bytes
	present  = 1 << 63 // it is in memory
	swapped  = 1 << 62
	ofFile   = 1 << 61 // it is the file's own: a page that was written to is not
)

// GiveBack unmaps the constants and tables of the program and its libraries, which can be read from their files again. It stops nobody.
//
// The code stays: the next request needs it, and where the system had taken it from its cache by then, that request waited for the disk.
//
// A mapping that may not be written to now may have been before: relocations are, and a debugger's breakpoints. Such pages
// are in no file, so their mapping is left alone.
func GiveBack() {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	pages, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return
	}
	defer pages.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if from, to, ok := readOnly(lines.Text()); ok && unwritten(pages, from, to) {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED) // memory that is locked stays
		}
	}
}

// readOnly tells where a mapping lies, and whether it is of a file and can only be read. A line is
//
//	01226000-02109000 r--p 00e26000 fe:00 1315    /usr/bin/redoubt
func readOnly(line string) (from, to uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || fields[1] != "r--p" || !strings.HasPrefix(fields[5], "/") {
		return 0, 0, false
	}
	first, end, _ := strings.Cut(fields[0], "-")
	a, errA := strconv.ParseUint(first, 16, strconv.IntSize)
	b, errB := strconv.ParseUint(end, 16, strconv.IntSize)
	return uintptr(a), uintptr(b), errA == nil && errB == nil && a < b
}

// unwritten tells whether all that there is of a mapping is in its file.
func unwritten(pages *os.File, from, to uintptr) bool {
	size := uintptr(os.Getpagesize())
	words := make([]byte, (to-from)/size*pageWord)
	if _, err := pages.ReadAt(words, int64(from/size*pageWord)); err != nil {
		return false
	}
	for ; len(words) > 0; words = words[pageWord:] {
		if w := binary.NativeEndian.Uint64(words); w&(present|swapped) != 0 && w&ofFile == 0 {
			return false
		}
	}
	return true
}
