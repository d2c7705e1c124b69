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

// BeginWrite returns ErrNone.
func (*Syncer) BeginWrite(any, []byte, int64) error { return ErrNone }

// Ended returns ErrNone.
func (*Syncer) Ended(bool) (bool, error) { return false, ErrNone }

// Direct returns ErrNone.
func Direct(any, bool) error { return ErrNone }

// Close does nothing.
func (*Syncer) Close() {}
