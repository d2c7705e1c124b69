#!/usr/bin/env bash
# Prints a folder with Redis' own test suite, got from the distribution's redis source package the first time. Needs apt-get
# and root then; afterwards only the folder. TCL_SUITE_DIR chooses where it is kept.
set -euo pipefail
keep=${TCL_SUITE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/redoubt/tcl-suite}
found() { find "$keep" -maxdepth 2 -name runtest -path '*/redis-*' -printf '%h\n' 2>/dev/null | sort | head -n 1; }
if [ -z "$(found)" ]; then
	mkdir -p "$keep"
	export DEBIAN_FRONTEND=noninteractive
	# The package sources that this machine already uses, asked for source packages in a list of their own, which goes away again.
	lists=$(mktemp -d)
	trap 'rm -rf "$lists"' EXIT
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -f "$f" ] && grep -q '^Types:.*deb\b' "$f" && ! grep -qx 'Types: deb-src' "$f" && sed 's/^Types:.*/Types: deb-src/' "$f" >"$lists/$(basename "$f")" || true
	done
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -n 's/^deb /deb-src /p' >"$lists/sources.list" || true
	mkdir -p "$lists/state/partial"
	apt=(-o "Dir::Etc::sourceparts=$lists" -o "Dir::Etc::sourcelist=$lists/sources.list" -o "Dir::State::lists=$lists/state")
	apt-get "${apt[@]}" update -qq >&2
	(cd "$keep" && apt-get "${apt[@]}" source -qq --download-only redis >&2)
	# The upstream archive alone: the packaging's patches are of no use here, and dpkg-dev need not be installed.
	(cd "$keep" && tar xf redis_*.orig.tar.*)
	rm -f "$keep"/redis_*
fi
found
