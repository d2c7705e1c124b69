package server

import "sync"

// rateSamples is over how many samples a rate is taken; there is one a second.
const rateSamples = 16

// rates are INFO's instantaneous values: averages over the last seconds.
type rates struct {
	mu      sync.Mutex
	samples [rateSamples]rateSample
	next    int
}

type rateSample struct {
	at                      int64 // monotonic nanoseconds, 0 for none
	commands, input, output int64
}

type ratesReport struct{ commands, input, output float64 }

// sample notes the counters; the chores call it once a second.
func (r *rates) sample(srv *Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := &srv.stats
	r.samples[r.next] = rateSample{srv.mono(), st.commands.Load(), st.inputBytes.Load(), st.outputBytes.Load()}
	r.next = (r.next + 1) % rateSamples
}

// report is 0 until there are two samples, and after CONFIG RESETSTAT while samples from before it count.
func (r *rates) report() (report ratesReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.samples[(r.next+rateSamples-1)%rateSamples]
	first := r.samples[r.next]
	for i := range rateSamples {
		if first = r.samples[(r.next+i)%rateSamples]; first.at != 0 {
			break
		}
	}
	span := float64(last.at-first.at) / 1e9
	if span <= 0 || last.commands < first.commands {
		return ratesReport{}
	}
	return ratesReport{
		commands: float64(last.commands-first.commands) / span,
		input:    float64(last.input-first.input) / span,
		output:   float64(last.output-first.output) / span,
	}
}
