#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: tidy.sh [PATTERN...]
# clang-tidy over the C files; what passed is remembered by the hash of all that it depends on.
. "$(dirname "$0")/lib.sh"
export CACHE=build/lint/tidy HERE=$here FLAGS="${flags[*]}"
mkdir -p "$CACHE"
find "$CACHE" -type f -mtime +14 -delete
tidy_one() {
	local key log="$CACHE/log.$$" own=
	[ "$1" = base/err.c ] && own=-DANALYZE_ERR_ITSELF
	# The flags and the file names of ours hold no space: word splitting is meant.
	key=$({ echo "$FLAGS"; cat .clang-tidy "$HERE"/{tidy.sh,analyzer.h}
		cat $(gcc $FLAGS -include base/banned.h -MM "$1" 2>/dev/null | sed 's/^[^:]*://; s/\\$//') /dev/null
	} | sha256sum | cut -d' ' -f1)
	[ -e "$CACHE/$key" ] && { touch "$CACHE/$key"; return 0; }
	if clang-tidy-14 --quiet "$1" -- $FLAGS $own -include "$HERE/analyzer.h" >"$log" 2>&1; then
		touch "$CACHE/$key"
	else
		grep -E '(error|warning):' "$log" || sed "s|^|$1: |" "$log"
	fi
	rm -f "$log"
}
export -f tidy_one
sources "${@:-*.c}" | xargs -r -P"${LINT_JOBS:-2}" -I{} bash -c 'tidy_one {}' | sed "s|$PWD/||" | sort -u | verdict
