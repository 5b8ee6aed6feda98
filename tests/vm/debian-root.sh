#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints the path of a Debian root file system for tests of shares. Made once by debootstrap and kept
# outside the tree; deleting it costs only time.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pith
root=$cache/debian-bookworm
mkdir -p "$cache"
exec 9>"$cache/debian-bookworm.lock"
flock 9
if [ ! -e "$root" ]; then
	# The mirror that this machine already uses.
	mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		grep -oE '^(deb|URIs:) .*' | grep -oE '[a-z+]+://[^ ]+/debian/?( |$)' | head -n 1 || true)
	new=$(mktemp -d "$cache/debian.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	debootstrap --variant=minbase bookworm "$new/root" ${mirror:+"$mirror"} >"$new/log" 2>&1 || {
		tail -n 20 "$new/log" >&2
		exit 1
	}
	mv "$new/root" "$root"
fi
echo "$root"
