#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every option in kernel-config/*.conf has its reason in REASONS.md, under the heading of its own
# fragment and with the same on/off; every reason belongs to an option and says something; none is named
# twice in a file; every patch has an explanation and stays under a dozen changed lines.
set -euo pipefail
cd "$(dirname "$0")/../../kernel-config"
bad=0

complain() {
	echo "kernel-config: $*"
	bad=1
}

for conf in *.conf; do
	asked=$(sed -n 's/^CONFIG_\([A-Za-z0-9_]*\)=n$/\1 off/p; t; s/^CONFIG_\([A-Za-z0-9_]*\)=.*/\1/p' "$conf" | sort)
	given=$(awk -v head="## $conf" '/^## / { on = $0 == head; next }
		on && /^\| `[A-Za-z0-9_]+`( off)? \| .+ \|$/ { gsub(/`/, "", $2); print $2 ($3 == "off" ? " off" : "") }' \
		REASONS.md | sort)
	twice=$(uniq -d <<<"$asked")
	[ -z "$twice" ] || complain "$conf names twice: $twice"
	lost=$(comm -23 <(echo "$asked") <(echo "$given"))
	[ -z "$lost" ] || complain "$conf: no reason in REASONS.md for: $lost"
	stale=$(comm -13 <(echo "$asked") <(echo "$given"))
	[ -z "$stale" ] || complain "REASONS.md, $conf: no such option: $stale"
	wrong=$(grep -vnE '^(#.*|CONFIG_[A-Za-z0-9_]+=(y|n|-?[0-9]+|0x[0-9a-f]+|".*"))?$' "$conf" || true)
	[ -z "$wrong" ] || complain "$conf: not an option line: $wrong"
done

mute=$(awk -F '|' '/^\| `/ && split($3, words, " ") < 2 { print $2 $3 }' REASONS.md)
[ -z "$mute" ] || complain "REASONS.md: a reason is more than one word: $mute"

for patch in patches/*.patch; do
	changed=$(grep -cE '^[+-]([^+-]|$)' "$patch" || true)
	[ "$changed" -lt 12 ] || complain "$patch changes $changed lines; the limit is 11"
	[ "$(sed '/^--- /q' "$patch" | wc -l)" -ge 4 ] || complain "$patch does not say why"
done
exit $bad
