package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of the port for probes and metrics.
const (
	probeHeaderMax  = 5 * time.Second
	probeReplyMax   = 30 * time.Second
	probeReadMax    = time.Second // for the quorum to answer a probe's read
	probeConnsQueue = 4           // questions for metrics at a time
)

// probes is the HTTP side of a node: /livez, /readyz and /metrics, for those who watch over it. It serves while the
// log is replayed too, so that a slow start is told from a hanging one.
type probes struct {
	http      *http.Server
	listeners []net.Listener
}

// startProbes listens on metrics-port of the addresses of bind; 0 is not at all.
func startProbes(srv *Server) (*probes, error) {
	port := srv.conf.Int("metrics-port")
	if port == 0 {
		return nil, nil
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(collector{srv}); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", srv.answerReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: probeConnsQueue}))
	p := &probes{http: &http.Server{
		Handler: mux, ReadHeaderTimeout: probeHeaderMax, WriteTimeout: probeReplyMax,
		ErrorLog: slog.NewLogLogger(srv.log.Handler(), slog.LevelDebug),
	}}
	for _, host := range bindHosts(srv.conf.View().List("bind")) {
		l, err := net.Listen("tcp", net.JoinHostPort(host.name, strconv.FormatInt(port, 10)))
		if err != nil {
			if host.optional {
				continue
			}
			p.stop()
			return nil, fmt.Errorf("Could not create the metrics port's listening socket: %w", err)
		}
		p.listeners = append(p.listeners, l)
	}
	for _, l := range p.listeners {
		go p.serve(l, srv.log)
	}
	return p, nil
}

// serve ends when its listener is closed.
func (p *probes) serve(l net.Listener, log *slog.Logger) {
	if err := p.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Warn("the metrics port serves no more", "err", err)
	}
}

// stop ends it at once: probes have nothing to lose.
func (p *probes) stop() {
	if p == nil {
		return
	}
	p.http.Close()
	for _, l := range p.listeners {
		l.Close()
	}
}

// unready says why clients are not served now, "" if they are.
func (srv *Server) unready() string {
	switch {
	case srv.loading.Load():
		return "loading"
	case !srv.replica.Leader().Known:
		return "no leader"
	}
	return ""
}

// answerReady is 200 when a read that everybody agrees with is possible here, else 503 with the reason.
func (srv *Server) answerReady(w http.ResponseWriter, r *http.Request) {
	why := srv.unready()
	if why == "" {
		ctx, cancel := context.WithTimeout(r.Context(), probeReadMax)
		defer cancel()
		done := make(chan error, 1)
		srv.replica.ReadIndex(func(err error) { done <- err })
		select {
		case err := <-done:
			if err != nil {
				why = oneLine(err.Error())
			}
		case <-ctx.Done():
			why = "no quorum"
		}
	}
	if why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}
