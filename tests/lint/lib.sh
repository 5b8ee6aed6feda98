# SPDX-License-Identifier: Apache-2.0
# Sourced by every check. LINT_ROOT lets selftest.sh point them at a planted tree.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "${LINT_ROOT:-$here/../..}" || exit 2
out=${O:-build/debug}

flags=(-std=gnu17 -D_GNU_SOURCE -Ulinux -I. -Ibuild/gen '-DPITH_VERSION="lint"')

# Our files whose names match the patterns, generated and ignored ones left out.
sources() {
	if [ -e .git ]; then
		git ls-files -co --exclude-standard -- "$@" | sort -u
	else
		for pattern in "$@"; do find . -name "$pattern" -printf '%P\n'; done | sort -u
	fi | while IFS= read -r f; do [ -f "$f" ] && echo "$f"; done
}

# Prints stdin, if any, as findings and ends: 1 with findings, 0 without.
verdict() {
	local found
	found=$(cat)
	[ -z "$found" ] && exit 0
	echo "$found"
	exit 1
}
