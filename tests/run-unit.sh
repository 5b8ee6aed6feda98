#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: run-unit.sh BUILD_DIR
# Runs every unit test program under prove and counts the single tests from their TAP.
set -u
out=${1:?usage: run-unit.sh BUILD_DIR}
here=$(dirname "$0")
shopt -s nullglob

progs=()
for src in "$here"/unit/test_*.c; do
	progs+=("$out/tests/unit/$(basename "$src" .c)")
done
if [ ${#progs[@]} -eq 0 ]; then
	echo "no unit tests found"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi

rm -rf "$out/tap/unit"
mkdir -p "$out/tap/unit"
export TAP_DIR="$out/tap/unit"
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
prove -Q --exec "$here/tap-save.sh" -j2 "${progs[@]}"
rc=$?
"$here/tap-count.sh" "$out"/tap/unit/*.tap || rc=1
exit $rc
