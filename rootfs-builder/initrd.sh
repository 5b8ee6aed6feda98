#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds one initrd: root tree, archive, optional compression, manifest beside it, and a table of
# what went in. The same inputs give the same bytes. Everything but --compress and --output goes to
# rootfs.sh as it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

usage="usage: initrd.sh --output FILE [--compress gzip|zstd|lz4] --init FILE --agent FILE
                 [--kernel DIR] [--with SET]...    (see rootfs.sh)"
output='' compress=cat args=()
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h)
		echo "$usage"
		exit 0
		;;
	--output) output=${2:?$usage} && shift ;;
	--compress)
		case ${2:-} in
		gzip) compress="gzip -n -9" ;;
		zstd) compress="zstd -q -19 -T1" ;;
		lz4) compress="lz4 -q -l -9" ;; # the legacy frame is the one the kernel reads
		*) die "$usage" ;;
		esac
		shift
		;;
	*) args+=("$1") ;;
	esac
	shift
done
[ -n "$output" ] || die "$usage"
need "${compress%% *}"

tree=$output.tree
"$here/rootfs.sh" --out "$tree" "${args[@]}"
"$here/cpio.sh" "$tree/tree.list" | $compress >"$output.new"
mv "$output.new" "$output"
mv "$tree/manifest.tsv" "$output.manifest.tsv"
rm -rf "$tree"
"$here/report.sh" "$output" "$output.manifest.tsv"
