//go:build !linux

package server

// serve has goroutines for each connection, as TLS has, where there is no event loop of ours.
func (n *network) serve(loops []*loop) error {
	for _, l := range loops {
		l.goroutine(n.ended)
	}
	for i, ln := range n.plain {
		go n.accept(loops[i%len(loops)], ln, kindOf(ln))
	}
	return nil
}
