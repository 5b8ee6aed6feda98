#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone.
. "$(dirname "$0")/lib.sh"
export FLAGS="${flags[*]}"
sources '*.h' | xargs -r -P2 -I{} bash -c '
	# The name of the header is data: only the flags are split.
	printf "#include \"%s\"\n" "$1" | gcc $FLAGS -Wall -x c -fsyntax-only - >/tmp/lint.$$ 2>&1 ||
		{ echo "$1: does not compile alone"; grep -m1 error: /tmp/lint.$$; }
	rm -f /tmp/lint.$$' _ {} | verdict
