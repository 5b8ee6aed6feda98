#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: run.sh BUILD_DIR [ROUNDS]    (by make bench)
# Everything is measured here, now, on this machine, and told as a ratio to a floor of the same run:
# a bare static init for the boot, bare C programs and raw vsock inside the guest for the rest.
# PITH_KERNEL=packaged|tuned chooses the kernel; without it every kernel that is there is measured.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?usage: run.sh BUILD_DIR [ROUNDS]} rounds=${2:-5}
bin=$PWD/$out/bin
work=$(mktemp -d)
vm=bench-$$
trap '"$bin/pith-vm" stop --force "$vm" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

say() { printf '%s\n' "$*"; }
die() { echo "bench: $*" >&2 && exit 1; }

# The initrd of the floors: the benchmark's guest program as /init and nothing else.
floor_initrd() {
	mkdir -p "$work/floor/dev"
	strip -o "$work/floor/init" "$bin/pith-bench-guest"
	mknod "$work/floor/dev/console" c 5 1
	(cd "$work/floor" && find . | cpio -o -H newc --quiet) >"$work/floor.cpio"
}

# The guest's own initrd plus the floor server and a root of a few programs.
bench_initrd() { # KERNEL
	local root=/opt/bench/rootfs modules=()

	{
		echo "exec /usr/bin/pith-bench-guest $bin/pith-bench-guest"
		for program in true sleep source; do
			echo "exec $root/bin/$program $bin/pith-bench-guest"
		done
		for dir in proc dev sys tmp; do
			echo "dir 0755 $root/$dir"
		done
	} >"$work/bench.conf"
	[ "$1" = tuned ] || modules=(--kernel "$(rootfs-builder/kernel.sh --kernel "$1" dir)")
	rootfs-builder/initrd.sh --output "$work/bench.cpio" --init "$bin/pith-init" \
		--agent "$bin/pith-agent" --with "$work/bench.conf" "${modules[@]}" >"$work/initrd.log"
}

# Guest milliseconds from the kernel's first instruction to a bare init, best of the rounds.
boot_floor() { # VMLINUX WORDS
	local i

	for ((i = 0; i < rounds; i++)); do
		timeout 60 qemu-system-x86_64 -machine q35,sata=off,smbus=off,vmport=off,smm=off,i8042=off \
			-accel tcg -cpu max,-erms -smp 1 -m 512 -nodefaults -no-user-config -display none \
			-no-reboot -serial stdio -kernel "$1" -initrd "$work/floor.cpio" -append "$2" </dev/null |
			sed -n 's/.*floor: init \([0-9.]*\) ms.*/\1/p'
	done | sort -n | head -n 1
}

# Ours until the agent answers its first Check: "INIT READY" in guest milliseconds, best of the rounds.
boot_ours() { # VMLINUX INITRD
	local i

	for ((i = 0; i < rounds; i++)); do
		"$bin/pith-vm" start --name "$vm" --kernel "$1" --initrd "$2" --append pith.timeline >/dev/null
		# The timeline is printed while the agent answers already.
		timeout 20 tail -n +1 -f "/run/pith/vm/$vm/console.log" | sed '/^timeline ready/q' >"$work/console"
		"$bin/pith-vm" stop "$vm" >/dev/null 2>&1 || true
		tr -d '\r' <"$work/console" | awk '
			/^timeline init / { init = $3 }
			/^timeline ready / { print init, $3 }'
	done | sort -n -k 2 | head -n 1
}

size_kb() { # FILE
	awk -v n="$(stat -Lc %s "$1")" 'BEGIN { printf "%.1f", n / 1000 }'
}

ratio() { # NAME OURS FLOOR UNIT
	awk -v n="$1" -v o="$2" -v f="$3" -v u="$4" 'BEGIN {
		printf "%-46s %12.1f %12.1f %-8s %6.2f\n", n, o, f, u, o / f }'
}

sizes() {
	local p

	for p in pith-init pith-agent pith-ctl pith-vm pith-vsockd; do
		strip -o "$work/stripped" "$bin/$p"
		printf '%-46s %12s %12s kB\n' "$p, stripped" "$(size_kb "$work/stripped")" -
	done
}

measure() { # KERNEL
	local kernel vmlinux initrd words floor ours

	kernel=$1
	vmlinux=$(rootfs-builder/kernel.sh --kernel "$kernel" path)
	make --no-print-directory -s MODE=release "$out/pith-initrd-$kernel.cpio" >/dev/null
	initrd=$PWD/$out/pith-initrd-$kernel.cpio
	say
	say "== $kernel kernel ($(rootfs-builder/kernel.sh --kernel "$kernel" version)), TCG, 1 vCPU"
	printf '%-46s %12s %12s kB\n' "initrd" "$(size_kb "$initrd")" -
	printf '%-46s %12s %12s kB\n' "initrd, zstd -19" "$(zstd -q -19 -c "$initrd" >"$work/z" && size_kb "$work/z")" -

	words=$("$bin/pith-vm" run --kernel "$vmlinux" --initrd "$initrd" -- cat /proc/cmdline)
	floor=$(boot_floor "$vmlinux" "$words")
	ours=$(boot_ours "$vmlinux" "$initrd")
	[ -n "$floor" ] && [ -n "$ours" ] || die "a boot gave no figure"
	ratio "boot: PID 1 entered, against a bare init" "${ours% *}" "$floor" ms
	ratio "boot: agent ready, against a bare init" "${ours#* }" "$floor" ms

	bench_initrd "$kernel"
	"$bin/pith-vm" start --name "$vm" --kernel "$vmlinux" --initrd "$work/bench.cpio" \
		--append pith.agent=/usr/bin/pith-bench-guest >/dev/null
	"$bin/pith-bench" "/run/pith/vm/$vm/vsock.sock"
	"$bin/pith-vm" stop "$vm" >/dev/null 2>&1 || true
}

floor_initrd
say "== programs"
sizes
if [ -n "${PITH_KERNEL:-}" ]; then
	measure "$PITH_KERNEL"
else
	measure packaged
	[ "$(rootfs-builder/kernel.sh which)" != tuned ] || measure tuned
fi
