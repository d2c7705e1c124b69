package conf

import (
	"fmt"
	"slices"
	"strings"
)

// Review looks at the configuration that is about to be, and names the directive that must not be so, with the reason. Changed
// holds the names of what differs, in the order given. Whatever a review prepared is its own to undo when it refuses.
type Review func(next *View, changed []string) (culprit string, err error)

// Subscribe has f called after every successful change, on the goroutine that made it, with the names of what changed. Calls
// do not overlap. F must not call Change, ChangeAs or Rewrite.
func (s *Set) Subscribe(f func(changed []string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers = append(s.subscribers, f)
}

// Change is CONFIG SET by the node itself, which may change protected directives: all pairs of name and value, or none. Checks
// see each directive that changes, with its canonical value. The text of the error is Redis', without the ERR in front.
func (s *Set) Change(pairs [][2]string, checks ...func(name, value string) error) error {
	return s.change(anyone, pairs, func(next *View, changed []string) (string, error) {
		for _, name := range changed {
			for _, check := range checks {
				if err := check(name, next.String(name)); err != nil {
					return name, err
				}
			}
		}
		return "", nil
	})
}

// Adopt is Change for what the cluster has agreed on, at start: what is immutable changes too.
func (s *Set) Adopt(pairs [][2]string) error { return s.change(theLog, pairs, nil) }

// ChangeAs is Change on behalf of a client: enable-protected-configs decides about protected directives. Local tells that the
// client comes over loopback or a unix socket. Review may be nil.
func (s *Set) ChangeAs(local bool, pairs [][2]string, review Review) error {
	return s.change(client(local), pairs, review)
}

// Check is ChangeAs without the change: it returns the pairs that would change anything, with canonical names and values, so that
// those of Scope Cluster can travel through the log first.
func (s *Set) Check(local bool, pairs [][2]string) ([][2]string, error) {
	next, changed, err := s.View().with(client(local), pairs)
	if err != nil {
		return nil, err
	}
	canonical := make([][2]string, len(changed))
	for i, name := range changed {
		canonical[i] = [2]string{name, next.Canonical(name)}
	}
	return canonical, nil
}

func (s *Set) change(who asker, pairs [][2]string, review Review) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, changed, err := s.View().with(who, pairs)
	if err != nil {
		return err
	}
	if review != nil {
		if culprit, err := review(next, changed); err != nil {
			return refused(culprit, err.Error())
		}
	}
	s.view.Store(next)
	if len(changed) > 0 {
		for _, f := range s.subscribers {
			f(slices.Clone(changed))
		}
	}
	return nil
}

// asker is who wants a change.
type asker int

const (
	anyone asker = iota + 1 // the node itself
	theLog                  // what the cluster agreed on, before this process looked
	localClient
	remoteClient
)

func client(local bool) asker {
	if local {
		return localClient
	}
	return remoteClient
}

// with returns the view after pairs, and the names that changed. It judges all names before any value, as Redis does, so that a
// wrong name is told even behind a wrong value.
func (v *View) with(who asker, pairs [][2]string) (*View, []string, error) {
	rows := make([]int, len(pairs))
	names := make([]string, len(pairs)) // as in the table: a name and its alias count as two
	for i, pair := range pairs {
		row, ok := v.catalog.find(pair[0])
		if !ok {
			shown, _, _ := strings.Cut(pair[0], "\x00") // as C shows it
			return nil, nil, fmt.Errorf("Unknown option or number of arguments for CONFIG SET - '%s'", shown)
		}
		d := &v.catalog.list[row]
		switch {
		case who == theLog:
		case !d.Mutable && !d.Protected, !d.Mutable && v.may(who):
			return nil, nil, refused(pair[0], "can't set immutable config")
		case d.Protected && !v.may(who):
			return nil, nil, refused(pair[0], "can't set protected config")
		}
		rows[i], names[i] = row, lowerASCII(pair[0])
		if slices.Contains(names[:i], names[i]) {
			return nil, nil, refused(pair[0], "duplicate parameter")
		}
	}
	next := &View{catalog: v.catalog, values: slices.Clone(v.values)}
	var changed []string
	for i, row := range rows {
		d := &v.catalog.list[row]
		parsed, err := d.parse(d.splitValue(pairs[i][1]), d.base(next.values[row]))
		if err != nil {
			return nil, nil, refused(names[i], err.Error())
		}
		if (d.Volatile || parsed != next.values[row]) && !slices.Contains(changed, d.Name) {
			changed = append(changed, d.Name)
		}
		next.values[row] = parsed
	}
	return next, changed, nil
}

func (v *View) may(who asker) bool {
	return who == anyone || v.Allows("enable-protected-configs", who == localClient)
}

// splitValue splits at every single space, without a thought for quotes: so does Redis.
func (d *Directive) splitValue(text string) []string {
	switch {
	case !d.Kind.words():
		return []string{text}
	case text == "":
		return nil
	}
	return strings.Split(text, " ")
}

// base is what CONFIG SET starts from: save replaces its points, client-output-buffer-limit keeps the classes not named.
func (d *Directive) base(old value) value {
	if d.Kind == SavePoints {
		return value{}
	}
	return old
}

func refused(name, reason string) error {
	return fmt.Errorf("CONFIG SET failed (possibly related to argument '%s') - %s", name, reason)
}
