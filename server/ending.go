package server

import (
	"context"
	"errors"
	"time"
)

// How long an end may take.
const (
	closeMax  = 1500 * time.Millisecond // for what is in flight
	endMax    = 1200 * time.Millisecond // for all of it, when the store cannot write
	flushMax  = 10 * time.Second        // for all of it, when its disk is slow, or says nothing at all
	endsEvery = 20 * time.Millisecond   // between two looks at that
)

// ErrUnflushed: the store could not be flushed, and the node ended without.
var ErrUnflushed = errors.New("ended without flushing the store, as its disk does not take it; nothing acknowledged is lost: the next start applies it from the log again")

// Close ends the node: no new commands, what is in flight gets its replies, the state is flushed. It may be called again.
//
// It takes at most two seconds, unless the disk is slow. Flushing makes the next start quick and is needed for nothing else: so a node whose
// store cannot write ends without, with ErrUnflushed, and what still waits for the store is left to the end of the process.
func (srv *Server) Close() error {
	var err error
	srv.closed.Do(func() {
		done := make(chan error, 1)
		go func() { done <- srv.close() }()
		err = srv.awaitEnd(done)
	})
	return err
}

func (srv *Server) awaitEnd(done <-chan error) error {
	began := time.Now()
	tick := time.NewTicker(endsEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
		}
		if took := time.Since(began); took > flushMax || took > endMax && srv.trouble.lasts() {
			return ErrUnflushed
		}
	}
}

func (srv *Server) close() error {
	srv.log.Info("Ending: no new connections, finishing what is in flight")
	srv.probes.stop()
	if srv.peers != nil {
		srv.peers.stop()
	}
	if srv.chores != nil {
		srv.chores.end()
	}
	srv.exports.end()
	if srv.net != nil {
		srv.net.stopAccepting()
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeMax)
	defer cancel()
	if srv.net != nil {
		srv.net.quiesce(ctx)
	}
	if err := srv.batcher.Drain(ctx); err != nil {
		srv.log.Warn("some writes were not settled before the end", "err", err)
	}
	srv.endBeside()
	if srv.net != nil {
		srv.net.quiesce(ctx) // the replies of what was drained
		srv.net.stop(ctx)
	}
	srv.batcher.Close()
	if srv.chores != nil {
		srv.chores.wait()
	}
	srv.backups.stop()
	srv.exports.wait()
	srv.handOver()
	err := srv.replica.Close()
	if srv.syncer != nil {
		srv.syncer.Close()
	}
	srv.lock.Close()
	srv.log.Info("Redoubt is now ready to exit, bye bye...")
	return err
}
