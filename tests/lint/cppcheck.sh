#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cppcheck over every C file; unchanged files come from its build folder.
. "$(dirname "$0")/lib.sh"
mkdir -p build/lint/cppcheck
sources '*.c' >build/lint/cppcheck.files
[ -s build/lint/cppcheck.files ] || exit 0
defs=(-D_GNU_SOURCE -D__linux__ -D__x86_64__ -Ulinux '-DPITH_VERSION="lint"')
# TEST() hides functions behind a constructor, so "unused" checks stay off; the libc model of
# cppcheck does not know cleanup attributes, hence no resource checks beyond the defaults.
timeout 600 cppcheck --quiet -j2 --enable=warning,performance,portability --inline-suppr --std=c11 \
	--suppressions-list="$here/cppcheck.suppress" --cppcheck-build-dir=build/lint/cppcheck \
	--template='{file}:{line}: {id}: {message}' --file-list=build/lint/cppcheck.files \
	-I. "${defs[@]}" 2>&1 | sort -u | verdict
