package server

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/redoubt-db/redoubt/internal/datadir"
	"github.com/redoubt-db/redoubt/replica"
	"golang.org/x/sys/unix"
)

// openDir makes and locks the data directory and checks that this version may open it. Each refusal says
// what to do.
func (srv *Server) openDir(dir string) error {
	lock, err := datadir.Lock(dir)
	if err != nil {
		return err
	}
	err = giveUpBallast(dir, srv.log)
	if err == nil {
		err = datadir.Check(dir)
	}
	if err == nil {
		err = datadir.CheckDamage(dir)
	}
	if err != nil {
		lock.Close()
		return err
	}
	srv.lock = lock
	return nil
}

// damaged is told by the store what it found. The node ends, so that clients go to others, and is not started on that directory again. In a store that is being
// opened, the error that follows would say less.
func (srv *Server) damaged(dir string, fatal func(reason string)) func(path string, err error) {
	var first sync.Once
	return func(path string, err error) {
		first.Do(func() {
			what, _, _ := strings.Cut(err.Error(), "\n")
			reason := "bytes of " + path + " are not those that were written: " + what
			if err := datadir.NoteDamage(dir, reason); err != nil {
				srv.log.Error("that the data are damaged could not be noted, so the next start does not know it", "err", err)
			}
			if fatal != nil {
				fatal(reason + "; " + datadir.DamageAdvice(dir))
			}
		})
	}
}

// adviseOpen puts what can be done behind an error of opening what is in the data directory, on one line.
func adviseOpen(dir string, err error) error {
	text := oneLine(err.Error())
	var network *net.OpError
	for _, other := range []error{replica.ErrInUse, replica.ErrNewer, replica.ErrRemoved, replica.ErrAddress, unix.EMFILE, unix.EADDRINUSE} {
		if errors.Is(err, other) {
			return errors.New(text)
		}
	}
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		return fmt.Errorf("%s; check owner and permissions of all that is in %s", text, dir)
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%s; the disk is full: free %d MB and start again, nothing acknowledged is lost", text, startNeeds>>20)
	case errors.As(err, &network), strings.Contains(text, "restore"):
		return errors.New(text)
	}
	return fmt.Errorf("%s; the data directory %s is damaged: check the disk, and restore the directory from a backup", text, dir)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
