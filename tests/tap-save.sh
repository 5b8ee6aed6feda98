#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: tap-save.sh PROGRAM [ARG...]
# Runs a program that prints TAP, keeps a copy in TAP_DIR, and makes a bad end visible as a test.
set -u -o pipefail
tap="${TAP_DIR:?}/$(basename "$1").tap"
timeout -k 5 "${TAP_TIMEOUT:-180}" "$@" </dev/null 2>"$tap.err" |
	sed -u 's/^not ok \([0-9]* # SKIP\)/ok \1/' | tee "$tap" # cmocka 1.1.5 calls a skipped test "not ok"
rc=$?
[ $rc -ne 0 ] && cat "$tap.err" >&2
if [ $rc -ne 0 ] && ! grep -q '^not ok' "$tap"; then
	echo "not ok - $(basename "$1") ended with status $rc" >>"$tap"
fi
exit $rc
