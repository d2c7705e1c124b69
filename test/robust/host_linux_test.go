package robust

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameHost gives this thread, and what it starts, a host name of its own.
func renameHost(name string) error {
	return errors.Join(unix.Unshare(unix.CLONE_NEWUTS), unix.Sethostname([]byte(name)))
}
