#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In headers: a function that can fail or answers something stands in a paragraph with a comment; one
# that takes ownership (_take, _consume) says "Owns:"; a /** block names the function that follows.
. "$(dirname "$0")/lib.sh"
sources '*.h' | grep -vE '^(tests|fuzz)/' | xargs -r awk '
function flush(    i) {
	for (i = 1; i <= n; i++) {
		if (!has_comment) print file ":" at[i] ": " fn[i] "() has no comment"
		if (fn[i] ~ /_(take|consume)$/ && !has_owns) print file ":" at[i] ": " fn[i] "() lacks Owns:"
	}
	if (titled != "" && n > 0 && fn[1] != titled) print file ":" at[1] ": comment is about " titled "()"
	n = 0; has_comment = has_owns = 0; titled = ""
}
FNR == 1 { flush(); file = FILENAME; in_doc = 0 }
/^\/\*\*$/ { flush(); in_doc = 1 }
/\/\*/ { has_comment = 1 }
/Owns:|[Tt]akes|owns/ { has_owns = 1 }
in_doc && /^ \* [a-z_0-9]+\(\) - / { split($0, t, /[ (]/); titled = t[3] }
/\*\// { in_doc = 0 }
/^[a-z].*[a-z0-9_]\(/ && !/^(static|typedef|extern|return|if|for|while)/ && !/^void [^*]/ {
	name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
	if (name !~ /^__/) { n++; fn[n] = name; at[n] = FNR }
}
/^$/ && !in_doc { flush() }
END { flush() }' | verdict
