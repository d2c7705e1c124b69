package server

import "slices"

// question is a turn of reads that the group has been asked for.
type question struct {
	turn *readTurn // nil: it was run
	err  error     // it may not be answered, but one before it waits yet
}

// questions are those under way, in the order in which they were asked. A session may have reads in several of them, when its client does not wait for
// replies, and these have to leave in that order; the answers may come in another one, as when the first question found no leader and the second did.
type questions struct{ list []*question }

func (q *questions) ask(t *readTurn) *question {
	a := &question{turn: t}
	q.list = append(q.list, a)
	return a
}

// answered runs the turns that may be run now that there is an answer: where this node may read, also those that were asked for before, since it has
// applied what was committed by then.
//
//	asked 1 2 3; 2 may: 1 and 2 run; 1 may: nothing is left to do; 3 may not: it runs, with the error
func (q *questions) answered(a *question, err error, run func(*readTurn, error)) {
	if a.turn == nil {
		return
	}
	if a.err = err; err == nil {
		q.run(slices.Index(q.list, a)+1, nil, run)
	}
	for len(q.list) > 0 && q.list[0].err != nil {
		q.run(1, q.list[0].err, run)
	}
}

// all runs all turns: this node may read without asking.
func (q *questions) all(run func(*readTurn, error)) { q.run(len(q.list), nil, run) }

func (q *questions) run(n int, err error, run func(*readTurn, error)) {
	front := q.list[:n]
	q.list = q.list[n:]
	for i, a := range front {
		t := a.turn
		a.turn, front[i] = nil, nil
		run(t, err)
	}
}
