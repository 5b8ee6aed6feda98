#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: run.sh [BUILD_DIR] [FILE.bats...]    TAP on standard output; BUILD_DIR is build/release
# Every file with both kernels; what depends on control groups also with v1. The tuned kernel takes
# 15 minutes to build, so it is tested where it is in the cache, and skipped visibly where not.
#   VM_GUESTS="packaged-v2 tuned-v1"   only these guests
set -euo pipefail
cd "$(dirname "$0")/../.."
[ ! -d "${1:-}" ] || { O=$1 && shift; }
export O=${O:-build/release}
files=("${@:-}")
[ -n "${files[0]}" ] || files=(tests/vm/*.bats)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The default image has no shell; a second one with it for tests that must act on the agent.
images() { # KERNEL
	local modules=()
	VM_KERNEL=$(rootfs-builder/kernel.sh --kernel "$1" path) || return
	[ "$1" = tuned ] || modules=(--kernel "$(rootfs-builder/kernel.sh --kernel "$1" dir)")
	VM_INITRD=$dir/$1.cpio
	VM_DEBUG_INITRD=$dir/$1-debug.cpio
	for set in '' debug; do
		[ -e "$dir/$1${set:+-$set}.cpio" ] ||
			rootfs-builder/initrd.sh --output "$dir/$1${set:+-$set}.cpio" --init "$O/bin/pith-init" \
				--agent "$O/bin/pith-agent" "${modules[@]}" ${set:+--with "$set"} >"$dir/log" 2>&1 || {
			cat "$dir/log" >&2
			return 1
		}
	done
	export VM_KERNEL VM_INITRD VM_DEBUG_INITRD
}
# Files for a guest: v1 is about control groups.
wanted() { # CGROUP
	if [ "$1" = v2 ]; then
		printf '%s\n' "${files[@]}"
	else
		printf '%s\n' "${files[@]}" | grep -E '/guest\.bats$' || true
	fi
}

guests=${VM_GUESTS:-packaged-v2 packaged-v1 tuned-v2 tuned-v1}
total=0
for guest in $guests; do
	mapfile -t list < <(wanted "${guest#*-}")
	[ ${#list[@]} -eq 0 ] || total=$((total + $(bats --count "${list[@]}")))
done
echo "1..$total"
number=0
failed=0
for guest in $guests; do
	mapfile -t list < <(wanted "${guest#*-}")
	[ ${#list[@]} -gt 0 ] || continue
	count=$(bats --count "${list[@]}")
	if ! images "${guest%-*}" 2>"$dir/why"; then
		for _ in $(seq "$count"); do
			number=$((number + 1))
			echo "ok $number $guest # SKIP $(tail -n 1 "$dir/why")"
		done
		continue
	fi
	export VM_CGROUP=${guest#*-}
	bats --tap --print-output-on-failure "${list[@]}" </dev/null |
		awk -v n="$number" -v guest="$guest" '
			/^1\.\.[0-9]+$/ { next }
			/^(not )?ok [0-9]+ / {
				result = $1 == "not" ? "not ok" : "ok"
				sub(/^(not )?ok [0-9]+ /, "")
				print result, ++n, guest ": " $0
				fflush()
				next
			}
			{ print; fflush() }' || failed=1
	number=$((number + count))
done
exit $failed
