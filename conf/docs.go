package conf

import (
	"fmt"
	"strings"
)

// Markdown returns docs/configuration.md: every directive of the table. A golden test keeps the file fresh.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\n" +
		"`redoubt [redis.conf] [--directive value ...]`. Generated from the table in package conf; do not edit.\n\n" +
		"*Cluster*: all nodes agree on the value. *Start*: CONFIG SET cannot change it. " +
		"*Protected*: CONFIG SET changes it only as `enable-protected-configs` allows.\n\n" +
		"Also read in files: `include`, `rename-command`, `user`. Accepted without effect: `loadmodule`.\n")
	title := ""
	var accepted []Directive
	for _, d := range Directives() {
		if d.Meaning == AcceptedWithNotice {
			accepted = append(accepted, d)
			continue
		}
		if d.Section != title {
			title = d.Section
			fmt.Fprintf(&b, "\n## %s\n\n| directive | default | | |\n|---|---|---|---|\n", title)
		}
		d.row(&b, d.Summary)
	}
	b.WriteString("\n## Accepted without effect\n\nKept and shown by CONFIG GET as Redis does; a start that is given one logs a notice.\n\n" +
		"| directive | default | | why |\n|---|---|---|---|\n")
	for _, d := range accepted {
		d.row(&b, d.Why)
	}
	return b.String()
}

func (d *Directive) row(b *strings.Builder, sentence string) {
	name := "`" + d.Name + "`"
	for _, alias := range d.Aliases {
		name += ", `" + alias + "`"
	}
	text := d.Default
	if text == "" {
		text = `""`
	}
	var marks []string
	for _, m := range []struct {
		on   bool
		name string
	}{{d.Scope == Cluster, "cluster"}, {!d.Mutable, "start"}, {d.Protected, "protected"}, {d.Hidden, "hidden"}} {
		if m.on {
			marks = append(marks, m.name)
		}
	}
	if len(d.Values) > 0 {
		sentence += " Values: " + strings.Join(d.Values, ", ") + "."
	}
	fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", name, text, strings.Join(marks, ", "), sentence)
}
