#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pith-vm run: one command in a VM of its own, as a user calls it.
load lib

vm_run() { pith_vm run "$@"; }

@test "the command's exit code is that of pith-vm run" {
	run -7 vm_run -- sh -c 'exit 7'
}

@test "a command that does not exist gives 127" {
	run -127 vm_run -- no-such-command
	[[ $output == *no-such-command* ]]
}

@test "standard input reaches the command, and its end too" {
	run -0 --separate-stderr vm_run -i -- wc -c <<<data
	[ "$output" = 5 ]
}

@test "a terminal: job control, resize, Control-C, exit code" {
	run -5 "$bin/vm-probe" pty 24x80 "$bin/pith-vm" run --kernel "$VM_KERNEL" \
		--initrd "$VM_INITRD" -it -- sh <<-'END'
		expect #
		type stty size
		expect 24 80
		size 40x100
		type stty size
		expect 40 100
		type sh -c "echo sle""eps; exec sleep 1000"
		expect sleeps
		key C
		expect #
		type echo code $?
		expect code 130
		type sh -c "echo sle""eps; exec sleep 1000"
		expect sleeps
		key Z
		expect Stopped
		type jobs
		expect Stopped
		type kill -KILL %1; sleep 1; jobs
		expect Killed
		type exit 5
	END
}

@test "a shared folder: written files appear on the host, read-only ones cannot be written" {
	mkdir "$BATS_TEST_TMPDIR/rw" "$BATS_TEST_TMPDIR/ro"
	echo from-host >"$BATS_TEST_TMPDIR/ro/file"
	run -0 vm_run --share "$BATS_TEST_TMPDIR/rw:/rw" --share "$BATS_TEST_TMPDIR/ro:/ro:ro" \
		-- sh -c 'cp /ro/file /rw/copy && ! touch /ro/new'
	[ "$(cat "$BATS_TEST_TMPDIR/rw/copy")" = from-host ]
	[ ! -e "$BATS_TEST_TMPDIR/ro/new" ]
}

@test "a Debian root with a share: dynamic programs run" {
	root=$(tests/vm/debian-root.sh)
	mkdir "$BATS_TEST_TMPDIR/out"
	run -0 vm_run --rootfs "$root" --share "$BATS_TEST_TMPDIR/out:/mnt" -- bash -c '
		. /etc/os-release && echo "$ID $VERSION_CODENAME" && id -un && dpkg --version | head -n 1
		perl -e "print 6 * 7, qq(\n)" >/mnt/answer'
	[[ $output == *"debian bookworm"*root*Debian*dpkg* ]]
	[ "$(cat "$BATS_TEST_TMPDIR/out/answer")" = 42 ]
}

@test "100 MiB through standard output arrive byte for byte" {
	head -c 100M /dev/urandom >"$BATS_TEST_TMPDIR/data"
	pith_vm run --share "$BATS_TEST_TMPDIR:/d:ro" -- cat /d/data | cmp - "$BATS_TEST_TMPDIR/data"
	rm "$BATS_TEST_TMPDIR/data"
}

@test "100 MiB arrive byte for byte at a reader that pauses for 10 s" {
	head -c 100M /dev/urandom >"$BATS_TEST_TMPDIR/data"
	pith_vm run --share "$BATS_TEST_TMPDIR:/d:ro" -- cat /d/data |
		{ head -c 1M && sleep 10 && cat; } | cmp - "$BATS_TEST_TMPDIR/data"
	rm "$BATS_TEST_TMPDIR/data"
}

@test "killed in the middle, pith-vm run leaves nothing" {
	pith_vm run --name "killed-$$" -- sleep 1000 &
	eventually 60 grep -qs . "/run/pith/vm/killed-$$/state.json"
	qemu=$(jq .qemu_pid "/run/pith/vm/killed-$$/state.json")
	pid=$(pgrep -f "pith-vm run .*--name killed-$$" | head -n 1)
	kill -KILL "$pid"
	eventually 60 test ! -e "/proc/$qemu"
	eventually 60 test ! -e "/run/pith/vm/killed-$$"
}

@test "a kernel, an initrd or a QEMU that is missing is named" {
	run -125 "$bin/pith-vm" run --kernel /no/kernel -- true
	[[ $output == *--kernel*/no/kernel* ]]
	run -125 "$bin/pith-vm" run --kernel "$VM_KERNEL" --initrd /no/initrd -- true
	[[ $output == *--initrd*/no/initrd* ]]
	PITH_QEMU=/no/qemu run -125 "$bin/pith-vm" run -- true
	[[ $output == *PITH_QEMU*/no/qemu* ]]
}

@test "a terminal that is closed ends the command and the VM" {
	run -129 "$bin/vm-probe" pty 24x80 "$bin/pith-vm" run --name "hangup-$$" \
		--kernel "$VM_KERNEL" --initrd "$VM_INITRD" -it -- sh <<-'END'
		expect #
		close
	END
	eventually 60 test ! -e "/run/pith/vm/hangup-$$"
}
