#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fetches Debian's cloud kernel package, unpacks it without installing it and keeps its ELF kernel
# and modules in the cache, outside the tree. Prints the folder: vmlinux, config, release (uname -r),
# version (package and version), modules/lib/modules/RELEASE. Needs no root. Never touches /boot.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

usage="usage: kernel-packaged.sh [--cached]
  --cached   only look: fail when the kernel is not in the cache"
cached=0
case "${1:-}" in
--help | -h)
	echo "$usage"
	exit 0
	;;
--cached) cached=1 ;;
'') ;;
*) die "$usage" ;;
esac

cache=$(kernel_cache)
meta=linux-image-cloud-$(guest_arch)

# Without package lists (offline, or before the first apt-get update) the newest cached one serves.
newest_cached() {
	local newest

	newest=$(find "$cache" -maxdepth 1 -name 'packaged-*' 2>/dev/null | sort -V | tail -n 1)
	[ -n "$newest" ] && echo "$newest"
}

pkg=$(apt_ask depends "$meta" | sed -n 's/^  Depends: \(linux-image-[0-9]\)/\1/p' | head -n 1)
if [ -z "$pkg" ]; then
	newest_cached && exit 0
	die "apt does not know $meta: run 'apt-get update', or build one with 'make kernel'"
fi
release=${pkg#linux-image-}
version=$(apt_candidate "$pkg")
# Raised when this script starts to make something else of the same package.
RECIPE=1
key=$(sha256sum <<<"$RECIPE $pkg $version" | head -c 12)
dest=$cache/packaged-$release-$key

if [ -e "$dest/vmlinux" ]; then
	echo "$dest"
	exit 0
fi
[ $cached -eq 0 ] || exit 1

need apt-get dpkg-deb lz4 xz zstd depmod flock
mkdir -p "$cache"
take_lock "$cache/packaged.lock"
if [ -e "$dest/vmlinux" ]; then
	echo "$dest"
	exit 0
fi

tmp=$(mktemp -d "$cache/.packaged.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
say "fetching $pkg $version"
# The download runs as ourselves: apt's own user may not write into the cache.
if ! (cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download "$pkg=$version" >&2); then
	say "cannot download $pkg $version"
	# Old lists name packages that the archive has replaced: look again, once.
	if [ -z "${PITH_LISTS_UPDATED:-}" ] && [ "$(id -u)" -eq 0 ] && apt-get -qq update >&2; then
		rm -rf "$tmp"
		exec {LOCK_FD}>&-
		PITH_LISTS_UPDATED=1 exec "$0"
	fi
	newest_cached && say "going on with an older one" && exit 0
	die "no kernel is cached; is the network there?"
fi
dpkg-deb -x "$tmp"/*.deb "$tmp/deb"
"$here/extract-vmlinux.sh" "$tmp/deb/boot/vmlinuz-$release" "$tmp/vmlinux"

new=$tmp/new
mkdir -p "$new/modules/lib"
mv "$tmp/vmlinux" "$new/vmlinux"
mv "$tmp/deb/lib/modules" "$new/modules/lib/modules"
mv "$tmp/deb/boot/config-$release" "$new/config"
depmod -b "$new/modules" "$release"
echo "$release" >"$new/release"
echo "$pkg $version" >"$new/version"
publish "$new" "$dest"
echo "$dest"
