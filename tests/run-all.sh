#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: run-all.sh    (by make test)
# Every layer of tests, counted one test at a time; the last line is "N passed, N failed, N skipped".
#   LAYERS="unit asan ..."   only these
#   SKIP="vm image ..."      all but these; each counts as skipped, by request
set -u
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob
taps=build/tap
jobs=-j$(nproc)
rm -rf "$taps"
mkdir -p "$taps"

# One test that stands for a layer which could not even start.
broken() { # LAYER WHAT
	mkdir -p "$taps/$1"
	printf '1..1\nnot ok 1 - %s: %s\n' "$1" "$2" >"$taps/$1/layer.tap"
	echo "$1: FAILED: $2"
}

build() { # LAYER MAKE_ARGS...
	local layer=$1
	shift
	make --no-print-directory "$jobs" "$@" >"$taps/$layer.build.log" 2>&1 && return
	tail -n 40 "$taps/$layer.build.log"
	broken "$layer" "the build (make $*)"
	return 1
}

# Tests of a folder: its run.sh when it has one (TAP on stdout), else its bats files.
folder() { # LAYER BUILD_DIR
	local layer=$1 dir=tests/$1 tests
	export O=$2 TAP_DIR=$taps/$1 TAP_TIMEOUT=1500
	mkdir -p "$TAP_DIR"
	if [ -x "$dir/run.sh" ]; then
		tests/tap-save.sh "$dir/run.sh" "$O"
		return
	fi
	tests=("$dir"/*.bats)
	[ ${#tests[@]} -gt 0 ] || { broken "$layer" "no tests in $dir"; return; }
	for t in "${tests[@]}"; do
		tests/tap-save.sh "$t" --tap
	done
}

layer_unit() {
	build unit MODE=debug all tests || return
	tests/run-unit.sh build/debug
	cp -r build/debug/tap/unit "$taps/unit"
}
layer_asan() {
	build asan MODE=asan all tests || return
	tests/run-unit.sh build/asan
	cp -r build/asan/tap/unit "$taps/asan"
}
layer_fuzz() {
	build fuzz MODE=asan fuzzers || return
	tests/run-fuzz.sh build/asan
	cp -r build/asan/tap/fuzz "$taps/fuzz"
}
layer_rpc() { build rpc MODE=asan all && folder rpc build/asan; }
layer_image() { build image MODE=release all && folder image build/release; }
layer_vm() { build vm MODE=release all initrd && folder vm build/release; }

for layer in unit asan rpc fuzz image vm; do
	case " ${LAYERS:-$layer} " in *" $layer "*) ;; *) continue ;; esac
	start=$SECONDS
	echo "== $layer"
	case " ${SKIP:-} " in
	*" $layer "*)
		mkdir -p "$taps/$layer"
		echo "1..0 # SKIP by request" >"$taps/$layer/layer.tap"
		echo "$layer: skipped by request"
		;;
	*) "layer_$layer" </dev/null ;;
	esac
	echo "== $layer took $((SECONDS - start)) s"
done
echo "== all layers"
tests/tap-count.sh "$taps"/*/*.tap
