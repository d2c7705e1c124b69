package server

// poolSize bounds the goroutines that read the disk or walk many keys for sessions.
const poolSize = 16

// pool runs work that must not run on an event loop. Work waits for a place, not the loop that asks.
type pool struct{ slots chan struct{} }

func newPool() *pool { return &pool{slots: make(chan struct{}, poolSize)} }

// run starts fn on a goroutine of its own once there is a place; it returns at once.
func (p *pool) run(fn func()) {
	go func() {
		p.slots <- struct{}{}
		defer func() { <-p.slots }()
		fn()
	}()
}
