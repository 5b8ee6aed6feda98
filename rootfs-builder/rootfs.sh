#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Decides what is in the guest's root: our two programs, the shared objects they need, the folders
# and links of config/*.conf and, for a modular kernel, its modules. Writes OUT/tree.list (one entry
# a line, sorted by path, read by cpio.sh and image.sh), OUT/files (stripped copies) and
# OUT/manifest.tsv. Never needs root, never changes anything outside OUT.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

usage="usage: rootfs.sh --init FILE --agent FILE --out DIR [--kernel DIR] [--with SET]...
  --kernel DIR  folder of kernel-packaged.sh whose modules go in; none for a built-in kernel
  --with SET    add config/SET.conf (debug, mkfs, iptables), or a .conf file given with its path"

init='' agent='' out='' kernel='' sets=(base) late=()
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h)
		echo "$usage"
		exit 0
		;;
	--init | --agent | --out | --kernel | --with) [ $# -ge 2 ] || die "$1 needs a value" ;;
	*) die "unknown argument '$1'
$usage" ;;
	esac
	case $1 in
	--init) init=$2 ;;
	--agent) agent=$2 ;;
	--out) out=$2 ;;
	--kernel) kernel=$2 ;;
	--with) sets+=("$2") ;;
	esac
	shift 2
done
if [ -z "$init" ] || [ -z "$agent" ] || [ -z "$out" ]; then
	die "$usage"
fi
need strip readelf ldd modprobe sha256sum

triplet=$(gcc -dumpmachine 2>/dev/null || echo "$(uname -m)-linux-gnu")
rm -rf "$out"
mkdir -p "$out/files"
out=$(cd "$out" && pwd)
entries=$out/entries.raw
: >"$entries"

# add TYPE MODE PATH [ARGUMENT [ORIGIN]]: ORIGIN is the file whose Debian package the manifest names
add() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:--}" "${5:--}" >>"$entries"
}

add_parents() { # folders on the way to $1 that no .conf names
	local dir=${1%/*}

	while [ -n "$dir" ]; do
		add d 0755 "$dir"
		dir=${dir%/*}
	done
}

# add_stripped SOURCE PATH MODE ORIGIN STRIP-OPTION: a copy without debug data
add_stripped() {
	local copy=$out/files${2}

	mkdir -p "${copy%/*}"
	cp "$1" "$copy"
	chmod u+w "$copy"
	strip "$5" "$copy"
	add f "$3" "$2" "$copy" "$4"
	add_parents "$2"
}

# add_libs FILE: the shared objects FILE needs. All go to the first folder that the loader searches,
# only the loader itself must be where the program's header says.
add_libs() {
	local name path interp

	interp=$(readelf -lW "$1" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
	[ -n "$interp" ] || return 0 # static
	add_file 0755 "$interp" "$interp"
	while read -r name path; do
		[ "$path" != missing ] || die "$1 needs $name, which is not on this machine"
		[ "$path" != "$interp" ] || continue
		add_file 0644 "/lib/$triplet/$name" "$path"
	done < <(ldd "$1" | sed -nE 's/^\t(\S+) => (\/\S+) .*/\1 \2/p; s/^\t(\S+) => not found/\1 missing/p')
}

add_file() { # add_file MODE PATH SOURCE
	[ -r "$3" ] || die "$2: there is no $3"
	add f "$1" "$2" "$(readlink -f "$3")" "$3"
	add_parents "$2"
}

read_set() {
	local conf=$here/config/$1.conf word a b c d plugin

	[ "$1" = "${1%/*}" ] || conf=$1
	[ -r "$conf" ] || die "no package set '$1' (there are: $(cd "$here/config" && echo [!m]*.conf mkfs.conf))"
	while read -r word a b c d; do
		case $word in
		'' | '#'*) ;;
		dir) add d "$a" "$b" ;;
		link) add l 0777 "$a" "$b" && add_parents "$a" ;;
		node) add n "$a" "$b" "$c:${d/ /:}" ;;
		file)
			case ${c:-} in
			'') add f "$a" "$b" /dev/null ;;
			/*) add_file "$a" "$b" "$c" ;;
			*) add f "$a" "$b" "$here/$c" ;;
			esac
			;;
		exec) [ -x "$b" ] || die "$conf: there is no $b; install its package"
			add_file 0755 "$a" "$b" && add_libs "$b" ;;
		module) late+=("$a") ;;
		plugins)
			for plugin in "${a/TRIPLET/$triplet}"/*.so; do
				[ -e "$plugin" ] || die "$conf: nothing in ${a/TRIPLET/$triplet}; install its package"
				add_file 0644 "$plugin" "$plugin" && add_libs "$plugin"
			done
			;;
		*) die "$conf: unknown word '$word'" ;;
		esac
	done <"$conf"
}

# module_paths NAMES...: files to load for the modules, dependencies first, as modprobe orders them
module_paths() {
	modprobe -C /dev/null -d "$kernel/modules" -S "$release" -a -q --show-depends "$@" |
		sed -n 's/^insmod \(\S*\).*/\1/p' | awk '!seen[$0]++'
}

# add_modules LIST CONF [NAME]...: choose, copy, and write the order down as /etc/pith/LIST
add_modules() {
	local list=$out/files/etc/pith/$1 conf=$here/config/$2 name names=() path ko

	mkdir -p "${list%/*}"
	: >"$list"
	while read -r name; do
		if modprobe -C /dev/null -d "$kernel/modules" -S "$release" -q --show-depends "${name#!}" >/dev/null; then
			names+=("${name#!}")
		elif [ "$name" != "${name#!}" ]; then
			die "$conf: kernel $release has no module ${name#!}"
		fi
	done < <(sed 's/[ \t]*#.*//; /^$/d' "$conf" && shift 2 && printf '%s\n' "$@")
	while read -r path; do
		ko=${path#"$kernel/modules"}
		! grep -qsxF "${ko#"/lib/modules/$release/"}" "$out"/files/etc/pith/modules.* || continue
		add_stripped "$path" "$ko" 0644 kernel -g
		echo "${ko#"/lib/modules/$release/"}" >>"$list"
	done < <(module_paths "${names[@]}")
	add f 0644 "/etc/pith/$1" "$list"
}

# Properties that every root must have, whatever sets went in.
check_tree() {
	local tree=$out/tree.list

	has() { grep -qE "$1" "$tree" || die "the root lacks $2"; }
	has $'^f\t0755\t/sbin/init\t' "an executable /sbin/init"
	has $'^h\t0755\t/init\t/sbin/init' "/init"
	has $'^f\t0755\t/usr/bin/pith-agent\t' "an executable /usr/bin/pith-agent"
	has $'^l\t0777\t/var/run\t/run$' "the link /var/run"
	has $'^f\t0644\t/etc/resolv.conf\t/dev/null$' "an empty /etc/resolv.conf"
	[ -z "$(readelf -lW "$init" | grep INTERP)" ] || die "$init is not static: nothing is there to load it"
	! grep -E $'^[fh]\t[2-7]' "$tree" || die "a set-id file got into the root"
	[ -z "$(cut -f 3 "$tree" | uniq -d)" ] || die "two entries for $(cut -f 3 "$tree" | uniq -d | head -n 1)"
}

# path, size, sha256, package, version of every file: what a reviewer or a scanner asks for
write_manifest() {
	local type path arg origin pkg version kernel_pkg=''

	[ -z "$kernel" ] || kernel_pkg=$(cat "$kernel/version")
	declare -A owner
	while IFS=$'\t' read -r pkg version path; do
		owner[$path]=$pkg$'\t'$version
	done < <(awk -F '\t' '$1 == "f" && $5 ~ /^\// { print $5 }' "$1" | package_of)
	printf 'path\tsize\tsha256\tpackage\tversion\n'
	while IFS=$'\t' read -r type _ path arg origin; do
		[ "$type" = f ] || continue
		case $origin in
		kernel) pkg=${kernel_pkg/ /$'\t'} ;;
		-) pkg=pith$'\t'$(cat "$here/../VERSION") ;;
		*) pkg=${owner[$origin]:-none$'\t'none} ;;
		esac
		printf '%s\t%s\t%s\t%s\n' "$path" "$(stat -Lc %s "$arg" | sed "s/.*/$([ "$arg" = /dev/null ] && echo 0 || echo '&')/")" \
			"$(sha256sum <"$arg" | cut -d ' ' -f 1)" "$pkg"
	done <"$1"
}

# package_of: file names in, "package<TAB>version<TAB>file" out. dpkg knows files of a merged /usr
# by either name, so both are asked.
package_of() {
	local file other line pkg

	while read -r file; do
		other=/usr$file
		[ "$file" = "${file#/usr/}" ] || other=${file#/usr}
		line=$(dpkg -S "$file" "$other" "$(readlink -f "$file")" 2>/dev/null | head -n 1) || true
		pkg=${line%%: *}
		[ -n "$pkg" ] || continue
		printf '%s\t%s\n' "$(dpkg-query -W -f '${Package}\t${Version}' "$pkg")" "$file"
	done
}

for set in "${sets[@]}"; do
	read_set "$set"
done
add_stripped "$init" /sbin/init 0755 - -s
add h 0755 /init /sbin/init
add_stripped "$agent" /usr/bin/pith-agent 0755 - -s
add l 0777 /usr/bin/kata-agent pith-agent
add_libs "$agent"
if [ -n "$kernel" ]; then
	release=$(cat "$kernel/release")
	add_modules modules.list modules-boot.conf
	add_modules modules.late modules-late.conf "${late[@]}"
fi

# The first entry for a path wins: a .conf's own mode for a folder goes before add_parents'.
awk -F '\t' '!seen[$3]++' "$entries" | sort -t $'\t' -k 3,3 >"$out/entries.list"
cut -f 1-4 "$out/entries.list" | sed 's/\t-$//' >"$out/tree.list"
check_tree
write_manifest "$out/entries.list" >"$out/manifest.tsv"
rm "$entries" "$out/entries.list"
