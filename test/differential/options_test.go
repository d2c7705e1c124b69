package differential

import (
	"slices"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/test/wire"
)

// unsentOptions are those that are not sent, and why.
var unsentOptions = map[string]string{
	"CLIENT KILL|NORMAL": "would end this harness' own connections", "CLIENT KILL|PUBSUB": "would end this harness' own connections",
	"CLIENT REPLY|OFF": "replies would be missing", "CLIENT REPLY|SKIP": "replies would be missing",
	"COMMAND LIST|MODULE": "there are no modules",
}

// TestOptionsAreSent: every word that Redis' own documentation knows as an option of a command that is sent, is sent now and then.
func TestOptionsAreSent(t *testing.T) {
	docs := redisDocs(t)
	d := newDeck(families(), func(string) bool { return true })
	sent := map[string]map[string]bool{}
	for _, s := range d.script(1, 0, 200_000) {
		for _, c := range s {
			if c.spec == nil || c.spoiled {
				continue
			}
			words := sent[c.spec.name]
			if words == nil {
				words = map[string]bool{}
				sent[c.spec.name] = words
			}
			for _, a := range c.args[1:] {
				words[strings.ToUpper(a)] = true
			}
		}
	}
	for name, words := range sent {
		for _, option := range docs[name] {
			if !words[option] && unsentOptions[name+"|"+option] == "" {
				t.Errorf("%s has the option %s, which is never sent", name, option)
			}
		}
	}
}

// redisDocs are the words in the syntax of each command, by its name, from COMMAND DOCS.
func redisDocs(t *testing.T) map[string][]string {
	t.Helper()
	s := startReal(t)
	r, err := s.control.Do("COMMAND", "DOCS")
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string][]string{}
	var add func(r wire.Reply)
	add = func(r wire.Reply) {
		for i := 0; i+1 < len(r.Elems); i += 2 {
			name := strings.ToUpper(strings.ReplaceAll(r.Elems[i].Text, "|", " "))
			of := r.Elems[i+1]
			docs[name] = words(of)
			if sub, ok := entry(of, "subcommands"); ok {
				add(sub)
			}
		}
	}
	add(r)
	return docs
}

// words are the tokens of the arguments, and of the arguments in them.
func words(of wire.Reply) (all []string) {
	args, _ := entry(of, "arguments")
	for _, a := range args.Elems {
		if token, ok := entry(a, "token"); ok && token.Text != "" {
			all = append(all, strings.ToUpper(token.Text))
		}
		all = append(all, words(a)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// entry is the value of a name in a map that came as an array.
func entry(of wire.Reply, name string) (wire.Reply, bool) {
	for i := 0; i+1 < len(of.Elems); i += 2 {
		if of.Elems[i].Text == name {
			return of.Elems[i+1], true
		}
	}
	return wire.Reply{}, false
}
