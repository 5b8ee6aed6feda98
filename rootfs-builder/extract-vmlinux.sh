#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Takes the ELF kernel out of an x86 bzImage, so that the VM can enter it directly (PVH) and no
# decompressor runs in the guest. Reads the place of the payload from the boot header (Linux x86
# boot protocol, fields setup_sects, payload_offset, payload_length); never guesses by magic.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

usage="usage: extract-vmlinux.sh BZIMAGE VMLINUX"
case "${1:-}" in
--help | -h)
	echo "$usage"
	exit 0
	;;
esac
[ $# -eq 2 ] || die "$usage"
img=$1
out=$2

u() { # u TYPE OFFSET: one unsigned number from the image
	od -An "-t$1" -j "$2" -N "${1#u}" "$img" | tr -d ' '
}

[ -r "$img" ] || die "cannot read $img"
if [ "$(od -An -c -j 56 -N 4 "$img" | tr -d ' ')" = 'ARMd' ]; then
	cp "$img" "$out" # an arm64 Image is what a VM loads; there is nothing to unpack
	exit 0
fi
[ "$(od -An -c -j 514 -N 4 "$img" | tr -d ' ')" = HdrS ] || die "$img is not a bzImage"
[ "$(u u2 518)" -ge 520 ] || die "$img: boot protocol older than 2.08 does not tell where the kernel is"

setup=$(u u1 497)
[ "$setup" -ne 0 ] || setup=4
start=$(((setup + 1) * 512 + $(u u4 584)))
length=$(u u4 588)
magic=$(od -An -tx1 -j "$start" -N 6 "$img" | tr -d ' ')
# Every format but gzip (which carries its own) is followed by the unpacked size in four bytes.
size=$(u u4 $((start + length - 4)))
case $magic in
02214c18*) tool="lz4 -dcq" trailer=4 ;;
fd377a585a00) tool="xz -dcq" trailer=4 ;;
28b52ffd*) tool="zstd -dcq" trailer=4 ;;
1f8b*) tool="gzip -dcq" trailer=0 ;;
*) die "$img: unknown compression, payload starts with $magic" ;;
esac
need "${tool%% *}"

tail -c +$((start + 1)) "$img" | head -c $((length - trailer)) | $tool >"$out" ||
	[ "${PIPESTATUS[2]}" -eq 0 ] || die "$img: '$tool' failed"
[ "$(head -c 4 "$out" | od -An -tx1 | tr -d ' ')" = 7f454c46 ] || die "$img: payload is not an ELF file"
[ "$(stat -c %s "$out")" -eq "$size" ] ||
	die "$img: unpacked to $(stat -c %s "$out") bytes, the header says $size"
