package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestChangeTellsSubscribers(t *testing.T) {
	s := Default()
	var told [][]string
	s.Subscribe(func(changed []string) { told = append(told, append(changed, s.String("timeout"))) })
	for _, pairs := range [][][2]string{
		{{"timeout", "5"}, {"lua-time-limit", "7"}, {"port", "6379"}}, // port does not change
		{{"timeout", "5"}},
		{{"timeout", "x"}},
		{{"tls-cert-file", ""}}, // the same path, but perhaps a new certificate
		{},
	} {
		s.Change(pairs)
	}
	if got, want := fmt.Sprint(told), "[[timeout busy-reply-threshold 5] [tls-cert-file 5]]"; got != want {
		t.Errorf("subscribers were told %s, want %s", got, want)
	}
}

func TestChangeIsAllOrNothing(t *testing.T) {
	s := Default()
	before := s.View()
	var seen []string
	err := s.Change([][2]string{{"timeout", "5"}, {"maxmemory", "1gb"}, {"hz", "20"}}, func(name, value string) error {
		seen = append(seen, name+"="+value)
		if name == "maxmemory" {
			return errors.New("too much")
		}
		return nil
	})
	if want := "CONFIG SET failed (possibly related to argument 'maxmemory') - too much"; err == nil || err.Error() != want {
		t.Errorf("Change = %v, want %s", err, want)
	}
	if got, want := strings.Join(seen, " "), "timeout=5 maxmemory=1073741824"; got != want {
		t.Errorf("checks saw %s, want %s", got, want)
	}
	if s.View() != before {
		t.Error("a refused change changed something")
	}
}

func TestProtectedDirectives(t *testing.T) {
	const protected = "CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config"
	pairs := [][2]string{{"dbfilename", "x"}}
	for _, c := range []struct {
		allowed       string
		local, remote string
	}{
		{"no", protected, protected},
		{"local", "<nil>", protected},
		{"yes", "<nil>", "<nil>"},
	} {
		s, _, err := Load([]string{"--enable-protected-configs", c.allowed}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.ChangeAs(true, pairs, nil)); got != c.local {
			t.Errorf("%s: a local client gets %s, want %s", c.allowed, got, c.local)
		}
		if got := fmt.Sprint(s.ChangeAs(false, pairs, nil)); got != c.remote {
			t.Errorf("%s: a remote client gets %s, want %s", c.allowed, got, c.remote)
		}
		if err := s.Change(pairs); err != nil {
			t.Errorf("%s: the node itself gets %v", c.allowed, err)
		}
	}
}

func TestReviewSeesTheWhole(t *testing.T) {
	s := Default()
	err := s.ChangeAs(false, [][2]string{{"tls-cert-file", "c"}, {"tls-key-file", "k"}}, func(next *View, changed []string) (string, error) {
		return changed[1], errors.New(next.String("tls-cert-file") + next.String("tls-key-file") + s.String("tls-cert-file"))
	})
	if want := "CONFIG SET failed (possibly related to argument 'tls-key-file') - ck"; err == nil || err.Error() != want {
		t.Errorf("ChangeAs = %v, want %s", err, want)
	}
}

func TestCheckIsDry(t *testing.T) {
	s := Default()
	got, err := s.Check(false, [][2]string{{"HISTORY-max-age", "2m"}, {"maxmemory", "1kb"}, {"hz", "10"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := [][2]string{{"history-max-age", "120000"}, {"maxmemory", "1024"}}; !slices.Equal(got, want) {
		t.Errorf("Check = %v, want %v", got, want)
	}
	if n := s.Int("history-max-age"); n != 600_000 {
		t.Errorf("Check changed history-max-age to %d", n)
	}
}

// What CONFIG GET shows, CONFIG SET takes: tools save and restore the configuration so.
func TestShownValuesCanBeSet(t *testing.T) {
	s := Default()
	for _, pair := range s.Get([]byte("*")) {
		d, _ := s.Lookup(pair[0])
		if !d.Mutable {
			continue
		}
		if err := s.Change([][2]string{pair}); err != nil {
			t.Error(err)
		}
		if got := s.String(d.Name); got != pair[1] {
			t.Errorf("CONFIG SET %s %q leaves %q", pair[0], pair[1], got)
		}
	}
}

func TestConcurrentReadersSeeWholeChanges(t *testing.T) {
	s := Default()
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				select {
				case <-done:
					return
				default:
				}
				if v := s.View(); v.Int("timeout") != v.Int("hz")-10 {
					t.Errorf("timeout %d beside hz %d", v.Int("timeout"), v.Int("hz"))
					return
				}
			}
		}()
	}
	for i := range 200 {
		if err := s.Change([][2]string{{"timeout", fmt.Sprint(i)}, {"hz", fmt.Sprint(i + 10)}}); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
}
