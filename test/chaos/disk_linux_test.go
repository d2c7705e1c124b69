package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	diskBytes = 6 << 30 // of a file with holes

	// Requests to the file system that x/sys/unix has no names for.
	ioctlFreeze   = 0xc0045877 // FIFREEZE: writes wait
	ioctlThaw     = 0xc0045878 // FITHAW
	ioctlShutdown = 0x8004587d // EXT4_IOC_SHUTDOWN: from now on all fails,
	goingDefault  = 0          // and what was written is on the disk
	goingNow      = 2          // and what was not synced is gone
)

// disk is a file system of one node's own: an image in a file, mounted by way of a loop device.
type disk struct {
	image, dir string
	frozen     bool
}

func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func newDisk(image, dir string) (*disk, error) {
	d := &disk{image: image, dir: dir}
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(diskBytes), f.Close(), os.MkdirAll(dir, 0o755))
	}
	if err == nil {
		err = run("mkfs.ext4", "-q", "-F", image)
	}
	if err == nil {
		err = d.mount()
	}
	return d, err
}

func (d *disk) mount() error { return run("mount", "-o", "loop", d.image, d.dir) }

// again mounts what is left of the disk, once nothing of the old one is in memory.
func (d *disk) again() error {
	if err := run("umount", d.dir); err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(startMax); ; <-tick.C {
		used, err := exec.Command("losetup", "-j", d.image).Output()
		switch {
		case err != nil:
			return err
		case len(used) == 0:
			return d.mount()
		case time.Now().After(end):
			return fmt.Errorf("the disk is in use after umount: %s", used)
		}
	}
}

func (d *disk) close() {
	_ = d.thaw()
	if run("umount", d.dir) != nil {
		_ = run("umount", "-l", d.dir)
	}
}

// ioctl asks something of the whole file system.
func (d *disk) ioctl(request uint, value int) error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), request, value)
}

// losePower takes what was not synced. Nobody may use the disk any more: an fsync that this meets half way may be told
// that all is well, and power that is lost takes away who is told, too.
func (d *disk) losePower() error { return d.ioctl(ioctlShutdown, goingNow) }

// fail lets all that is asked of the disk from now on fail.
func (d *disk) fail() error { return d.ioctl(ioctlShutdown, goingDefault) }

func (d *disk) freeze() error {
	d.frozen = true
	return d.ioctl(ioctlFreeze, 0)
}

func (d *disk) thaw() error {
	if !d.frozen {
		return nil
	}
	d.frozen = false
	return d.ioctl(ioctlThaw, 0)
}

func (d *disk) filler() string { return filepath.Join(d.dir, "filler") }

// fill leaves no byte.
func (d *disk) fill() error {
	f, err := os.Create(d.filler())
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(0)
	for step := int64(1 << 30); step >= 4096; {
		if err := unix.Fallocate(int(f.Fd()), 0, size, step); err == nil {
			size += step
		} else if errors.Is(err, unix.ENOSPC) {
			step /= 2
		} else if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	return nil
}

func (d *disk) empty() error { return os.Remove(d.filler()) }
