package command

import (
	"slices"
	"strings"

	"github.com/redoubt-db/redoubt/resp"
)

// DocsAll is COMMAND DOCS without names.
func DocsAll(t *Table) resp.Value {
	var pairs []resp.Value
	for _, s := range t.Public() {
		full := fullName("", s)
		pairs = append(pairs, resp.BulkString(full), Docs(s, full))
	}
	return resp.Map(pairs...)
}

// DocsOf is COMMAND DOCS with names; what there is not is left out.
func DocsOf(t *Table, names [][]byte) resp.Value {
	var pairs []resp.Value
	for _, name := range names {
		if s, full := t.Named(name); s != nil {
			pairs = append(pairs, resp.BulkString(full), Docs(s, full))
		}
	}
	return resp.Map(pairs...)
}

// Docs is what COMMAND DOCS tells about one command; full is its name as replies have it.
func Docs(s *Spec, full string) resp.Value {
	var pairs []resp.Value
	text := func(key, value string) {
		if value != "" {
			pairs = append(pairs, resp.BulkString(key), resp.BulkString(value))
		}
	}
	text("summary", s.Summary)
	text("since", s.Since)
	text("group", s.Group)
	text("complexity", s.Complexity)
	if arguments := s.arguments(); len(arguments) > 0 {
		pairs = append(pairs, resp.BulkString("arguments"), shown(arguments))
	}
	if len(s.Sub) > 0 {
		var subs []resp.Value
		for i := range s.Sub {
			name := fullName(full, &s.Sub[i])
			subs = append(subs, resp.BulkString(name), Docs(&s.Sub[i], name))
		}
		pairs = append(pairs, resp.BulkString("subcommands"), resp.Map(subs...))
	}
	return resp.Map(pairs...)
}

// Markdown is the reference of all commands in t: one table for each group, groups by name, commands in
// the order declared.
func Markdown(t *Table) string {
	groups := map[string][]*Spec{}
	for _, s := range t.Public() {
		groups[s.Group] = append(groups[s.Group], s)
	}
	var names []string
	for name := range groups {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten from the table of commands; do not edit. The column Since names the version of Redis that\n" +
		"brought a command, or `redoubt` for our own.\n")
	for _, name := range names {
		b.WriteString("\n## " + name + "\n\n| Command | Since | Flags | Summary | Differs from Redis |\n|---|---|---|---|---|\n")
		for _, s := range groups[name] {
			markdownRow(&b, s, "")
		}
	}
	return b.String()
}

// markdownRow writes the row of s, or those of its subcommands if it is a mere container.
func markdownRow(b *strings.Builder, s *Spec, container string) {
	name := container + s.Name
	if len(s.Sub) == 0 || s.Read != nil || s.Write != nil {
		cells := []string{
			"`" + strings.TrimSpace(name+" "+s.Syntax) + "`", s.Since, strings.Join(s.flagNames(), " "), s.Summary, s.Differs,
		}
		for _, cell := range cells {
			b.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	for i := range s.Sub {
		markdownRow(b, &s.Sub[i], name+" ")
	}
}
