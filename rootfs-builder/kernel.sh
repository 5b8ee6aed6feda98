#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Answers which kernel a VM should boot and where it is. The tuned one (kernel-config/build.sh) when
# it was built for the present fragments, patches, source and compiler; else Debian's packaged one,
# fetched when it is not cached. PITH_KERNEL=packaged or PITH_KERNEL=tuned decides otherwise.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

usage="usage: kernel.sh [--kernel packaged|tuned] which|path|modules|version|dir
  which    packaged or tuned
  path     the ELF file to boot
  modules  its module folder (lib/modules/RELEASE); empty for a kernel that needs none
  version  its release, as uname -r says it
  dir      the cache folder that holds it all"

kernel=${PITH_KERNEL:-}
case "${1:-}" in
--help | -h)
	echo "$usage"
	exit 0
	;;
--kernel)
	[ $# -eq 3 ] || die "$usage"
	kernel=$2
	shift 2
	;;
esac
[ $# -eq 1 ] || die "$usage"

tuned() {
	"$here/../kernel-config/build.sh" --cached 2>/dev/null
}

case $kernel in
'') if dir=$(tuned); then kernel=tuned; else
	kernel=packaged
	dir=$("$here/kernel-packaged.sh")
fi ;;
packaged) dir=$("$here/kernel-packaged.sh") ;;
tuned) dir=$(tuned) || die "the tuned kernel is not built: run 'make kernel'" ;;
*) die "unknown kernel '$kernel': packaged or tuned" ;;
esac

release=$(cat "$dir/release")
case $1 in
which) echo "$kernel" ;;
path) echo "$dir/vmlinux" ;;
modules) [ ! -d "$dir/modules" ] || echo "$dir/modules/lib/modules/$release" ;;
version) echo "$release" ;;
dir) echo "$dir" ;;
*) die "$usage" ;;
esac
