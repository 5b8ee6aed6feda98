#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: run.sh BUILD_DIR
# The agent as a host sees it, without a VM. Prints TAP. Needs root.
out=${1:?usage: run.sh BUILD_DIR}
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
exec "$out/bin/rpc-tests" "$out/bin/pith-agent"
