//go:build !linux

package aio

// Parked is for Linux.
type Parked struct{}

// NewParked returns ErrNone.
func NewParked() (*Parked, error) { return nil, ErrNone }

// WriteSync returns ErrNone.
func (*Parked) WriteSync(any, []byte, int64) error { return ErrNone }

// Close does nothing.
func (*Parked) Close() {}
