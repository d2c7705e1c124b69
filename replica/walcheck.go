package replica

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// walNewest is how many write-ahead logs of a log database are looked at. The newest is the one that may end anywhere. Those
// before it were closed, and Pebble is strict with them but for the number of a chunk; of them one at most is still needed, unless a
// flush was held up.
const walNewest = 2

const walSuffix = ".log"

// checkLog refuses a Raft log that is damaged where Pebble would take it for torn, and drop what lies behind without a
// word. It reads what Pebble will read anyway.
func (h *home) checkLog() error {
	dirs, err := h.logDirs(h.dir)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := h.checkLogDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// logDirs returns the directories of log databases in and below dir.
func (h *home) logDirs(dir string) ([]string, error) {
	names, err := h.fs.List(dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var found []string
	for _, name := range names {
		path := h.fs.PathJoin(dir, name)
		info, err := h.fs.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		case !info.IsDir():
			continue
		case strings.HasPrefix(name, "logdb-"):
			found = append(found, path)
			continue
		}
		below, err := h.logDirs(path)
		if err != nil {
			return nil, err
		}
		found = append(found, below...)
	}
	return found, nil
}

func (h *home) checkLogDir(dir string) error {
	names, err := h.fs.List(dir)
	if err != nil {
		return err
	}
	type file struct {
		name   string
		number uint64
	}
	var files []file
	for _, name := range names {
		digits, isLog := strings.CutSuffix(name, walSuffix)
		if number, err := strconv.ParseUint(digits, 10, 64); isLog && err == nil {
			files = append(files, file{name, number})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(b.number, a.number) })
	for _, f := range files[:min(len(files), walNewest)] {
		if err := h.checkLogFile(h.fs.PathJoin(dir, f.name), uint32(f.number)); err != nil {
			return err
		}
	}
	return nil
}

func (h *home) checkLogFile(path string, number uint32) error {
	f, err := h.fs.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	damage, err := checkWAL(f, number)
	if err != nil {
		return fmt.Errorf("replica: read %s: %w", path, err)
	}
	if damage == nil {
		return nil
	}
	return fmt.Errorf("%w: %s holds other bytes than were written at offset %d, in front of acknowledged writes; "+
		"restore the data directory from a copy, or give up the writes from there on by cutting the file to %d bytes",
		ErrDamaged, path, damage.chunk, damage.record)
}
