package server

import (
	"errors"
	"fmt"
	"testing"
)

// TestQuestions: turns run in the order in which they were asked for, whatever the order of the answers.
func TestQuestions(t *testing.T) {
	no := errors.New("no quorum")
	type answer struct {
		of  int
		err error
		ran string // turns, those with an error in brackets
	}
	for name, answers := range map[string][]answer{
		"in order":                          {{0, nil, "0"}, {1, nil, "1"}, {2, nil, "2"}},
		"a later one covers earlier ones":   {{1, nil, "0 1"}, {0, nil, ""}, {2, nil, "2"}},
		"the last covers all":               {{2, nil, "0 1 2"}, {0, no, ""}, {1, nil, ""}},
		"an error waits for those before":   {{1, no, ""}, {0, nil, "0 (1)"}, {2, nil, "2"}},
		"errors of all":                     {{1, no, ""}, {0, no, "(0) (1)"}, {2, no, "(2)"}},
		"an error, and then all is well":    {{0, no, "(0)"}, {2, nil, "1 2"}, {1, no, ""}},
		"errors behind what is not decided": {{2, no, ""}, {1, no, ""}, {0, no, "(0) (1) (2)"}},
	} {
		var q questions
		var asked []*question
		turns := make([]readTurn, 3)
		for i := range turns {
			asked = append(asked, q.ask(&turns[i]))
		}
		for i, a := range answers {
			ran := ""
			q.answered(asked[a.of], a.err, func(turn *readTurn, err error) {
				n := ""
				for j := range turns {
					if turn == &turns[j] {
						n = fmt.Sprint(j)
					}
				}
				if err != nil {
					n = "(" + n + ")"
				}
				if ran != "" {
					ran += " "
				}
				ran += n
			})
			if ran != a.ran {
				t.Errorf("%s: answer %d ran %q, want %q", name, i, ran, a.ran)
			}
		}
		if len(q.list) > 0 {
			t.Errorf("%s: %d are left", name, len(q.list))
		}
	}
	var q questions
	turns, ran := make([]readTurn, 2), 0
	late := q.ask(&turns[0])
	q.ask(&turns[1])
	q.all(func(turn *readTurn, err error) {
		if turn != &turns[ran] || err != nil {
			t.Errorf("turn %d is not the next, or has an error: %v", ran, err)
		}
		ran++
	})
	q.answered(late, nil, func(*readTurn, error) { t.Error("a turn ran twice") })
	if ran != 2 || len(q.list) > 0 {
		t.Errorf("%d of 2 ran, %d are left", ran, len(q.list))
	}
}
