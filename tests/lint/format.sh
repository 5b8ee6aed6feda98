#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is exactly what clang-format prints.
. "$(dirname "$0")/lib.sh"
sources '*.c' '*.h' | xargs -r -P2 -n16 clang-format-14 --style=file --dry-run 2>&1 |
	grep -E '^[^ ]+:[0-9]+:[0-9]+: ' | cut -d: -f1,2 | sort -u |
	sed 's/$/: not in the house format (make format)/' | verdict
