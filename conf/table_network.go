package conf

import "math"

const permMax = 0o777

func networkDirectives() []Directive {
	return []Directive{
		{Name: "bind", Kind: Addresses, Default: "127.0.0.1 -::1", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Addresses to listen on; a dash before one allows it to be missing. Redis without a file listens on all."},
		{Name: "port", Kind: Integer, Max: portMax, Default: "6379", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Port for clients; 0 is none."},
		{Name: "unixsocket", Kind: String, Unset: true, Scope: Node, Meaning: Active,
			Summary: "Path of a unix socket to listen on."},
		{Name: "unixsocketperm", Kind: Octal, Max: permMax, Default: "0", Scope: Node, Meaning: Active,
			Summary: "Permissions of the unix socket; 0 leaves them to the umask."},
		{Name: "tcp-backlog", Kind: Integer, Max: math.MaxInt32, Default: "511", Scope: Node, Meaning: Active,
			Summary: "Connections the kernel may hold before they are accepted."},
		{Name: "tcp-keepalive", Kind: Integer, Max: math.MaxInt32, Default: "300", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Seconds of silence after which a connection is probed; 0 is never."},
		{Name: "timeout", Kind: Integer, Max: math.MaxInt32, Default: "0", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Seconds of silence after which a client is disconnected; 0 is never."},
		{Name: "bind-source-addr", Kind: String, Unset: true, Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Local address of the connections this node opens."},
		{Name: "socket-mark-id", Kind: Integer, Max: math.MaxUint32, Default: "0", Scope: Node, Meaning: AcceptedWithNotice,
			Why: "Sockets are not marked for the packet filter."},
	}
}

func tlsDirectives() []Directive {
	return []Directive{
		{Name: "tls-port", Kind: Integer, Max: portMax, Default: "0", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Port for clients over TLS; 0 is none."},
		{Name: "tls-cert-file", Kind: String, Unset: true, Scope: Node, Mutable: true, Volatile: true, Meaning: Active,
			Summary: "File of the server's certificate."},
		{Name: "tls-key-file", Kind: String, Unset: true, Scope: Node, Mutable: true, Volatile: true, Meaning: Active,
			Summary: "File of the certificate's private key."},
		{Name: "tls-key-file-pass", Kind: String, Unset: true, Scope: Node, Mutable: true, Sensitive: true, Meaning: AcceptedWithNotice,
			Why: "Keys with a passphrase are not read; a start with one is refused."},
		{Name: "tls-client-cert-file", Kind: String, Unset: true, Scope: Node, Mutable: true, Volatile: true, Meaning: Active,
			Summary: "Certificate shown to other members; none is the server's."},
		{Name: "tls-client-key-file", Kind: String, Unset: true, Scope: Node, Mutable: true, Volatile: true, Meaning: Active,
			Summary: "Private key of that certificate."},
		{Name: "tls-client-key-file-pass", Kind: String, Unset: true, Scope: Node, Mutable: true, Sensitive: true, Meaning: AcceptedWithNotice,
			Why: "Keys with a passphrase are not read; a start with one is refused."},
		{Name: "tls-ca-cert-file", Kind: String, Unset: true, Scope: Node, Mutable: true, Volatile: true, Meaning: Active,
			Summary: "File of the authorities whose certificates are trusted."},
		{Name: "tls-ca-cert-dir", Kind: String, Unset: true, Scope: Node, Mutable: true, Volatile: true, Meaning: Active,
			Summary: "Directory of the authorities whose certificates are trusted."},
		{Name: "tls-auth-clients", Kind: Enum, Values: []string{"no", "yes", "optional"}, Default: "yes", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Whether clients must show a certificate, may, or are not asked."},
		{Name: "tls-protocols", Kind: String, Unset: true, Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Versions of TLS to speak, out of TLSv1.2 and TLSv1.3; none is both."},
		{Name: "tls-ciphers", Kind: String, Unset: true, Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "The cipher suites of TLS 1.2 are Go's choice, those it holds safe."},
		{Name: "tls-ciphersuites", Kind: String, Unset: true, Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "The cipher suites of TLS 1.3 are chosen by Go and cannot be limited."},
		{Name: "tls-prefer-server-ciphers", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Go orders the cipher suites itself."},
		{Name: "tls-session-caching", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Whether a client may resume a session by a ticket."},
		{Name: "tls-session-cache-size", Kind: Integer, Max: math.MaxInt32, Default: "20480", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Sessions are resumed by tickets, which the server does not store."},
		{Name: "tls-session-cache-timeout", Kind: Integer, Max: math.MaxInt32, Default: "300", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "The life of a session ticket is fixed by Go."},
		{Name: "tls-dh-params-file", Kind: String, Unset: true, Scope: Node, Mutable: true, Volatile: true, Meaning: AcceptedWithNotice,
			Why: "Key exchange is by elliptic curves only."},
		{Name: "tls-cluster", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Whether members speak TLS among themselves."},
		{Name: "tls-replication", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "There is no link to a primary; tls-cluster covers the links between members."},
	}
}
