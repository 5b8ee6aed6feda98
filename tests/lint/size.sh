#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No file over 800 lines, no function over 100, no file named after nothing.
# The house format puts the braces of a function, and of nothing else, alone in column one.
. "$(dirname "$0")/lib.sh"
{
	sources '*.c' '*.h' | xargs -r awk '
	FNR == 1 { start = 0 }
	FNR == 801 { print FILENAME ": more than 800 lines" }
	/^[{]$/ { start = FNR }
	/^[}]$/ && start {
		if (FNR - start > 100) print FILENAME ":" start ": a function of " FNR - start " lines"
		start = 0
	}'
	sources '*.c' '*.h' | grep -E '(^|/)(utils?|common|misc|helpers?)\.[ch]$' |
		sed 's/$/: name the file after what it is about/'
} | verdict
