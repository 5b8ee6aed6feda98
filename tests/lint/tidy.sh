#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over every C file; what passed is remembered by the hash of all that it depends on.
. "$(dirname "$0")/lib.sh"
cache=build/lint/tidy
mkdir -p "$cache"
[ -n "$(find "$cache" -mtime +14 -print -quit)" ] && find "$cache" -mtime +14 -delete
# The flags count from the folder they lie in, so the paths are absolute.
printf '%s\n' "${flags[@]}" -include base/banned.h |
	sed "s|^-I|-I$PWD/|; s|^base/|$PWD/base/|; s|/\.$||" >build/lint/compile_flags.txt
tidy_one() {
	local key
	# shellcheck disable=SC2046 # file names of ours hold no space
	key=$({ cat .clang-tidy build/lint/compile_flags.txt
		cat $(gcc $(grep -v '^-include' build/lint/compile_flags.txt | grep '^-') -include base/banned.h \
			-MM "$1" 2>/dev/null | sed 's/^[^:]*://; s/\\$//') /dev/null; } | sha256sum | cut -d' ' -f1)
	[ -e "build/lint/tidy/$key" ] && { touch "build/lint/tidy/$key"; return 0; }
	if clang-tidy-14 --quiet -p build/lint "$1" >"build/lint/tidy/log.$$" 2>/dev/null; then
		touch "build/lint/tidy/$key"
	else
		grep -E 'error:|warning:' "build/lint/tidy/log.$$" || echo "$1: clang-tidy failed"
	fi
	rm -f "build/lint/tidy/log.$$"
}
export -f tidy_one
sources "${@:-*.c}" | xargs -r -P"${LINT_JOBS:-2}" -I{} bash -c 'tidy_one {}' | sed "s|$PWD/||" | verdict
