package command

import (
	"strings"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/internal/glob"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of COMMAND's subcommands.
const (
	errCommand     Error = "ERR Invalid command specified"
	errNoKeyArgs   Error = "ERR The command has no key arguments"
	errArgCount    Error = "ERR Invalid number of arguments specified for command"
	errKeyArgs     Error = "ERR Invalid arguments specified for command"
	subcommandMark       = '|' // between a container's name and a subcommand's
)

// Named finds what clients may call by its full name, "config|set" for a subcommand, in any case; nil if
// there is none. full is the name as replies have it.
func (t *Table) Named(name []byte) (s *Spec, full string) {
	word, sub, isSub := strings.Cut(string(name), string(subcommandMark))
	s = t.Lookup([]byte(word))
	if s == nil || s.Flags&Internal != 0 {
		return nil, ""
	}
	full = strings.ToLower(s.Name)
	if !isSub {
		return s, full
	}
	s = s.Lookup([]byte(sub))
	if s == nil {
		return nil, ""
	}
	return s, fullName(full, s)
}

// Public are the commands that clients may call, in the order declared.
func (t *Table) Public() []*Spec {
	var list []*Spec
	for _, s := range t.list {
		if s.Flags&Internal == 0 {
			list = append(list, s)
		}
	}
	return list
}

// fullName is a command's name in replies: lower case, behind its container's if it has one.
func fullName(container string, s *Spec) string {
	name := strings.ToLower(s.Name)
	if container == "" {
		return name
	}
	return container + string(subcommandMark) + name
}

// Count is COMMAND COUNT.
func Count(t *Table) resp.Value { return resp.Int(int64(len(t.Public()))) }

// InfoAll is COMMAND, and COMMAND INFO without names.
func InfoAll(t *Table) resp.Value {
	var list []resp.Value
	for _, s := range t.Public() {
		list = append(list, Info(s, fullName("", s)))
	}
	return resp.Array(list...)
}

// InfoOf is COMMAND INFO with names: null for what there is not.
func InfoOf(t *Table, names [][]byte) resp.Value {
	list := make([]resp.Value, len(names))
	for i, name := range names {
		list[i] = resp.Null()
		if s, full := t.Named(name); s != nil {
			list[i] = Info(s, full)
		}
	}
	return resp.Array(list...)
}

// Info is what COMMAND INFO tells about one command; full is its name as replies have it.
func Info(s *Spec, full string) resp.Value {
	first, last, step := s.Keys.First, s.Keys.Last, s.Keys.Step
	var tips, specs, subs []resp.Value
	for _, tip := range s.Tips {
		tips = append(tips, resp.BulkString(tip))
	}
	for _, ks := range s.keySpecs() {
		specs = append(specs, ks.info())
	}
	for i := range s.Sub {
		subs = append(subs, Info(&s.Sub[i], fullName(full, &s.Sub[i])))
	}
	categories := s.Categories().Names()
	for i, name := range categories {
		categories[i] = "@" + name
	}
	children := resp.Array(subs...)
	if len(subs) == 0 {
		children = resp.Set()
	}
	return resp.Array(
		resp.BulkString(full), resp.Int(int64(s.Arity.Number())), statuses(s.flagNames()),
		resp.Int(int64(first)), resp.Int(int64(last)), resp.Int(int64(step)),
		statuses(categories), resp.Set(tips...), resp.Set(specs...), children)
}

// statuses is a set of simple strings.
func statuses(names []string) resp.Value {
	list := make([]resp.Value, len(names))
	for i, name := range names {
		list[i] = resp.Simple(name)
	}
	return resp.Set(list...)
}

// flagNames are the flags in Redis' words and order; some are hidden, as there.
func (s *Spec) flagNames() []string {
	var names []string
	for _, f := range [...]struct {
		set  bool
		name string
	}{
		{s.Writes(), "write"},
		{s.Reads(), "readonly"},
		{s.Flags&DenyOOM != 0, "denyoom"},
		{s.Flags&Admin != 0, "admin"},
		{s.Flags&PubSub != 0, "pubsub"},
		{s.Flags&NoScript != 0, "noscript"},
		{s.Flags&Blocking != 0, "blocking"},
		{s.Flags&Loading != 0, "loading"},
		{s.Flags&Stale != 0, "stale"},
		{s.Flags&SkipMonitor != 0, "skip_monitor"},
		{s.Flags&SkipSlowlog != 0, "skip_slowlog"},
		{s.Flags&Fast != 0, "fast"},
		{s.Flags&NoAuth != 0, "no_auth"},
		{s.Flags&NoMandatoryKeys != 0, "no_mandatory_keys"},
		{s.Flags&NoAsyncLoading != 0, "no_async_loading"},
		{s.Flags&NoMulti != 0, "no_multi"},
		{s.Flags&Movable != 0 || s.Keys.Counted > 0 || s.Keys.Find != nil, "movablekeys"},
		{s.Flags&AllowBusy != 0, "allow_busy"},
	} {
		if f.set {
			names = append(names, f.name)
		}
	}
	return names
}

// info is a key specification in COMMAND INFO.
func (ks *KeySpec) info() resp.Value {
	var pairs []resp.Value
	if ks.Notes != "" {
		pairs = append(pairs, resp.BulkString("notes"), resp.BulkString(ks.Notes))
	}
	begin, find := step("unknown"), step("unknown")
	if ks.Index > 0 || ks.Keyword != "" {
		find = step("range", "lastkey", ks.Last, "keystep", max(ks.Step, 1), "limit", ks.Limit)
	}
	switch {
	case ks.Keyword != "":
		begin = step("keyword", "keyword", ks.Keyword, "startfrom", ks.From)
	case ks.Index > 0:
		begin = step("index", "index", ks.Index)
	}
	if ks.Counted {
		find = step("keynum", "keynumidx", 0, "firstkey", 1, "keystep", max(ks.Step, 1))
	}
	return resp.Map(append(pairs,
		resp.BulkString("flags"), statuses(accessWords(ks.Access)),
		resp.BulkString("begin_search"), begin,
		resp.BulkString("find_keys"), find)...)
}

// step is one step of a key search: its type and its spec, a map of numbers and words.
func step(kind string, pairs ...any) resp.Value {
	spec := make([]resp.Value, len(pairs))
	for i, p := range pairs {
		switch p := p.(type) {
		case int:
			spec[i] = resp.Int(int64(p))
		case string:
			spec[i] = resp.BulkString(p)
		}
	}
	return resp.Map(resp.BulkString("type"), resp.BulkString(kind), resp.BulkString("spec"), resp.Map(spec...))
}

// accessWords are the words of access in Redis' order.
func accessWords(access string) []string {
	var words []string
	for _, word := range keyAccess() {
		for _, w := range strings.Fields(access) {
			if w == word {
				words = append(words, word)
			}
		}
	}
	return words
}

// ListAll is COMMAND LIST and its filters: args are those behind LIST.
func ListAll(t *Table, args [][]byte) resp.Value {
	keep := func(*Spec, string) bool { return true }
	if len(args) > 0 {
		if len(args) != 3 || !equalFold(args[0], "FILTERBY") {
			return ErrorReply(errSyntax)
		}
		if keep = listFilter(args[1], args[2]); keep == nil {
			return ErrorReply(errSyntax)
		}
	}
	return resp.Array(listed(nil, t.Public(), "", keep)...)
}

func listed(dst []resp.Value, specs []*Spec, container string, keep func(*Spec, string) bool) []resp.Value {
	for _, s := range specs {
		full := fullName(container, s)
		if keep(s, full) {
			dst = append(dst, resp.BulkString(full))
		}
		var subs []*Spec
		for i := range s.Sub {
			subs = append(subs, &s.Sub[i])
		}
		dst = listed(dst, subs, full, keep)
	}
	return dst
}

// listFilter is the test of COMMAND LIST FILTERBY; nil if there is no such filter. No command comes from a module.
func listFilter(kind, arg []byte) func(s *Spec, full string) bool {
	switch {
	case equalFold(kind, "MODULE"):
		return func(*Spec, string) bool { return false }
	case equalFold(kind, "ACLCAT"):
		want := categoryNamed(string(arg))
		return func(s *Spec, _ string) bool { return s.Categories()&want != 0 }
	case equalFold(kind, "PATTERN"):
		return func(_ *Spec, full string) bool { return glob.MatchFold(arg, []byte(full)) }
	}
	return nil
}

// categoryNamed is the category of that name, in any case; 0 if there is none.
func categoryNamed(name string) acl.Category {
	for c := acl.Category(1); c <= acl.Scripting; c <<= 1 {
		if strings.EqualFold(c.Names()[0], name) {
			return c
		}
	}
	return 0
}

// GetKeys is COMMAND GETKEYS: args are a whole command.
func GetKeys(t *Table, args [][]byte) resp.Value {
	return keysOf(t, args, func(_ *Spec, p int) resp.Value { return resp.Bulk(args[p]) })
}

// GetKeysAndFlags is COMMAND GETKEYSANDFLAGS.
func GetKeysAndFlags(t *Table, args [][]byte) resp.Value {
	return keysOf(t, args, func(s *Spec, p int) resp.Value {
		return resp.Array(resp.Bulk(args[p]), statuses(accessWords(s.accessOf(p, args))))
	})
}

func keysOf(t *Table, args [][]byte, show func(s *Spec, p int) resp.Value) resp.Value {
	s := t.called(args)
	switch {
	case s == nil:
		return ErrorReply(errCommand)
	case !s.Keys.any() || strings.Contains(s.Keys.Access, "not_key"): // channels stand where keys would
		return ErrorReply(errNoKeyArgs)
	case !s.Arity.Allows(len(args)):
		return ErrorReply(errArgCount)
	}
	positions := s.Keys.Positions(nil, args)
	if len(positions) == 0 && s.Flags&NoMandatoryKeys == 0 {
		return ErrorReply(errKeyArgs)
	}
	list := make([]resp.Value, len(positions))
	for i, p := range positions {
		list[i] = show(s, p)
	}
	return resp.Array(list...)
}

// called finds the command that args call, the subcommand of a container included; nil if there is none.
func (t *Table) called(args [][]byte) *Spec {
	if len(args) == 0 {
		return nil
	}
	s := t.Lookup(args[0])
	switch {
	case s == nil || s.Flags&Internal != 0:
		return nil
	case len(s.Sub) > 0 && len(args) > 1:
		return s.Lookup(args[1])
	}
	return s
}
