#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The kernel side of the builder: taking the ELF out of a bzImage, and noticing dropped options.
# Makes its own small images and configurations; needs neither root, network nor a kernel source.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	T=$BATS_TEST_TMPDIR
	{
		printf '\x7fELF'
		seq 1 20000
	} >"$T/elf"
	mkdir -p "$T/check"
	cp kernel-config/check.sh "$T/check"
	mkdir -p "$T/rootfs-builder"
	cp rootfs-builder/lib.sh "$T/rootfs-builder"
}

le32() {
	printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}

# bzimage PAYLOAD: boot sector, four setup sectors, 100 bytes of decompressor, payload, more bytes
bzimage() {
	head -c 497 /dev/zero
	printf '\x04'
	head -c 16 /dev/zero
	printf 'HdrS'
	printf '\x0f\x02'
	head -c $((584 - 520)) /dev/zero
	le32 100
	le32 "$(stat -c %s "$1")"
	head -c $((5 * 512 + 100 - 592)) /dev/zero
	cat "$1"
	head -c 5000 /dev/urandom
}

# sized FILE: the payload with the unpacked size behind it, as the kernel's build appends it
sized() {
	cat "$1"
	le32 "$(stat -c %s "$T/elf")"
}

extract() {
	bzimage "$1" >"$T/bz"
	rootfs-builder/extract-vmlinux.sh "$T/bz" "$T/out"
}

@test "the ELF is taken out of lz4, xz, zstd and gzip images, whatever follows it" {
	lz4 -l -q "$T/elf" "$T/c" && sized "$T/c" >"$T/p" && extract "$T/p" && cmp "$T/elf" "$T/out"
	xz -c --check=crc32 "$T/elf" >"$T/c" && sized "$T/c" >"$T/p" && extract "$T/p" && cmp "$T/elf" "$T/out"
	zstd -q -f "$T/elf" -o "$T/c" && sized "$T/c" >"$T/p" && extract "$T/p" && cmp "$T/elf" "$T/out"
	gzip -n -c "$T/elf" >"$T/p" && extract "$T/p" && cmp "$T/elf" "$T/out"
}

@test "an image that unpacks to another size than it says is refused" {
	gzip -n -c "$T/elf" >"$T/p"
	bzimage "$T/p" >"$T/bz"
	printf '\x01\x02\x03\x04' >"$T/wrong"
	xz -c --check=crc32 "$T/elf" >"$T/c"
	cat "$T/c" "$T/wrong" >"$T/p"
	run ! extract "$T/p"
	[[ $output == *"the header says"* ]]
}

@test "a file that is no kernel and a payload that is no ELF are refused" {
	run ! rootfs-builder/extract-vmlinux.sh "$T/elf" "$T/out"
	[[ $output == *"not a bzImage"* ]]
	seq 1 2000 >"$T/elf"
	gzip -n -c "$T/elf" >"$T/p"
	run ! extract "$T/p"
	[[ $output == *"not an ELF"* ]]
}

@test "an option that Kconfig dropped fails the check by name" {
	: >"$T/check/known-differences.list"
	printf 'CONFIG_A=y\nCONFIG_B=n\nCONFIG_C="x=y"\n' >"$T/want"
	printf 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x=y"\n' >"$T/got"
	"$T/check/check.sh" x86_64 "$T/want" "$T/got"
	printf '# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_C="x=y"\n' >"$T/got"
	run ! "$T/check/check.sh" x86_64 "$T/want" "$T/got"
	[[ $output == *"CONFIG_A asked for y, got n"* ]]
	[[ $output == *"CONFIG_B asked for n, got y"* ]]
}

@test "a known difference passes for its architecture only, and not once it is gone" {
	echo 'aarch64 A y n because' >"$T/check/known-differences.list"
	echo 'CONFIG_A=y' >"$T/want"
	echo '# CONFIG_A is not set' >"$T/got"
	"$T/check/check.sh" aarch64 "$T/want" "$T/got"
	run ! "$T/check/check.sh" x86_64 "$T/want" "$T/got"
	echo 'CONFIG_A=y' >"$T/got"
	run ! "$T/check/check.sh" aarch64 "$T/want" "$T/got"
	[[ $output == *"known difference is gone"* ]]
}

@test "every option has its reason" {
	tests/lint/kernel.sh
}

@test "asking for a kernel that is not built names the command that builds it" {
	XDG_CACHE_HOME=$T PITH_KERNEL=tuned run ! rootfs-builder/kernel.sh path
	[[ $output == *"make kernel"* ]]
	PITH_KERNEL=other run ! rootfs-builder/kernel.sh path
	[[ $output == *"unknown kernel 'other'"* ]]
}

@test "without package lists the newest cached kernel serves, and without a cache the reason is told" {
	printf 'Dir::State "%s/none/";\nDir::Cache "%s/none/";\n' "$T" "$T" >"$T/apt.conf"
	export APT_CONFIG=$T/apt.conf XDG_CACHE_HOME=$T
	mkdir -p "$T/none" "$T/pith/kernel/packaged-6.1.0-9-x" "$T/pith/kernel/packaged-6.1.0-10-x"
	echo 6.1.0-10-x >"$T/pith/kernel/packaged-6.1.0-10-x/release"
	[ "$(rootfs-builder/kernel.sh --kernel packaged path)" = "$T/pith/kernel/packaged-6.1.0-10-x/vmlinux" ]
	[ "$(rootfs-builder/kernel.sh --kernel packaged version)" = 6.1.0-10-x ]
	rm -r "$T/pith"
	run ! rootfs-builder/kernel.sh --kernel packaged path
	[[ $output == *"apt-get update"* ]]
}

@test "an option without a reason, a reason without an option and a mute reason are found" {
	mkdir -p "$T/tests/lint"
	cp tests/lint/kernel.sh "$T/tests/lint"
	cp -r kernel-config "$T"
	echo 'CONFIG_PLANTED=y' >>"$T/kernel-config/base.conf"
	sed -i 's/^| `SMP` | .*/| `SMP` | y |/' "$T/kernel-config/REASONS.md"
	echo '| `UNASKED` | nobody wants it |' >>"$T/kernel-config/REASONS.md"
	run ! "$T/tests/lint/kernel.sh"
	[[ $output == *"no reason in REASONS.md for: PLANTED"* ]]
	[[ $output == *"more than one word: "*SMP* ]]
	[[ $output == *"no such option: UNASKED"* ]]
}
