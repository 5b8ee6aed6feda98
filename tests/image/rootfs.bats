#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The image builder: what goes in, what is refused, and that equal inputs give equal bytes.
# Uses throw-away programs in place of ours, and no kernel, so it needs neither root nor network.

bats_require_minimum_version 1.5.0

setup_file() {
	export PROG=$BATS_FILE_TMPDIR/prog
	mkdir -p "$PROG"
	echo 'int main(void) { return 0; }' >"$PROG/main.c"
	cc -static -o "$PROG/init" "$PROG/main.c"
	cc -o "$PROG/agent" "$PROG/main.c" -Wl,--no-as-needed -lm
}

setup() {
	cd "$BATS_TEST_DIRNAME/../../rootfs-builder"
	args=(--init "$PROG/init" --agent "$PROG/agent")
}

@test "the same inputs give the same initrd in another folder, at another time, under another umask" {
	mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	./initrd.sh --output "$BATS_TEST_TMPDIR/a/x" "${args[@]}"
	sleep 1.1
	(umask 077 && cp "$PROG"/* "$BATS_TEST_TMPDIR/b" &&
		./initrd.sh --output "$BATS_TEST_TMPDIR/b/y" --init "$BATS_TEST_TMPDIR/b/init" --agent "$BATS_TEST_TMPDIR/b/agent")
	cmp "$BATS_TEST_TMPDIR/a/x" "$BATS_TEST_TMPDIR/b/y"
	cmp "$BATS_TEST_TMPDIR/a/x.manifest.tsv" "$BATS_TEST_TMPDIR/b/y.manifest.tsv"
}

@test "another program gives another initrd" {
	echo 'int main(void) { return 1; }' >"$BATS_TEST_TMPDIR/other.c"
	cc -static -o "$BATS_TEST_TMPDIR/other" "$BATS_TEST_TMPDIR/other.c"
	./initrd.sh --output "$BATS_TEST_TMPDIR/x" "${args[@]}"
	./initrd.sh --output "$BATS_TEST_TMPDIR/y" --init "$BATS_TEST_TMPDIR/other" --agent "$PROG/agent"
	run ! cmp -s "$BATS_TEST_TMPDIR/x" "$BATS_TEST_TMPDIR/y"
}

@test "the archive unpacks with cpio and /init is the same file as /sbin/init" {
	command -v cpio || skip "no cpio"
	./initrd.sh --output "$BATS_TEST_TMPDIR/x" "${args[@]}"
	mkdir "$BATS_TEST_TMPDIR/root"
	(cd "$BATS_TEST_TMPDIR/root" && cpio -idm --quiet -f dev/console <"$BATS_TEST_TMPDIR/x")
	cd "$BATS_TEST_TMPDIR/root"
	[ init -ef sbin/init ]
	[ -x init ]
	[ "$(readlink var/run)" = /run ]
	[ "$(readlink usr/bin/kata-agent)" = pith-agent ]
	[ -f etc/resolv.conf ] && [ ! -s etc/resolv.conf ]
	[ ! -e bin/sh ]
	strip -s -o "$BATS_TEST_TMPDIR/stripped" "$PROG/init"
	cmp "$BATS_TEST_TMPDIR/stripped" init
}

@test "the agent's libraries and loader come along, where the loader looks for them" {
	./rootfs.sh --out "$BATS_TEST_TMPDIR/t" "${args[@]}"
	grep -qE $'^f\t0755\t/lib(64)?/ld-linux' "$BATS_TEST_TMPDIR/t/tree.list"
	grep -qE $'^f\t0644\t/lib/[a-z0-9_]+-linux-gnu/libc.so.6\t' "$BATS_TEST_TMPDIR/t/tree.list"
	grep -qE $'^f\t0644\t/lib/[a-z0-9_]+-linux-gnu/libm.so.6\t' "$BATS_TEST_TMPDIR/t/tree.list"
}

@test "the manifest names every file with its size, hash, package and version" {
	./rootfs.sh --out "$BATS_TEST_TMPDIR/t" "${args[@]}"
	m=$BATS_TEST_TMPDIR/t/manifest.tsv
	[ "$(grep -c ^/ "$m")" -eq "$(grep -c ^f "$BATS_TEST_TMPDIR/t/tree.list")" ]
	libc=$(grep -E '/libc\.so\.6' "$m")
	[ "$(cut -f 4 <<<"$libc")" = libc6 ]
	[ "$(cut -f 5 <<<"$libc")" = "$(dpkg-query -W -f '${Version}' libc6)" ]
	[ "$(cut -f 3 <<<"$libc")" = "$(sha256sum <"$(ldd "$PROG/agent" | awk '/libc.so/ {print $3}')" | cut -d ' ' -f 1)" ]
	run ! grep -q $'\tnone\t' "$m"
}

@test "an init that is not static is refused" {
	run ! ./rootfs.sh --out "$BATS_TEST_TMPDIR/t" --init "$PROG/agent" --agent "$PROG/agent"
	[[ $output == *"is not static"* ]]
}

@test "an unknown package set is refused by name" {
	run ! ./rootfs.sh --out "$BATS_TEST_TMPDIR/t" "${args[@]}" --with nonsense
	[[ $output == *"no package set 'nonsense'"* ]]
}

@test "the debug set adds a shell" {
	[ -x /bin/busybox ] || skip "no busybox-static"
	./rootfs.sh --out "$BATS_TEST_TMPDIR/t" "${args[@]}" --with debug
	grep -q $'^l\t0777\t/bin/sh\tbusybox$' "$BATS_TEST_TMPDIR/t/tree.list"
}

@test "the disk image is reproducible, clean, and holds the same files owned by root" {
	PATH=$PATH:/sbin:/usr/sbin
	./image.sh --output "$BATS_TEST_TMPDIR/a.raw" "${args[@]}"
	sleep 1.1
	./image.sh --output "$BATS_TEST_TMPDIR/b.raw" "${args[@]}"
	cmp "$BATS_TEST_TMPDIR/a.raw" "$BATS_TEST_TMPDIR/b.raw"
	tail -c +1048577 "$BATS_TEST_TMPDIR/a.raw" >"$BATS_TEST_TMPDIR/p"
	e2fsck -fn "$BATS_TEST_TMPDIR/p"
	debugfs -R 'stat /sbin/init' "$BATS_TEST_TMPDIR/p" 2>/dev/null | grep -E 'Mode: +0755'
	debugfs -R 'stat /sbin/init' "$BATS_TEST_TMPDIR/p" 2>/dev/null | grep -E 'User: +0 +Group: +0'
}

@test "compressed initrds unpack to the plain one" {
	./initrd.sh --output "$BATS_TEST_TMPDIR/x" "${args[@]}"
	./initrd.sh --output "$BATS_TEST_TMPDIR/x.gz" --compress gzip "${args[@]}"
	./initrd.sh --output "$BATS_TEST_TMPDIR/x.zst" --compress zstd "${args[@]}"
	gzip -dc <"$BATS_TEST_TMPDIR/x.gz" | cmp - "$BATS_TEST_TMPDIR/x"
	zstd -dcq <"$BATS_TEST_TMPDIR/x.zst" | cmp - "$BATS_TEST_TMPDIR/x"
}

@test "the disk image has a journal, which hosts' root flags ask for" {
	PATH=$PATH:/sbin:/usr/sbin
	./image.sh --output "$BATS_TEST_TMPDIR/a.raw" "${args[@]}"
	tail -c +1048577 "$BATS_TEST_TMPDIR/a.raw" >"$BATS_TEST_TMPDIR/p"
	dumpe2fs -h "$BATS_TEST_TMPDIR/p" | grep has_journal
}
