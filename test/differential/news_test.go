package differential

// Keyspace notifications: in some epochs all of them are asked for, keymiss included, and what was told must be the same in the same order.

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	newsClasses = "KEA"
	newsMark    = "__keyevent@99__:mark" // tells that all before it was told
)

// listen makes a side tell its events, or none.
func (s *side) listen(wanted bool) error {
	if s.news != nil {
		s.news.Close()
		s.news = nil
	}
	classes := ""
	if wanted {
		classes = newsClasses
	}
	s.control.Deadline(time.Now().Add(replyMax))
	_, err := s.control.Do("CONFIG", "SET", "notify-keyspace-events", classes)
	if err != nil || !wanted {
		return err
	}
	if s.news, err = wire.Dial(s.srv.Addr, startMax); err != nil {
		return err
	}
	s.news.Deadline(time.Now().Add(replyMax))
	_, err = s.news.Do("PSUBSCRIBE", "__key*")
	return err
}

// heard is what a side has told since the last time.
func (s *side) heard() ([]string, error) {
	s.control.Deadline(time.Now().Add(replyMax))
	if r, err := s.control.Do("PUBLISH", newsMark, "x"); err != nil || r.Int < 1 {
		return nil, s.lost(errors.Join(err, fmt.Errorf("PUBLISH said %s", r)))
	}
	return s.untilMark()
}

// untilMark is what is told before the next mark.
func (s *side) untilMark() ([]string, error) {
	s.news.Deadline(time.Now().Add(replyMax))
	var out []string
	for {
		r, err := s.news.Read()
		if err != nil {
			return out, s.lost(err)
		}
		if len(r.Elems) < 4 {
			continue
		}
		channel, message := r.Elems[2].Text, r.Elems[3].Text
		if channel == newsMark {
			return out, nil
		}
		// When a key past its deadline is found and removed is each server's affair.
		if strings.HasSuffix(channel, "__:expired") || message == "expired" {
			continue
		}
		out = append(out, channel+" "+quoted(message))
	}
}

// compareNews compares what was told of the steps up to that one, unless compared is false.
func (p *pair) compareNews(at int, compared bool) (*finding, error) {
	var told [2]string
	for i, s := range p.sides {
		events, err := s.heard()
		if err != nil {
			return nil, err
		}
		told[i] = strings.Join(events, "\n         ")
	}
	if !compared || told[0] == told[1] {
		return nil, nil
	}
	want, got := parted(told[0], told[1])
	return &finding{at: at, what: "notifications differ", want: want, got: got}, nil
}

// parted leaves out most of what two texts have in common.
func parted(a, b string) (string, string) {
	la, lb := strings.Split(a, "\n"), strings.Split(b, "\n")
	same := 0
	for same < len(la) && same < len(lb) && la[same] == lb[same] {
		same++
	}
	from := max(0, same-2)
	part := func(l []string) string { return strings.Join(l[from:min(len(l), same+8)], "\n") }
	return part(la), part(lb)
}
