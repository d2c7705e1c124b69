package conf

import "math"

func guardValues() []string { return []string{"no", "yes", "local"} }

func securityDirectives() []Directive {
	return []Directive{
		{Name: "protected-mode", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "While the default user has no password, only local clients are served."},
		{Name: "requirepass", Kind: String, Unset: true, Scope: Node, Mutable: true, Sensitive: true, Meaning: Active,
			Summary: "Password of the default user."},
		{Name: "enable-protected-configs", Kind: Enum, Values: guardValues(), Default: "no", Scope: Node, Meaning: Active,
			Summary: "Who may change protected directives: nobody, everybody, or local clients."},
		{Name: "enable-debug-command", Kind: Enum, Values: guardValues(), Default: "no", Scope: Node, Meaning: Active,
			Summary: "Who may use DEBUG: nobody, everybody, or local clients."},
		{Name: "enable-module-command", Kind: Enum, Values: guardValues(), Default: "no", Scope: Node, Meaning: Active,
			Summary: "Who may use MODULE: nobody, everybody, or local clients."},
		{Name: "aclfile", Kind: String, Scope: Node, Meaning: Active,
			Summary: "File of users for ACL LOAD and ACL SAVE."},
		{Name: "acl-pubsub-default", Kind: Enum, Values: []string{"allchannels", "resetchannels"}, Default: "resetchannels", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Channels a new user may use."},
		{Name: "acllog-max-len", Kind: Integer, Max: math.MaxInt64, Default: "128", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Number of entries ACL LOG keeps."},
		{Name: "sanitize-dump-payload", Kind: Enum, Values: []string{"no", "yes", "clients"}, Default: "no", Scope: Cluster, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Every payload of RESTORE is checked in full."},
		{Name: "lua-enable-deprecated-api", Kind: Bool, Default: "no", Scope: Cluster, Hidden: true, Meaning: AcceptedWithNotice,
			Why: "Scripts have no access to the deprecated functions."},
	}
}
