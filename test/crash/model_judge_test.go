package crash

import "testing"

// The judge is judged: a server that loses, doubles, revives or splits must be told from one that does not.
func TestJudge(t *testing.T) {
	sets := func(pairs ...string) step { return step{cmds: [][]string{append([]string{"SET"}, pairs...)}} }
	incr := step{cmds: [][]string{{"INCR", "c"}}}
	pair := step{atomic: true, cmds: [][]string{{"INCR", "left"}, {"INCR", "right"}}}
	shared := step{cmds: [][]string{{"INCR", sharedKey}}}
	for _, c := range []struct {
		name           string
		acked, pending []step
		held           model
		ok             bool
		least, most    int
	}{
		{"all there", []step{sets("a", "1"), incr}, nil, model{"a": "1", "c": "1"}, true, 0, 0},
		{"acknowledged write lost", []step{sets("a", "1"), incr}, nil, model{"c": "1"}, false, 0, 0},
		{"unacknowledged INCR absent", []step{incr}, []step{incr}, model{"c": "1"}, true, 0, 0},
		{"unacknowledged INCR counted", []step{incr}, []step{incr}, model{"c": "2"}, true, 0, 0},
		{"INCR counted twice", []step{incr}, []step{incr}, model{"c": "3"}, false, 0, 0},
		{"out of order", nil, []step{sets("a", "1"), sets("b", "1")}, model{"b": "1"}, false, 0, 0},
		{"half a MULTI", nil, []step{pair}, model{"left": "1"}, false, 0, 0},
		{"deleted key back", []step{sets("a", "1"), {cmds: [][]string{{"DEL", "a"}}}}, nil, model{"a": "1"}, false, 0, 0},
		{"shared between", nil, []step{incr, shared, incr}, model{"c": "1"}, true, 0, 1},
		{"shared proved", nil, []step{incr, shared, incr}, model{"c": "2"}, true, 1, 1},
	} {
		j := newJournal(1, false)
		for _, s := range c.acked {
			j.sent(s)
			j.acked.run(s)
		}
		j.pending = nil
		for _, s := range c.pending {
			j.sent(s)
		}
		least, most, err := j.recovered(func(key string) (string, bool) { v, ok := c.held[key]; return v, ok })
		if (err == nil) != c.ok || least != c.least || most != c.most {
			t.Errorf("%s: recovered = %d, %d, %v, want %d, %d, ok %t", c.name, least, most, err, c.least, c.most, c.ok)
		}
	}
}
