package server

func latencyCommands() []sessionCommand { return nil }

// latency keeps samples of slow events for LATENCY.
type latency struct{}
