#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Includes follow deps.rules: "folder: folders it may include"; the longest folder that fits counts.
. "$(dirname "$0")/lib.sh"
sources '*.c' '*.h' | xargs -r awk -v rules="${LINT_RULES:-$here/deps.rules}" '
function module(path,    best, m) {
	best = ""
	for (m in may)
		if (index(path, m "/") == 1 && length(m) > length(best))
			best = m
	return best
}
BEGIN {
	while ((getline line < rules) > 0) {
		if (line ~ /^#/ || line !~ /:/) continue
		n = split(line, part, ":"); may[part[1]] = " " part[2] " "
	}
}
/^#[ \t]*include[ \t]*"/ {
	split($0, q, "\""); inc = q[2]; from = module(FILENAME); to = module(inc)
	if (from == "") print FILENAME ": its folder is not in deps.rules"
	else if (inc !~ /\//) print FILENAME ":" FNR ": \"" inc "\" is not written from the root"
	else if (to == "") print FILENAME ":" FNR ": \"" inc "\" is in no folder of deps.rules"
	else if (to != from && may[from] !~ /\*/ && index(may[from], " " to " ") == 0)
		print FILENAME ":" FNR ": " from " may not include " inc
}' | sort -u | verdict
