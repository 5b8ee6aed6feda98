#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Global symbols of each library carry one of its prefixes in prefix.rules: a clash with a library we
# link (cgroup_, mnt_, cap_, ...) would be silent.
. "$(dirname "$0")/lib.sh"
shopt -s nullglob
foreign='cgroup_|mnt_|udev_|seccomp_|scmp_|cap_|blkid_|protobuf_c_|grpc__'
libs=("$out"/lib*.a)
[ ${#libs[@]} -gt 0 ] || { echo "no libraries in $out: run make first"; exit 1; }
for lib in "${libs[@]}"; do
	name=$(basename "$lib" .a)
	name=${name#lib}
	allowed=$(sed -n "s/^$name: *//p" "${LINT_RULES:-$here/prefix.rules}" | tr ' ' '|')
	[ "$allowed" = '*' ] && continue
	if [ "$allowed" = program ]; then
		nm -g --defined-only "$lib" 2>/dev/null | awk 'NF == 3 { print $3 }' |
			grep -E "^($foreign)" | sed "s/^/lib$name.a: a prefix of a library: /"
		continue
	fi
	[ -n "$allowed" ] || { echo "lib$name.a: not in prefix.rules"; continue; }
	nm -g --defined-only "$lib" 2>/dev/null | awk 'NF == 3 { print $3 }' |
		grep -vE "^($allowed)" | sed "s/^/lib$name.a: no prefix of its own: /"
done | sort -u | verdict
