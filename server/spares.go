package server

// Bounds of what a loop keeps of the buffers of large replies.
const (
	sparesMax     = 8
	spareBytesMax = 1 << 20 // of one
)

// spares is reply buffers that are too large for a session to keep while it is idle. Sessions with large replies take
// them in turn, the last one first, as that is still in the processor's cache: 50 clients that ask for 100 KB at a
// time are served from one or two, and none is made anew for each reply.
type spares struct{ list [][]byte }

// put takes a buffer that nobody uses any more.
func (p *spares) put(b []byte) {
	if len(p.list) < sparesMax && cap(b) <= spareBytesMax {
		p.list = append(p.list, b[:0])
	}
}

// get returns a buffer, or nil.
func (p *spares) get() []byte {
	n := len(p.list)
	if n == 0 {
		return nil
	}
	b := p.list[n-1]
	p.list[n-1], p.list = nil, p.list[:n-1]
	return b
}
