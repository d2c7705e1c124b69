//go:build !linux

package chaos

import (
	"errors"
	"time"
)

// What there is of disks and links of our own on systems other than Linux: nothing.

var errLinuxOnly = errors.New("only Linux has them")

type quality struct {
	delay, jitter             time.Duration
	lost, doubled, overtaking float64
}

func (q quality) String() string { return "" }

type links struct{}

func newLinks(*network) (*links, error) { return nil, errLinuxOnly }
func (*links) set(quality)              {}
func (*links) close()                   {}

type disk struct{ dir string }

func newDisk(image, dir string) (*disk, error) { return nil, errLinuxOnly }
func (*disk) close()                           {}
func (*disk) again() error                     { return errLinuxOnly }
func (*disk) losePower() error                 { return errLinuxOnly }
func (*disk) fail() error                      { return errLinuxOnly }
func (*disk) freeze() error                    { return errLinuxOnly }
func (*disk) thaw() error                      { return errLinuxOnly }
func (*disk) fill() error                      { return errLinuxOnly }
func (*disk) empty() error                     { return errLinuxOnly }
