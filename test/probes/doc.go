// Package probes asks a node over HTTP how it is, as those do who watch over it.
package probes
