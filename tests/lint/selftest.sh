#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A check that cannot fail is worth nothing: each is shown a planted violation, and a clean tree.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
spdx='/* SPDX-License-Identifier: Apache-2.0 */'
rc=0

fresh() {
	rm -rf "${dir:?}"/*
	mkdir -p "$dir"/{base,init,container,build/debug/container,build/gen}
	cp "$top"/{.clang-format,.clang-tidy} "$dir"
	cp "$top"/base/{banned,cleanup,err}.h "$dir/base"
	printf '%s\n#include <stddef.h>\n\nint err_one(size_t n);\n\nint err_one(size_t n)\n{\n\treturn n > 1;\n}\n' "$spdx" >"$dir/base/one.c"
}
run() { LINT_ROOT=$dir O=$dir/build/debug "$here/$1.sh" >"$dir/.out" 2>&1; }
compile() { gcc -c -o "$dir/$2" -x c - <<<"$1" && { [ -z "${3:-}" ] || ar rcs "$dir/build/debug/lib$3.a" "$dir/$2"; }; }
expect() { # CHECK WHAT RESULT
	run "$1"
	[ $? -eq "$3" ] && return
	echo "$1 $([ "$3" -eq 0 ] && echo complained about || echo did not see) $2"
	sed 's/^/    /' "$dir/.out"
	rc=1
}
plant() { # CHECK FILE TEXT: the check is silent before and speaks after
	expect "$1" "a clean tree" 0
	printf '%s\n%b' "$spdx" "$3" >"$dir/$2"
	expect "$1" "$2" 1
	fresh
}

fresh
plant format base/two.c 'int  x ;\n'
plant deps base/two.c '#include "init/steps.h"\n'
plant deps nowhere.c '#include "base/err.h"\n'
plant deps init/two.c '#include "steps.h"\n'
plant size base/two.c "$(printf 'int x%s;\\n' $(seq 801))"
plant size base/two.c "int f(void)\n{\n$(printf '\\tx = %s;\\n' $(seq 101))}\n"
plant size base/utils.c 'int x;\n'
plant headers base/two.h 'size_t f(void);\n'
plant doc base/two.h '\nint err_two(void);\n'
plant doc base/two.h '\n/* Keeps it. */\nint err_fd_take(int fd);\n'
plant comments base/two.c 'int x; // why\n'
plant comments base/two.sh 'echo TODO\n'
plant tidy base/two.c 'int err_two(int x);\n\nint err_two(int x)\n{\n\treturn x == 0 ? 1 / x : x;\n}\n'
plant cppcheck base/two.c 'int err_two(void);\nint err_two(void)\n{\n\tint a[2] = {0, 1};\n\treturn a[3];\n}\n'

compile 'int err_x;' build/debug/one.o base
expect prefix "a clean library" 0
compile 'int cgroup_init;' build/debug/one.o base
expect prefix "a symbol of libcgroup's name" 1
compile 'int cgroup_init;' build/debug/two.o agent
rm "$dir/build/debug/libbase.a"
expect prefix "a symbol of libcgroup's name in a program" 1
fresh
compile 'long write(int, const void *, unsigned long); long child_x(void) { return write(1, "", 0); }' build/debug/container/child.o
expect child_syms "a system call" 0
compile 'void *malloc(unsigned long); void *child_x(void) { return malloc(1); }' build/debug/container/child.o
expect child_syms "malloc in the child" 1
exit $rc
