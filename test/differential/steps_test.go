package differential

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// call is one command of a script.
type call struct {
	args    []string
	spec    *command // nil for MULTI and the like
	spoiled bool
	loose   bool   // its reply is not compared but for its shape
	on      int    // the client that waits for it; 0 is the connection of the script
	db      string // of that client
}

// law is that of the table, save for spoiled commands whose results may have no order any more: SORT BY a word without a star.
func (c call) law() law {
	switch {
	case c.loose:
		return shape
	case c.spec == nil:
		return equal
	case c.spoiled && (strings.HasPrefix(c.spec.name, "SORT") || strings.HasPrefix(c.spec.name, "GEO")):
		return shape
	case c.spoiled && container(strings.Fields(c.spec.name)[0]): // may have become another of its commands
		return shape
	}
	return c.spec.law
}

// step is what must stay together: one command, or a transaction from WATCH to EXEC.
type step []call

// steers says that the step cannot be in a pipeline.
func (s step) steers() bool { return len(s) == 1 && s[0].law().steers() || hasWaiters(s) }

// deck is the commands to choose from.
type deck struct {
	cards        []*command // each as often as it is wanted
	blocking     []*command
	transactions bool
}

// newDeck takes the families named, without those commands that are not known.
func newDeck(of []family, known func(name string) bool) deck {
	var d deck
	for _, f := range of {
		d.transactions = d.transactions || f.name == "transactions"
		for i := range f.commands {
			c := &f.commands[i]
			if !known(c.name) {
				continue
			}
			for range c.often {
				d.cards = append(d.cards, c)
			}
			if slices.Contains(blockingNames, c.name) {
				d.blocking = append(d.blocking, c)
			}
		}
	}
	return d
}

func newRand(seed uint64, more ...uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, append(more, 0)[0]))
}

// script makes an epoch of about n commands from the seed and its number.
func (d deck) script(seed, epoch uint64, n int) []step {
	g := &generator{Rand: newRand(seed, epoch)}
	var out []step
	g.another = func() []string { c := d.cards[g.IntN(len(d.cards))]; return g.emit(nil, &c.syntax) }
	for made := 0; made < n; {
		var s step
		switch {
		case d.transactions && g.oneIn(12):
			s = d.transaction(g)
		case len(d.blocking) > 0 && g.oneIn(80):
			s = d.waiting(g)
		default:
			s = d.one(g, 0)
		}
		made += len(s)
		out = append(out, s)
	}
	return out
}

// one is one command, with what has to stand before it.
func (d deck) one(g *generator, in where) step {
	c := d.call(g, in)
	if strings.HasPrefix(strings.ToUpper(c.args[0]), "SORT") {
		// Redis takes an ERANGE that any command left in errno for one of its own numbers. A cursor that can be read clears it.
		return step{{args: []string{"SCAN", "0", "COUNT", "1"}, loose: true}, c}
	}
	return step{c}
}

// where says what may be around a command.
type where uint8

const (
	watched where = 1 << iota // between WATCH and EXEC
	queued                    // between MULTI and EXEC
	beside                    // while others wait
)

// call is one command, spoiled now and then.
func (d deck) call(g *generator, in where) call {
	for {
		c := d.cards[g.IntN(len(d.cards))]
		if in != 0 && (c.alone || c.law.steers()) || in&watched != 0 && c.free != "" {
			continue
		}
		g.inMulti = in&queued != 0
		args := g.emit(nil, &c.syntax)
		spoiled := !c.plain && g.oneIn(16)
		if spoiled {
			args = g.spoil(args)
		}
		if !c.law.passes() && harmful(args, in&queued != 0) {
			continue
		}
		return call{args: args, spec: c, spoiled: spoiled}
	}
}

// transaction is a few commands in MULTI, perhaps behind WATCH and commands that may touch what is watched.
func (d deck) transaction(g *generator) step {
	word := func(args ...string) call { return call{args: args} }
	var s step
	in := queued
	if g.oneIn(2) {
		in |= watched
		args := []string{"WATCH"}
		for range 1 + g.IntN(3) {
			args = append(args, kinds["key"](g)...)
		}
		s = append(s, word(args...))
		for range g.IntN(3) {
			s = append(s, d.one(g, watched)...)
		}
		if g.oneIn(12) {
			s = append(s, word("UNWATCH"))
		}
	}
	s = append(s, word("MULTI"))
	for range 1 + g.IntN(6) {
		s = append(s, d.one(g, in)...)
		switch g.IntN(120) {
		case 0:
			s = append(s, word("MULTI"))
		case 1:
			s = append(s, word("WATCH", "k1"))
		case 2:
			return append(s, word("EXEC", "x")) // an error that ends the transaction
		case 3:
			s = append(s, word("NOSUCHCOMMAND", "x"))
		}
	}
	if g.oneIn(15) {
		return append(s, word("DISCARD"))
	}
	return append(s, word("EXEC"))
}

// harmful says that a command would make the comparison depend on time, block it, or fill the memory: spoiled commands may.
func harmful(args []string, inMulti bool) bool {
	if inMulti && len(args) == 4 && (strings.EqualFold(args[0], "ZRANK") || strings.EqualFold(args[0], "ZREVRANK")) {
		return true // one argument too many ends a transaction there; here it is an option of a later version
	}
	name := strings.ToUpper(args[0])
	at := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch name {
	case "SET", "GETEX":
		for i, a := range args {
			switch strings.ToUpper(a) {
			case "EX":
				return within(at(i+1), 1, 100_000)
			case "PX":
				return within(at(i+1), 1, 100_000_000)
			}
		}
	case "EXPIRE", "SETEX":
		return within(at(2), 1, 100_000)
	case "PEXPIRE", "PSETEX", "RESTORE":
		return within(at(2), 1, 100_000_000)
	case "SETRANGE":
		return within(at(2), 10_000, 536_870_911)
	case "SETBIT", "BITFIELD":
		for _, a := range args[1:] {
			if within(strings.TrimPrefix(a, "#"), 100_000, 4294967295) && strings.Trim(a, "#") != "" && name == "SETBIT" {
				return true
			}
		}
		return name == "BITFIELD" && farField(args)
	case "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER":
		return within(at(2), -1<<63+1, -10_000)
	case "BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BZPOPMIN", "BZPOPMAX":
		return !inMulti && waits(args[len(args)-1])
	case "BLMPOP", "BZMPOP":
		return !inMulti && waits(at(1))
	}
	return false
}

// farField finds the offset of a BITFIELD that would make a value of megabytes.
func farField(args []string) bool {
	for i, a := range args {
		switch strings.ToUpper(a) {
		case "SET", "INCRBY":
			if i+2 < len(args) && within(strings.TrimPrefix(args[i+2], "#"), 100_000, 4294967295) {
				return true
			}
		}
	}
	return false
}

func within(text string, lo, hi int64) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n >= lo && n <= hi
}

// waits says that the text is a timeout of more than a moment.
func waits(timeout string) bool {
	f, err := strconv.ParseFloat(timeout, 64)
	return err == nil && (f == 0 || f > 0.01)
}
