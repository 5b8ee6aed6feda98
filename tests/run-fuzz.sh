#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: run-fuzz.sh BUILD_DIR
# Replays fuzz/corpus/NAME/ through every fuzz_NAME, as TAP. A target without a corpus fails.
set -u
out=${1:?usage: run-fuzz.sh BUILD_DIR}
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob
srcs=(fuzz/fuzz_*.c)
mkdir -p "$out/tap/fuzz"
{
	echo "1..${#srcs[@]}"
	i=0
	for src in "${srcs[@]}"; do
		i=$((i + 1))
		name=$(basename "$src" .c)
		corpus=fuzz/corpus/${name#fuzz_}
		files=("$corpus"/*)
		if [ ${#files[@]} -eq 0 ]; then
			echo "not ok $i - $name has no corpus in $corpus"
		elif log=$(timeout 120 "$out/fuzz/$name" "${files[@]}" 2>&1); then
			echo "ok $i - $name over ${#files[@]} inputs"
		else
			echo "$log" | tail -n 60 | sed 's/^/# /'
			echo "not ok $i - $name"
		fi
	done
} | tee "$out/tap/fuzz/replay.tap"
tests/tap-count.sh "$out/tap/fuzz/replay.tap"
