#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes a tree.list (see rootfs.sh) as an uncompressed newc cpio archive. The bytes depend on the
# list and on the contents of the files only: order, inode numbers, owner and times are ours, not
# the build machine's. Needs no root, not even for device nodes.
# Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case "${1:-}" in
--help | -h | '')
	echo "usage: cpio.sh TREE.LIST > ARCHIVE"
	exit 0
	;;
esac
epoch=${SOURCE_DATE_EPOCH:-0}

declare -A linked # file -> inode number shared with its hard links
while IFS=$'\t' read -r type _ _ target; do
	[ "$type" != h ] || linked[$target]=0
done <"$1"

pad() { # NULs up to a multiple of four
	local n=$(((4 - $1 % 4) % 4))

	[ $n -eq 0 ] || head -c $n /dev/zero
}

# header NAME INO MODE NLINK SIZE [MAJOR MINOR]
header() {
	local n=$((${#1} + 1))

	printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' \
		"$2" "$3" 0 0 "$4" "$epoch" "$5" 0 0 "${6:-0}" "${7:-0}" $n 0 "$1"
	pad $((110 + n))
}

ino=0
while IFS=$'\t' read -r type mode path arg; do
	name=${path#/}
	ino=$((ino + 1))
	case $type in
	d) header "$name" $ino $((0040000 | mode)) 2 0 ;;
	l)
		header "$name" $ino $((0120777)) 1 ${#arg}
		printf %s "$arg"
		pad ${#arg}
		;;
	n)
		IFS=: read -r _ major minor <<<"$arg"
		header "$name" $ino $((0020000 | mode)) 1 0 "$major" "$minor"
		;;
	h) # the archive's rule: the last name of a file carries its data
		linked[$arg]=$ino
		header "$name" $ino $((0100000 | mode)) 2 0
		;;
	f)
		size=0
		[ "$arg" = /dev/null ] || size=$(stat -Lc %s "$arg")
		header "$name" "${linked[$path]:-$ino}" $((0100000 | mode)) $((${linked[$path]+1} + 1)) "$size"
		[ "$size" -eq 0 ] || cat "$arg"
		pad "$size"
		;;
	*) die "$1: unknown entry type '$type'" ;;
	esac
done <"$1"
header 'TRAILER!!!' 0 0 1 0
