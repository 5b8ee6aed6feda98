#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the guest's root as a raw disk: one MBR, partition 1 at 1 MiB to the end, ext4 of 4096-byte
# blocks, read-only in use. The same inputs give the same bytes. Boots only with a kernel that has
# its disk driver and ext4 built in (the tuned one), because nothing can load a module before root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

usage="usage: image.sh --output FILE --init FILE --agent FILE [--with SET]...   (see rootfs.sh)"
output='' args=()
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h)
		echo "$usage"
		exit 0
		;;
	--output) output=${2:?$usage} && shift ;;
	*) args+=("$1") ;;
	esac
	shift
done
[ -n "$output" ] || die "$usage"
need mke2fs debugfs truncate

# Never 0: libext2fs takes that for "not given" and uses the clock.
epoch=${SOURCE_DATE_EPOCH:-1}
# Any fixed value will do: the image is shared by all VMs and never mounted twice in one.
uuid=70697468-0000-4000-8000-000000000001
mib=1048576
tree=$output.tree
part=$output.part

"$here/rootfs.sh" --out "$tree" "${args[@]}"

# The tree itself, for mke2fs -d. Device nodes are left out: the kernel mounts devtmpfs on a disk root.
stage() {
	local type mode path arg

	while IFS=$'\t' read -r type mode path arg; do
		case $type in
		d) mkdir -m "$mode" "$tree/root$path" ;;
		l) ln -s "$arg" "$tree/root$path" ;;
		f) install -m "$mode" "$arg" "$tree/root$path" ;;
		esac
	done <"$tree/tree.list"
	find "$tree/root" -exec touch -h -d "@$epoch" {} +
}
mkdir -m 0755 "$tree/root"
stage

# A quarter above the contents plus the journal and fixed overhead; whole 2 MiB, as pmem needs.
used=$(du -s --apparent-size --block-size=1 "$tree/root" | cut -f 1)
size=$(((used * 5 / 4 / mib / 2 + 4) * 2))
rm -f "$part"
truncate -s ${size}M "$part"
# A journal, although nothing is ever written: hosts mount with data=ordered, which ext4 refuses without.
E2FSPROGS_FAKE_TIME=$epoch mke2fs -q -t ext4 -b 4096 -m 0 -N 512 -U "$uuid" -L pith-root \
	-O ^resize_inode -J size=4 -E "hash_seed=$uuid,root_owner=0:0,nodiscard,lazy_itable_init=0" \
	-d "$tree/root" "$part"
# mke2fs keeps the builder's uid and the present time of what it copies; the image has root and ours.
{
	find "$tree/root" -mindepth 1 -printf '/%P\n' | sort | while read -r path; do
		printf 'sif %s uid 0\nsif %s gid 0\n' "$path" "$path"
		printf 'sif %s ctime @%d\nsif %s atime @%d\n' "$path" "$epoch" "$path" "$epoch"
		printf 'sif %s crtime @%d\n' "$path" "$epoch"
		printf 'sif %s ctime_extra 0\nsif %s atime_extra 0\nsif %s crtime_extra 0\n' "$path" "$path" "$path"
	done
} | E2FSPROGS_FAKE_TIME=$epoch debugfs -w -f - "$part" >/dev/null 2>"$tree/debugfs.log" ||
	die "debugfs: $(cat "$tree/debugfs.log")"

# le32 NUMBER: as printf escapes
le32() {
	printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}

# One entry at 446: active, no CHS (all ones: too large), type 0x83, first sector, sectors.
mbr() {
	head -c 446 /dev/zero
	printf "\\x80\\xfe\\xff\\xff\\x83\\xfe\\xff\\xff$(le32 2048)$(le32 $((size * 2048)))"
	head -c 48 /dev/zero
	printf '\x55\xaa'
	head -c $((mib - 512)) /dev/zero
}
mbr >"$output.new"
cat "$part" >>"$output.new"
mv "$output.new" "$output"
mv "$tree/manifest.tsv" "$output.manifest.tsv"
rm -rf "$tree" "$part"
"$here/report.sh" "$output" "$output.manifest.tsv"
