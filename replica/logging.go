package replica

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lni/dragonboat/v4/logger"
)

// routing says where dragonboat's messages go. It is package state because
// dragonboat's own is: one logger factory for the process, set at most once.
var routing struct {
	once sync.Once
	to   atomic.Pointer[sink]
}

type sink struct {
	log     *slog.Logger
	onFatal func(message string)
}

// routeLogs sends dragonboat's log to l from now on, and gives the standard
// library's log its output back, which one of dragonboat's imports takes away.
func routeLogs(l *slog.Logger, onFatal func(string)) {
	routing.to.Store(&sink{log: l, onFatal: onFatal})
	routing.once.Do(func() {
		logger.SetLoggerFactory(func(pkg string) logger.ILogger { return raftLogger{pkg: pkg} })
		log.SetOutput(stdOutput())
		shrinkEntrySlice()
	})
}

// stdOutput returns where the standard library's log goes: where it went before
// one of dragonboat's imports took it for itself while the program was loaded.
func stdOutput() io.Writer {
	out := log.Writer()
	if strings.Contains(fmt.Sprintf("%T", out), "capnslog") {
		log.SetFlags(log.LstdFlags)
		return os.Stderr
	}
	return out
}

// fatal tells why the process is about to panic.
func fatal(reason, component string) {
	to := routing.to.Load()
	if to == nil {
		return
	}
	to.log.Error(strings.TrimSpace(reason), "component", "raft/"+component)
	if to.onFatal != nil {
		to.onFatal(strings.TrimSpace(reason))
	}
}

// raftLogger is what dragonboat logs to. Its information and warnings are
// for those who debug Raft: while there is no leader it warns of each message. Its
// errors tell of things that mend themselves (a lost connection). So all goes down.
type raftLogger struct{ pkg string }

var _ logger.ILogger = raftLogger{}

func (raftLogger) SetLevel(logger.LogLevel) {}

func (l raftLogger) Debugf(format string, args ...any) {
	l.log(slog.LevelDebug-4, format, args)
}

func (l raftLogger) Infof(format string, args ...any) {
	l.log(slog.LevelDebug, format, args)
}

func (l raftLogger) Warningf(format string, args ...any) {
	l.log(slog.LevelDebug, format, args)
}

func (l raftLogger) Errorf(format string, args ...any) {
	l.log(slog.LevelInfo, format, args)
}

// Panicf is dragonboat's way out when it cannot go on: a failed write of the
// log, a state machine that returned an error, a broken invariant.
func (l raftLogger) Panicf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	last := explain(message)
	fatal(last, l.pkg)
	panic(last)
}

func (l raftLogger) log(level slog.Level, format string, args []any) {
	to := routing.to.Load()
	if to == nil || !to.log.Enabled(context.Background(), level) {
		return
	}
	to.log.Log(context.Background(), level, fmt.Sprintf(format, args...), "component", "raft/"+l.pkg)
}

// explain puts before dragonboat's last words what the operator can do.
func explain(message string) string {
	for _, known := range []struct{ sign, advice string }{
		{"no space left on device", "the disk of the Raft log is full; free some space and start again, nothing acknowledged is lost"},
		{"disk quota exceeded", "the disk quota of the Raft log is used up; raise it and start again, nothing acknowledged is lost"},
		{"input/output error", "the disk of the Raft log failed; check it before starting again"},
		{"onDiskInitIndex", "the state on disk is older than the Raft log that belongs to it; restore both from the same backup"},
		{"new node at non-zero index", "the Raft log is gone but the state is not; restore both from the same backup"},
	} {
		if strings.Contains(message, known.sign) {
			return known.advice + ": " + message
		}
	}
	return message
}
