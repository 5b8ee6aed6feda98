#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints what an image holds: every file with its size and package, modules as one line, largest
# first; then the total and the image itself.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case "${1:-}" in
--help | -h | '')
	echo "usage: report.sh IMAGE MANIFEST"
	exit 0
	;;
esac
{
	awk -F '\t' 'NR > 1 && $1 ~ /^\/lib\/modules\// { n++; size += $2; pkg = $4 " " $5; next }
		NR > 1 && $2 > 0 { printf "%d\t%s\t%s %s\n", $2, $1, $4, $5 }
		END { if (n) printf "%d\t%d kernel modules\t%s\n", size, n, pkg }' "$2" | sort -k 1,1nr -k 2
	awk -F '\t' 'NR > 1 { size += $2 } END { printf "%d\ttotal of the contents\t\n", size }' "$2"
	printf '%d\t%s\t%s\n' "$(stat -c %s "$1")" "${1##*/}" "sha256 $(sha256sum <"$1" | head -c 16)"
} | awk -F '\t' '{ printf "%9.1f kB  %-46s %s\n", $1 / 1000, $2, $3 }'
