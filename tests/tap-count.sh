#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: tap-count.sh FILE...
# Counts single tests of saved TAP. A plan that was not fulfilled counts as failures, no test at all
# as one. The last line is "N passed, N failed, N skipped"; exit 1 when anything failed.
[ $# -gt 0 ] || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
awk '
function close_file() {
	if (plan < 0) { failed++; print "# no plan in " name }
	else if (seen < plan) { failed += plan - seen; print "# " plan - seen " tests missing in " name }
}
FNR == 1 { spoke[FILENAME] = 1; if (NR > 1) close_file(); plan = -1; seen = 0; name = FILENAME }
/^1\.\.[0-9]+/ {
	plan = substr($1, 4) + 0
	if (plan == 0 && /# *[Ss][Kk][Ii][Pp]/) { skipped++; print "# skipped: " name substr($0, index($0, "#") + 1) }
	else if (plan == 0) { failed++; print "# empty plan in " name }
}
/^ok / { seen++; if (/# *[Ss][Kk][Ii][Pp]/) { skipped++; print "# " $0 } else passed++ }
/^not ok/ { seen++; failed++; print "# " name ": " $0 }
END {
	if (NR > 0) close_file()
	for (i = 1; i < ARGC; i++)
		if (!(ARGV[i] in spoke)) { failed++; print "# nothing in " ARGV[i] }
	if (passed + failed + skipped == 0) failed = 1
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0
}' "$@"
