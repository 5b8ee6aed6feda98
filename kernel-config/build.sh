#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the tuned guest kernel from Debian's linux-source package, our fragments and our patches,
# and keeps it in the cache under a key made of all of these and the compiler. Prints the folder:
# vmlinux, config, System.map, release, version, build.log. Needs no root. An interrupted build goes
# on where it stopped.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../rootfs-builder/lib.sh"

usage="usage: build.sh [--cached | --config DIR [--arch ARCH]] [FRAGMENT]...
  --cached      only look: print the folder, or fail when it is not built
  --config DIR  only configure into DIR and check; with --arch also for aarch64 on another machine
  FRAGMENT      optional fragments on top of base and the architecture: debug, hardening, lsm"

source_pkg=linux-source-6.12
mode=build config_dir='' arch=$(uname -m) extra=()
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h)
		echo "$usage"
		exit 0
		;;
	--cached) mode=cached ;;
	--config)
		mode=config
		config_dir=${2:?$usage}
		shift
		;;
	--arch)
		arch=${2:?$usage}
		shift
		;;
	-*) die "unknown argument '$1'
$usage" ;;
	*)
		[ -r "$here/$1.conf" ] || die "no fragment '$1'"
		extra+=("$1")
		;;
	esac
	shift
done
case $arch in
x86_64) karch=x86_64 target=vmlinux ;;
aarch64) karch=arm64 target=Image ;;
*) die "no fragment for architecture '$arch'" ;;
esac

fragments=("$here/base.conf" "$here/$arch.conf")
for name in "${extra[@]}"; do
	fragments+=("$here/$name.conf")
done
cache=$(kernel_cache)

# The options asked for: the last line for an option counts, comments and order do not.
options() {
	awk -F = '/^CONFIG_/ { last[$1] = $0 } END { for (o in last) print last[o] }' "${fragments[@]}" | sort
}

# Exactly what decides the result; the .config follows from these. RECIPE is raised when this script
# starts to make something else of the same inputs.
RECIPE=1
version=$(apt_candidate $source_pkg)
inputs() {
	echo "$RECIPE $arch $source_pkg $version"
	gcc -dumpfullversion
	ld --version | head -n 1
	options
	cat "$here"/patches/*.patch
}

if [ $mode = cached ]; then
	command -v gcc >/dev/null && [ -n "$version" ] || exit 1
	dest=$cache/tuned-$version-$(inputs | sha256sum | head -c 12)
	[ -e "$dest/vmlinux" ] && echo "$dest"
	exit
fi

need apt-get dpkg-deb tar xz gcc ld make flex bison bc patch strip flock
[ -n "$version" ] || die "apt does not know $source_pkg: run 'apt-get update' (bookworm-security has it)"
[ -e /usr/include/libelf.h ] || die "missing libelf-dev ('make deps' installs it)"
key=$(inputs | sha256sum | head -c 12)
dest=$cache/tuned-$version-$key
mkdir -p "$cache"

# Names in the result that would otherwise be those of this machine and minute.
export KBUILD_BUILD_TIMESTAMP='Thu Jan 1 00:00:00 UTC 1970' KBUILD_BUILD_USER=pith \
	KBUILD_BUILD_HOST=pith KBUILD_BUILD_VERSION=1

# unpack DIR: the package's sources with our patches, once
unpack() {
	local p

	[ ! -e "$1/.pith-ready" ] || return 0
	rm -rf "$1" "$1.deb"
	mkdir -p "$1" "$1.deb"
	say "fetching $source_pkg $version"
	(cd "$1.deb" && apt-get -qq -o APT::Sandbox::User=root download "$source_pkg=$version" >&2) ||
		die "cannot download $source_pkg $version"
	say "unpacking"
	dpkg-deb --fsys-tarfile "$1.deb"/*.deb | tar -xO "./usr/src/$source_pkg.tar.xz" |
		tar -xJ --strip-components=1 -C "$1"
	rm -rf "$1.deb"
	for p in "$here"/patches/*.patch; do
		patch -s -d "$1" -p1 <"$p" || die "$(basename "$p") does not apply to $version"
	done
	touch "$1/.pith-ready"
}

# configure SRC OBJ: everything off but the fragments, then look that nothing was dropped
configure() {
	mkdir -p "$2"
	options >"$2/fragments.conf"
	make -s -C "$1" O="$2" ARCH=$karch KCONFIG_ALLCONFIG="$2/fragments.conf" allnoconfig >&2
	"$here/check.sh" "$arch" "$2/fragments.conf" "$2/.config"
}

# One line every few seconds instead of 2500 lines; the whole output is in the log.
progress() {
	local line n=0 last=0

	SECONDS=0
	while IFS= read -r line; do
		echo "$line" >&3
		case $line in '  CC '* | '  AS '* | '  AR '* | '  LD '*) n=$((n + 1)) ;; esac
		if [ $((SECONDS - last)) -ge 10 ]; then
			last=$SECONDS
			printf 'kernel: %5d objects, %2d:%02d min, %s\n' $n $((SECONDS / 60)) $((SECONDS % 60)) "${line##* }" >&2
		fi
	done 3>"$1"
}

# The same folder every time, so that paths in the object files do not depend on the run.
work=$cache/build
take_lock "$cache/tuned.lock"
if [ $mode = build ] && [ -e "$dest/vmlinux" ]; then
	echo "$dest"
	exit 0
fi
src=$work/src-$version-$(cat "$here"/patches/*.patch | sha256sum | head -c 12)
mkdir -p "$work"
unpack "$src"
if [ $mode = config ]; then
	mkdir -p "$config_dir"
	configure "$src" "$(cd "$config_dir" && pwd)"
	exit 0
fi

obj=$work/obj-$key
configure "$src" "$obj"
say "building $version with $(nproc) jobs; this takes 12 to 20 minutes on two cores"
nice -n 19 make -C "$src" O="$obj" ARCH=$karch "-j$(nproc)" $target 2>&1 | progress "$obj/build.log" || {
	tail -n 40 "$obj/build.log" >&2
	die "the kernel does not build; log: $obj/build.log"
}

new=$work/new-$key
rm -rf "$new"
mkdir "$new"
if [ $target = vmlinux ]; then
	strip -o "$new/vmlinux" "$obj/vmlinux"
else
	cp "$obj/arch/$karch/boot/Image" "$new/vmlinux" # what an arm64 VMM loads
fi
cp "$obj/.config" "$new/config"
cp "$obj/System.map" "$obj/build.log" "$new"
make -s -C "$src" O="$obj" ARCH=$karch kernelrelease >"$new/release"
echo "$source_pkg $version" >"$new/version"
publish "$new" "$dest"
# 2 GB of sources and objects are worth less than the disk they take.
rm -rf "$work"
echo "$dest"
