#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Compares what the fragments asked for with the .config that came out. Kconfig drops an option whose
# dependency is missing without a word; here that fails, unless known-differences.list names exactly
# this difference. A line there that is no longer true fails as well, so that the list stays short.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../rootfs-builder/lib.sh"

if [ "${1:-}" = --help ] || [ $# -ne 3 ]; then
	echo "usage: check.sh ARCH FRAGMENTS CONFIG"
	exit 2
fi

# The last word for an option counts, as in Kconfig; "is not set" and absent both mean n.
awk -v arch="$1" -F = '
	FILENAME == ARGV[1] {
		if ($0 ~ /^[a-z]/) {
			split($0, f, " ")
			if (f[1] == arch || f[1] == "all") known["CONFIG_" f[2]] = f[3] " " f[4]
		}
		next
	}
	!/^CONFIG_/ { next }
	{ value = substr($0, length($1) + 2) }
	FILENAME == ARGV[2] { want[$1] = value; next }
	{ got[$1] = value }
	END {
		for (o in want) {
			total++
			have = (o in got) ? got[o] : "n"
			if (have == want[o]) {
				if (o in known) { print "known difference is gone: " o; bad++ }
				continue
			}
			if (known[o] == want[o] " " have) { tolerated++; continue }
			print "dropped: " o " asked for " want[o] ", got " have
			bad++
		}
		for (o in known) if (!(o in want)) { print "known difference of nothing asked for: " o; bad++ }
		if (bad) exit 1
		printf "%d options asked for, all there but %d known differences\n", total, tolerated
	}' "$here/known-differences.list" "$2" "$3" | sort >&2
