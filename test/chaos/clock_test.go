package chaos

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// clock is the file by which a node's wall clock is wrong; see cmd/redoubt. One clock at a time is: log time follows
// the median.
type clock string

func (c clock) set(wrong time.Duration) error {
	f, err := os.OpenFile(string(c), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%20d", wrong.Milliseconds()) // always as long, so that nothing is cut off, which takes file systems their time
	return errors.Join(err, f.Close())
}

func clockFaults() []fault {
	return []fault{
		{"a clock jumps", nothing, (*lane).jump},
		{"a clock strobes", nothing, (*lane).strobe},
		{"a clock drifts", nothing, (*lane).drift},
	}
}

// byHowMuch is from a second to a month, ahead or behind.
func (l *lane) byHowMuch() time.Duration {
	sizes := []time.Duration{time.Second, 10 * time.Second, 5 * time.Minute, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour}
	by := sizes[l.rng.IntN(len(sizes))]
	if l.rng.IntN(2) == 0 {
		return -by
	}
	return by
}

func (l *lane) jump() error {
	c := l.clocks[l.index(l.any())]
	defer c.set(0)
	if err := c.set(l.byHowMuch()); err != nil {
		return err
	}
	l.some(4 * l.faultMax)
	return nil
}

func (l *lane) strobe() error {
	c := l.clocks[l.index(l.any())]
	defer c.set(0)
	by := l.byHowMuch()
	for range 5 + l.rng.IntN(60) {
		if err := c.set(by); err != nil {
			return err
		}
		l.some(100 * time.Millisecond)
		if err := c.set(-by); err != nil {
			return err
		}
		l.some(100 * time.Millisecond)
	}
	return nil
}

// drift is a clock that goes ten times as fast, or backward.
func (l *lane) drift() error {
	c := l.clocks[l.index(l.any())]
	defer c.set(0)
	speed := time.Duration(10)
	if l.rng.IntN(2) == 0 {
		speed = -10
	}
	begin := l.now()
	for range 10 + l.rng.IntN(100) {
		if err := c.set(speed * (l.now() - begin)); err != nil {
			return err
		}
		l.wait(50 * time.Millisecond)
	}
	return nil
}
