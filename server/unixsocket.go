package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// unixSocket is unixsocket on its way into gnet, which puts all addresses into lower case. So it is bound under a
// name without upper case, by way of the directory's descriptor where that has any, and renamed.
type unixSocket struct {
	path string
	bind string // what gnet is told
	temp string // what it makes of it, in the file system's own words
	dir  *os.File
}

// newUnixSocket clears the way for a socket: a leftover of the same name is removed, any other file is not.
func newUnixSocket(path string) (*unixSocket, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("Could not create unix socket: %s is there and is no socket; move it away, or name another with --unixsocket", path)
	}
	if err == nil {
		os.Remove(path)
	}
	u := &unixSocket{path: path, bind: path, temp: path}
	if path == strings.ToLower(path) {
		return u, nil
	}
	name := fmt.Sprintf(".redoubt-%d.sock", os.Getpid())
	u.temp = filepath.Join(filepath.Dir(path), name)
	if u.dir, err = os.Open(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("Could not create unix socket: %w; make the directory, or name another with --unixsocket", err)
	}
	u.bind = fmt.Sprintf("/proc/self/fd/%d/%s", u.dir.Fd(), name)
	os.Remove(u.temp)
	return u, nil
}

// place gives the socket, which is bound, its permissions and then its name; perm 0 leaves what the umask gave.
func (u *unixSocket) place(perm int64) error {
	if u.dir != nil {
		defer u.dir.Close()
	}
	if perm != 0 {
		if err := os.Chmod(u.temp, os.FileMode(perm)); err != nil {
			return fmt.Errorf("unixsocketperm: %w", err)
		}
	}
	if u.temp == u.path {
		return nil
	}
	return os.Rename(u.temp, u.path)
}
