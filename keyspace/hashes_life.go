package keyspace

// FieldAnswer tells what became of a field whose life was asked about or changed, in Redis' own numbers.
type FieldAnswer int64

const (
	NoField      FieldAnswer = -2 // there is no such field
	NoDeadline   FieldAnswer = -1 // the field has no deadline
	FieldRefused FieldAnswer = 0  // the condition does not hold
	FieldChanged FieldAnswer = 1
	FieldEnded   FieldAnswer = 2 // the deadline has passed already: the field is gone
)

// Expire gives a field a deadline in milliseconds of log time, on the condition.
func (h *Hash) Expire(field []byte, deadline int64, when ExpireIf) FieldAnswer {
	e, ok := h.Lookup(field)
	switch {
	case !ok:
		return NoField
	case !when.met(e.Deadline, deadline):
		return FieldRefused
	case deadline <= h.tx.now:
		h.Delete(field)
		return FieldEnded
	}
	h.SetUntil(field, e.Value, deadline)
	return FieldChanged
}

// Persist takes a field's deadline away.
func (h *Hash) Persist(field []byte) FieldAnswer {
	e, ok := h.Lookup(field)
	switch {
	case !ok:
		return NoField
	case e.Deadline == 0:
		return NoDeadline
	}
	h.Set(field, e.Value)
	return FieldChanged
}

// Left is what is left of a field's life, in milliseconds, given its deadline.
func (f *Fields) Left(deadline int64) int64 { return max(deadline-f.v.estimate, 0) }
