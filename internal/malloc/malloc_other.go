//go:build !cgo || !linux

package malloc

// GiveBack does nothing: what the allocator does with freed memory is its own affair.
func GiveBack() {}

// Trim does nothing.
func Trim() {}

// InUse is not known.
func InUse() Stats { return Stats{} }
