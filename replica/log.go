package replica

import (
	"errors"
	"fmt"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/vfs"

	"github.com/redoubt-db/redoubt/internal/raftlog"
)

// logName is the directory of the log, below the one that dragonboat names after the host and the cluster.
const logName = "log"

// raftLogs makes the log that dragonboat keeps Raft's entries in.
type raftLogs struct {
	watch *diskWatch
	made  func(*raftlog.Log)
}

var _ config.LogDBFactory = raftLogs{}

// Name is put down in dragonboat's flag file; a directory of another is refused.
func (raftLogs) Name() string { return raftlog.Name }

// Create is called by dragonboat when it starts.
func (f raftLogs) Create(c config.NodeHostConfig, _ config.LogDBCallback, dirs, _ []string) (raftio.ILogDB, error) {
	log, err := openLog(c.Expert.FS, c.Expert.FS.PathJoin(dirs[0], logName))
	if err != nil {
		return nil, err
	}
	f.made(log)
	return &watchedLog{log, f.watch}, nil
}

func openLog(fs vfs.FS, dir string) (*raftlog.Log, error) {
	l, err := raftlog.Open(raftlog.Options{FS: fs, Dir: dir})
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, raftlog.ErrDamaged):
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case errors.Is(err, raftlog.ErrNewer):
		return nil, fmt.Errorf("%w: %w", ErrNewer, err)
	}
	return nil, err
}
