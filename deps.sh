#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of packages.list (here and in the folders) that are missing. Does not
# touch apt, and prints nothing, when none is.
set -u
cd "$(dirname "$0")" || exit 1

command -v dpkg-query >/dev/null || {
	echo "deps: not a Debian system; install what packages.list names by other means" >&2
	exit 0
}
wanted=$(cat packages.list */packages.list 2>/dev/null | awk '!/^#/ && NF { print $1 }' | sort -u)
present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | awk '$1 == "installed" { print $2 }')
missing=$(comm -23 <(echo "$wanted") <(sort -u <<<"$present"))
[ -n "$missing" ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "deps: these packages are missing, and only root can install them:" $missing >&2
		exit 1
	}
	as_root=(sudo)
fi
echo "deps: installing" $missing
install() {
	# shellcheck disable=SC2086 # one word for each package
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A fresh machine has no package lists, an old one has stale ones.
install || { "${as_root[@]}" apt-get update -q >"$log" 2>&1 && install; } || {
	tail -n 20 "$log" >&2
	echo "deps: apt-get failed; still missing:" $missing >&2
	exit 1
}
