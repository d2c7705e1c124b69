//go:build !linux

package aio

// Syncer is for Linux.
type Syncer struct{}

// New returns ErrNone.
func New() (*Syncer, error) { return nil, ErrNone }

// Event is never called.
func (*Syncer) Event() int { return -1 }

// Begin returns ErrNone.
func (*Syncer) Begin(any) error { return ErrNone }

// Ended returns ErrNone.
func (*Syncer) Ended(bool) (bool, error) { return false, ErrNone }

// Close does nothing.
func (*Syncer) Close() {}
