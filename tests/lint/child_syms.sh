#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What runs between clone and exec calls nothing but child_syms.list: system calls and pure functions.
. "$(dirname "$0")/lib.sh"
shopt -s nullglob
objs=("$out"/container/child*.o)
[ -n "$(sources 'child*.c')" ] && [ ${#objs[@]} -eq 0 ] && { echo "no objects: run make first"; exit 1; }
[ ${#objs[@]} -gt 0 ] || exit 0
comm -23 <(nm -u "${objs[@]}" | awk '$1 == "U" { print $2 }' | sort -u) \
	<({ nm -g --defined-only "${objs[@]}" | awk 'NF == 3 { print $3 }'
		grep -v '^#' "${LINT_RULES:-$here/child_syms.list}" | awk '{ print $1 }'; } | sort -u) |
	sed 's/$/: called in the child but not in child_syms.list/' | verdict
