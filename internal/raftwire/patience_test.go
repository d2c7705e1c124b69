package raftwire

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilence runs on simulated time. What is said in the table is written at the given moments, and then nothing more.
func TestSilence(t *testing.T) {
	type part struct {
		at    time.Duration
		bytes []byte
	}
	frame := frameOf(methodMessages, make([]byte, 2<<20))
	small := frameOf(methodMessages, []byte("payload"))
	for _, c := range []struct {
		name     string
		parts    []part
		frames   int
		want     error
		from, to time.Duration // when it is given up
	}{
		{"a stranger who says nothing", nil, 0, errIdle, frameMax, frameMax + 2*lookEvery},
		{"who does not go on", []part{{0, small[:5]}}, 0, errSlow, frameMax, frameMax + 2*lookEvery},
		{"who does not finish", []part{{0, frame[:len(frame)-1]}}, 0, errSlow, frameMax + 2*time.Second, frameMax + 2*time.Second + 2*lookEvery},
		{"a slow one", []part{{0, frame[:1000]}, {4 * time.Second, frame[1000:]}}, 1, errIdle, idleMax, idleMax + 4*time.Second + 2*lookEvery},
		{"one who rests", []part{{0, small}, {2 * time.Minute, small}, {4 * time.Minute, small[:20]}}, 2, errSlow, 4*time.Minute + frameMax, 4*time.Minute + frameMax + 2*lookEvery},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				start := time.Now()
				go func() {
					for _, p := range c.parts {
						<-time.After(p.at - time.Since(start)) // simulated, as all time here
						_, _ = there.Write(p.bytes)
					}
				}()
				f, err := newFrames(here, false)
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for ; err == nil; n++ {
					_, _, err = f.read()
				}
				if took := time.Since(start); n-1 != c.frames || err != c.want || took < c.from || took > c.to {
					t.Errorf("%d frames, then after %v: %v, want %d, %v to %v: %v", n-1, took, err, c.frames, c.from, c.to, c.want)
				}
				_, _ = here.Close(), there.Close()
				synctest.Wait()
			})
		})
	}
}

// TestSlowReceiver: who does not read holds up the sender for so long, and one that reads slowly for as long as it takes.
func TestSlowReceiver(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration // between two reads
		want  error
	}{
		{"reads no more", time.Hour, os.ErrDeadlineExceeded},
		{"reads slowly", 3 * time.Second, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				go func() {
					for b := make([]byte, writePiece); ; {
						if _, err := there.Read(b); err != nil {
							return
						}
						<-time.After(c.every)
					}
				}()
				m := &messages{outgoing: outgoing{conn: here, end: func() bool { return true }}, direct: &direct{}}
				start := time.Now()
				err := m.SendMessageBatch(batchOf(5 * writePiece))
				if took := time.Since(start); !errors.Is(err, c.want) || err != nil && (took < writeMax-writeRenew || took > writeMax) {
					t.Errorf("SendMessageBatch = %v after %v, want %v", err, took, c.want)
				}
				m.Close()
				_ = there.Close()
				<-time.After(2 * time.Hour)
			})
		})
	}
}

// TestDeadlinesAreRenewed: a connection that rested longer than a deadline takes the next message.
func TestDeadlinesAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		m := &messages{outgoing: outgoing{conn: here, end: func() bool { return true }}, direct: &direct{}}
		go func() {
			for range 3 {
				_ = m.SendMessageBatch(batchOf(10))
				<-time.After(time.Minute)
			}
			m.Close()
		}()
		f, err := newFrames(there, false)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; err == nil; n++ {
			_, _, err = f.read()
		}
		if n-1 != 3 {
			t.Errorf("%d messages arrived, then %v", n-1, err)
		}
	})
}
