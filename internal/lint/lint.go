// Package lint holds what the house style and the design promise about the source itself, as tests: which package may import which, that
// the core is a pure function of the log, and what may not stand in any file. It has no code besides its tests.
package lint
