# SPDX-License-Identifier: Apache-2.0
# Shell functions shared by the image and kernel builders: messages, tool checks, the cache folder,
# locks. Sourced, never run. Sets no option and changes no folder.
# shellcheck shell=bash

# Everything that sorts, matches or prints numbers must do so the same way on every machine.
export LC_ALL=C TZ=UTC

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

say() {
	echo "${0##*/}: $*" >&2
}

# need TOOL... : stop with one message that names everything missing
need() {
	local tool missing=()

	for tool in "$@"; do
		command -v "$tool" >/dev/null || missing+=("$tool")
	done
	[ ${#missing[@]} -eq 0 ] || die "missing programs: ${missing[*]} ('make deps' installs them)"
}

# Kernels are cached outside the tree, so that `make clean` and a second clone keep them.
kernel_cache() {
	echo "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pith/kernel"
}

# apt_ask ARGUMENT...: what apt-cache answers; kept until apt's lists or sources change, because a VM's
# start asks for its kernel and apt-cache takes half a second. Nothing is kept of an empty answer.
apt_ask() {
	local kept answer

	kept=$(kernel_cache)/apt/$(IFS=_ && echo "$*")
	if [ -z "${APT_CONFIG:-}" ] && [ "$kept" -nt /var/lib/apt/lists ] && [ "$kept" -nt /etc/apt ] &&
		[ "$kept" -nt /etc/apt/sources.list.d ]; then
		cat "$kept"
		return 0
	fi
	answer=$(apt-cache "$@" 2>/dev/null) || true
	if [ -n "$answer" ] && [ -z "${APT_CONFIG:-}" ] && mkdir -p "${kept%/*}" 2>/dev/null; then
		echo "$answer" >"$kept.$$" && mv "$kept.$$" "$kept"
	fi
	echo "$answer"
}

# The version of Debian package $1 that apt would install; empty if apt does not know it.
apt_candidate() {
	apt_ask policy "$1" | sed -n 's/^  Candidate: //p' | grep -v '(none)' || true
}

# guest_arch: Debian's name of the architecture that the guest is built for
guest_arch() {
	dpkg --print-architecture
}

# take_lock FILE: wait until no other build holds FILE; released when the script ends
take_lock() {
	exec {LOCK_FD}>"$1"
	flock -n "$LOCK_FD" || {
		say "waiting for another build that holds $1"
		flock "$LOCK_FD"
	}
}

# publish TMP DEST: make a finished folder visible in one step; a folder already there wins,
# because both were made from the same key
publish() {
	chmod -R u+w,go+rX "$1"
	if [ -e "$2" ]; then
		rm -rf "$1"
	else
		mv -T "$1" "$2"
	fi
}
