package command

import (
	"slices"
	"strings"

	"github.com/redoubt-db/redoubt/resp"
)

// argument is one argument as COMMAND DOCS tells it. It is derived from Spec.Syntax:
//
//	key value [NX | XX] [EX seconds | KEEPTTL] [member ...]
//
// gives a key, a string, an optional oneof of two pure tokens, an optional oneof of an integer with
// token EX and a pure token, and an optional string that may be repeated. Names of groups are Redis'
// where a rule gives them, else the joined names of what they hold.
type argument struct {
	name, kind, token  string
	keySpec            int // of a key
	optional, multiple bool
	multipleToken      bool // the token is repeated as well
	list               []argument
}

// arguments are those of s.
func (s *Spec) arguments() []argument {
	p := syntax{words: syntaxWords(s.Syntax), float: strings.Contains(s.Name, "FLOAT"), bits: s.Group == "bitmap", limit: limitKind(s)}
	list := p.sequence()
	numberKeys(list, max(len(s.keySpecs()), 1), new(int))
	return list
}

// syntaxWords splits a syntax at blanks and around brackets.
func syntaxWords(text string) []string {
	return strings.Fields(strings.NewReplacer("[", " [ ", "]", " ] ", "<", " < ", ">", " > ", "|", " | ").Replace(text))
}

// syntax reads words; closing words and bars end a sequence and are left to the caller.
type syntax struct {
	words []string
	float bool   // an increment is a double
	bits  bool   // a value is an integer
	limit string // what min and max are
}

// limitKind is the kind of min and max: in sorted sets, scores or names.
func limitKind(s *Spec) string {
	switch {
	case s.Group != "sorted-set":
		return "integer"
	case s.Name == "ZCOUNT" || strings.HasSuffix(s.Name, "BYSCORE"):
		return "double"
	}
	return "string"
}

func (p *syntax) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *syntax) next() string {
	word := p.peek()
	p.words = p.words[min(1, len(p.words)):]
	return word
}

// sequence reads arguments up to the end, a closing bracket or a bar.
func (p *syntax) sequence() []argument {
	var list []argument
	for {
		switch word := p.peek(); {
		case word == "" || word == "]" || word == ">" || word == "|":
			return list
		case word == "...":
			p.next()
			if len(list) > 0 {
				list = []argument{grouped(list)}
				list[0].multiple = true
			}
		case word == "[" || word == "<":
			p.next()
			list = joined(list, p.group(word == "["))
		case isToken(word):
			p.next()
			list = append(list, p.tokened(word))
		default:
			p.next()
			list = append(list, p.valued(word))
		}
	}
}

// group reads what a bracket holds, and the bracket that closes it.
func (p *syntax) group(optional bool) argument {
	choices := [][]argument{p.sequence()}
	for p.peek() == "|" {
		p.next()
		choices = append(choices, p.sequence())
	}
	p.next()
	a := argument{kind: "oneof"}
	if len(choices) == 1 {
		a = grouped(choices[0])
	} else {
		for _, c := range choices {
			a.list = append(a.list, grouped(c))
		}
		a.name = oneofName(a.list)
	}
	a.optional = optional
	return a
}

// tokened is a token with the values that stand behind it.
func (p *syntax) tokened(token string) argument {
	var values []argument
	for word := p.peek(); word != "" && word != "..." && !isMark(word) && !isToken(word); word = p.peek() {
		p.next()
		values = append(values, p.valued(word))
	}
	if len(values) == 0 && p.peek() == "<" {
		p.next()
		a := p.group(false)
		a.name, a.token = strings.ToLower(token), token
		return a
	}
	if len(values) == 0 {
		return argument{name: strings.ToLower(token), kind: "pure-token", token: token}
	}
	a := grouped(values)
	a.token = token
	return a
}

func (p *syntax) valued(name string) argument {
	kind := "string"
	switch {
	case isKeyName(name):
		kind = "key"
	case name == "min" || name == "max":
		kind = p.limit
	case name == "pattern":
		kind = "pattern"
	case strings.HasPrefix(name, "unix-time"):
		kind = "unix-time"
	case slices.Contains(strings.Fields("longitude latitude radius width height score timeout"), name), name == "increment" && p.float:
		kind = "double"
	case name == "value" && p.bits, slices.Contains(strings.Fields("count cursor offset start end stop seconds milliseconds increment decrement index index1 index2 "+
		"numkeys numfields limit db destination-db bit len rank num-matches weight id-ms ttl-ms revision rev n port replicas"), name):
		kind = "integer"
	}
	return argument{name: name, kind: kind}
}

// grouped is list as one argument: a block if it is more than that.
func grouped(list []argument) argument {
	if len(list) == 1 {
		return list[0]
	}
	return argument{name: joinedNames(list), kind: "block", list: list}
}

// joined is list with what follows it: in "key value [key value ...]" the bracket says that what stands
// before it may be repeated.
func joined(list []argument, a argument) []argument {
	n := 1
	if a.kind == "block" {
		n = len(a.list)
	}
	if a.optional && a.multiple && n <= len(list) {
		before := grouped(slices.Clone(list[len(list)-n:]))
		if before.name == a.name && before.kind == a.kind && (a.token == before.token || a.token == "") {
			a.optional, a.multipleToken, a.token = false, a.token != "", before.token
			list = list[:len(list)-n]
		}
	}
	return append(list, a)
}

// oneofName names a choice as Redis names its usual ones.
func oneofName(list []argument) string {
	has := func(token string) bool {
		return slices.ContainsFunc(list, func(a argument) bool { return a.token == token })
	}
	switch {
	case has("NX") || has("GT"):
		return "condition"
	case has("EX"):
		return "expiration"
	}
	return joinedNames(list)
}

func joinedNames(list []argument) string {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = a.name
	}
	return strings.Join(names, "_")
}

// isToken tells a word that is sent as it stands from the name of a value.
func isToken(word string) bool {
	return word == strings.ToUpper(word) && !isMark(word) && word != "..."
}

func isMark(word string) bool { return len(word) == 1 && strings.Contains("[]<>|", word) }

func isKeyName(name string) bool {
	return slices.Contains(strings.Fields("key key1 key2 newkey source sourcekey destination destkey dst src"), name)
}

// numberKeys gives keys the index of their specification: the next one for each, as long as there are any.
func numberKeys(list []argument, specs int, met *int) {
	for i := range list {
		if list[i].kind == "key" {
			list[i].keySpec = min(*met, specs-1)
			*met++
		}
		numberKeys(list[i].list, specs, met)
	}
}

// shown is a list of arguments in COMMAND DOCS.
func shown(list []argument) resp.Value {
	values := make([]resp.Value, len(list))
	for i, a := range list {
		pairs := []resp.Value{
			resp.BulkString("name"), resp.BulkString(a.name), resp.BulkString("type"), resp.BulkString(a.kind),
		}
		if a.kind == "key" {
			pairs = append(pairs, resp.BulkString("key_spec_index"), resp.Int(int64(a.keySpec)))
		}
		if a.token != "" {
			pairs = append(pairs, resp.BulkString("token"), resp.BulkString(a.token))
		}
		if flags := a.flagNames(); len(flags) > 0 {
			pairs = append(pairs, resp.BulkString("flags"), statuses(flags))
		}
		if len(a.list) > 0 {
			pairs = append(pairs, resp.BulkString("arguments"), shown(a.list))
		}
		values[i] = resp.Map(pairs...)
	}
	return resp.Array(values...)
}

func (a *argument) flagNames() []string {
	var names []string
	if a.optional {
		names = append(names, "optional")
	}
	if a.multiple {
		names = append(names, "multiple")
	}
	if a.multipleToken {
		names = append(names, "multiple_token")
	}
	return names
}
