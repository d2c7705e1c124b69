package differential

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// The notation of the tables, close to that of Redis' documentation:
//
//	word          a kind of argument from the table of kinds
//	WORD 17 'word itself
//	( a | b )     one of them
//	[ a ]         perhaps
//	{ a | b | c } options: any of them, in any order, now and then one twice
//	a+ a*         one or more, none or more; also behind a bracket
//	#word         a number and as many arguments of the kind, as in ZUNION 2 a b
const syntaxMarks = "()[]{}|"

// node is a piece of a parsed line.
type node struct {
	op   byte // 'w' itself, 'k' kind, '#' counted kind, 's' sequence, '(' choice, '[' perhaps, '{' options
	text string
	kids []node
	more byte // 0, '+' or '*'
}

// parse reads a line of a table. Errors are mistakes in the table, so they panic.
func parse(line string) node {
	p := parser{line: line, words: strings.Fields(line)}
	n := p.sequence()
	if len(p.words) > 0 {
		panic(fmt.Sprintf("differential: %q is left of %q", p.words, line))
	}
	return n
}

type parser struct {
	line  string
	words []string
}

func (p *parser) sequence() node {
	n := node{op: 's'}
	for len(p.words) > 0 && !strings.HasPrefix(p.words[0], "|") && !strings.ContainsAny(p.words[0][:1], ")]}") {
		n.kids = append(n.kids, p.item())
	}
	return n
}

func (p *parser) item() node {
	word := p.words[0]
	p.words = p.words[1:]
	var n node
	if open := strings.IndexByte("([{", word[0]); open >= 0 && len(word) == 1 {
		n = node{op: word[0], kids: []node{p.sequence()}}
		for len(p.words) > 0 && p.words[0] == "|" {
			p.words = p.words[1:]
			n.kids = append(n.kids, p.sequence())
		}
		if len(p.words) == 0 || p.words[0][0] != ")]}"[open] {
			panic(fmt.Sprintf("differential: a bracket is open in %q", p.line))
		}
		word = p.words[0]
		p.words = p.words[1:]
		n.more = repeats(word)
		return n
	}
	if word[0] == '\'' {
		return node{op: 'w', text: word[1:]}
	}
	n = node{op: 'w', text: strings.TrimRight(word, "+*")}
	if n.text == "" { // * and + by themselves
		return node{op: 'w', text: word}
	}
	n.more = repeats(word)
	if n.text[0] == '#' && len(n.text) > 1 {
		n.op, n.text = '#', n.text[1:]
	} else if n.text[0] >= 'a' && n.text[0] <= 'z' {
		n.op = 'k'
	}
	if _, ok := kinds[n.text]; n.op != 'w' && !ok || strings.ContainsAny(n.text, syntaxMarks) {
		panic(fmt.Sprintf("differential: no kind of argument is called %q in %q", word, p.line))
	}
	return n
}

func repeats(word string) byte {
	if last := word[len(word)-1]; last == '+' || last == '*' {
		return last
	}
	return 0
}

// generator makes arguments by chance.
type generator struct {
	*rand.Rand
	counted int             // how many arguments the last #word made
	inMulti bool            // between MULTI and EXEC, where nothing blocks
	forever bool            // timeouts are none
	another func() []string // makes a command of any kind
}

func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

// emit appends the arguments of a node to dst.
func (g *generator) emit(dst []string, n *node) []string {
	for range g.times(n.more) {
		dst = g.once(dst, n)
	}
	return dst
}

// times is mostly small; now and then it is enough to change how a collection is kept.
func (g *generator) times(more byte) int {
	n := 1
	switch {
	case more == 0:
		return 1
	case g.oneIn(40):
		n = 1 + g.IntN(40)
	default:
		n = 1 + g.IntN(3)
	}
	if more == '*' {
		n--
	}
	return n
}

func (g *generator) once(dst []string, n *node) []string {
	switch n.op {
	case 'w':
		if g.oneIn(20) {
			return append(dst, strings.ToLower(n.text))
		}
		return append(dst, n.text)
	case 'k':
		return append(dst, kinds[n.text](g)...)
	case '#':
		g.counted = 1 + g.IntN(3)
		said := g.counted
		if g.oneIn(30) {
			said += g.IntN(4) - 2
		}
		dst = append(dst, strconv.Itoa(said))
		for range g.counted {
			dst = append(dst, kinds[n.text](g)...)
		}
		return dst
	case '(':
		return g.emit(dst, &n.kids[g.IntN(len(n.kids))])
	case '[':
		if g.oneIn(2) {
			return dst
		}
		return g.emit(dst, &n.kids[g.IntN(len(n.kids))])
	case '{':
		return g.options(dst, n.kids)
	}
	for i := range n.kids {
		dst = g.emit(dst, &n.kids[i])
	}
	return dst
}

// options are each taken with one chance in three, in any order.
func (g *generator) options(dst []string, kids []node) []string {
	for _, i := range g.Perm(len(kids)) {
		if g.oneIn(3) {
			dst = g.emit(dst, &kids[i])
		}
		if g.oneIn(60) {
			dst = g.emit(dst, &kids[g.IntN(len(kids))])
		}
	}
	return dst
}

// spoil makes a command wrong in one place, or at least strange.
func (g *generator) spoil(args []string) []string {
	out := append([]string(nil), args...)
	i := 0
	if len(out) > 1 {
		i = 1 + g.IntN(len(out)-1)
	}
	switch g.IntN(5) {
	case 0:
		return append(out, kinds["odd"](g)...)
	case 1:
		if i == 0 {
			return append(out, "")
		}
		return append(out[:i], out[i+1:]...)
	case 2:
		return append(out, out[i])
	case 3:
		j := 1 + g.IntN(max(len(out)-1, 1))
		if i > 0 && j < len(out) {
			out[i], out[j] = out[j], out[i]
		}
		return out
	}
	if i > 0 {
		out[i] = kinds["odd"](g)[0]
	}
	return out
}
