package server

import (
	"fmt"
	"log/slog"
	"strings"
)

// pebbleLogger sends the engine's messages where the server's go; its routine ones are for debugging.
type pebbleLogger struct {
	log   *slog.Logger
	fatal func(reason string) // may be nil
}

func (l pebbleLogger) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l pebbleLogger) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf is called when the engine cannot go on; it must not return. What it tells may have a stack behind the
// first line.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	reason, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	reason = "the store failed: " + reason + "; check the disk, and restore the data directory from a backup if it is damaged"
	if l.fatal != nil {
		l.fatal(reason)
	}
	panic(reason)
}
