package server

import "sync"

// poolSize bounds the goroutines that read the disk or walk many keys for sessions.
const poolSize = 16

// pool runs work that must not run on an event loop. Work waits for a place, not the loop that asks.
type pool struct {
	slots chan struct{}
	heavy func(begins bool)
}

func newPool(heavy func(begins bool)) *pool {
	if heavy == nil {
		heavy = func(bool) {}
	}
	return &pool{slots: make(chan struct{}, poolSize), heavy: heavy}
}

// run starts fn on a goroutine of its own once there is a place; it returns at once.
func (p *pool) run(fn func()) {
	go func() {
		p.slots <- struct{}{}
		p.heavy(true)
		defer func() {
			p.heavy(false)
			<-p.slots
		}()
		fn()
	}()
}

// sideBySide runs job(0..n-1) on a goroutine each and returns when all are done.
func sideBySide(n int, job func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { job(i) })
	}
	all.Wait()
}
