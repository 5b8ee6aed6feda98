#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: all.sh    Runs every check of this folder and says which failed. Build first (make lint does).
cd "$(dirname "$0")" || exit 2
for tool in clang-format-14 clang-tidy-14 cppcheck gcc nm perl; do
	command -v "$tool" >/dev/null || { echo "lint: $tool is missing (make deps)"; exit 1; }
done
rc=0
for check in *.sh; do
	case $check in all.sh | lib.sh) continue ;; esac
	start=$SECONDS
	if found=$("./$check" 2>&1); then
		printf 'ok    %-14s %3d s\n' "${check%.sh}" $((SECONDS - start))
	else
		printf 'FAIL  %-14s %3d s\n%s\n' "${check%.sh}" $((SECONDS - start)) "$(sed 's/^/      /' <<<"$found")"
		rc=1
	fi
done
[ $rc -eq 0 ] && echo "lint: clean" || echo "lint: FAILED"
exit $rc
