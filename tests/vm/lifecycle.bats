#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A guest's beginning and end, its log and its console: a VM for each test. The debug image has a
# shell; it is used only where something must be done to the agent itself.
load lib

setup() { export VM=life-$$-$BATS_TEST_NUMBER; }
teardown() {
	"$bin/pith-vm" stop --force "$VM" || true
	[ ! -e "/run/pith/vm/$VM" ]
}
start() { pith_vm start --name "$VM" "$@"; }
start_debug() { VM_INITRD=$VM_DEBUG_INITRD start --debug-console "$@"; }

# Follows the console into a file, because it goes with the VM.
follow() {
	"$bin/pith-vm" console --follow "$VM" >"$BATS_TEST_TMPDIR/console" 3>&- &
}
ended() { [ ! -e "/run/pith/vm/$VM/state.json" ]; }
# Commands at the debug console; its output.
shell() { timeout 60 "$bin/pith-ctl" --vm "$VM" shell 3>&-; }

@test "DestroySandbox: the reply comes, then the guest powers off" {
	start
	follow
	ctl run -d --rootfs "$rootfs" -- sleep 100000
	run -0 ctl destroy
	eventually 60 ended
	grep 'powering off' "$BATS_TEST_TMPDIR/console"
	run -1 grep -i panic "$BATS_TEST_TMPDIR/console"
}

@test "an agent that is killed: its reason on the console, an orderly power-off, no panic" {
	[ -n "${VM_DEBUG_INITRD:-}" ] || skip "no debug image: run by tests/vm/run.sh"
	start_debug
	follow
	ctl run -d --rootfs "$rootfs" -- sleep 100000
	echo 'kill -SEGV $(grep -lx pith-agent /proc/[0-9]*/comm | cut -d/ -f3)' >"$BATS_TEST_TMPDIR/in"
	shell <"$BATS_TEST_TMPDIR/in" || true
	eventually 60 ended
	grep -i 'agent.*signal\|agent.*SEGV\|agent.*139' "$BATS_TEST_TMPDIR/console"
	grep 'Power down' "$BATS_TEST_TMPDIR/console"
	run -1 grep -i 'kernel panic' "$BATS_TEST_TMPDIR/console"
}

@test "two debug consoles at once; a closed one leaves no shell and no zombie" {
	[ -n "${VM_DEBUG_INITRD:-}" ] || skip "no debug image: run by tests/vm/run.sh"
	start_debug
	mkfifo "$BATS_TEST_TMPDIR/in"
	"$bin/pith-ctl" --vm "$VM" shell <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/first" 3>&- &
	first=$!
	exec 8>"$BATS_TEST_TMPDIR/in"
	echo 'echo fir""st' >&8
	eventually 30 grep -q first "$BATS_TEST_TMPDIR/first"
	start_spy
	count() { spy 'grep -lx sh /guest/proc/[0-9]*/comm | wc -l'; }
	printf 'echo sec""ond; ls -d /proc/[0-9]* | wc -l; exit\n' >"$BATS_TEST_TMPDIR/in2"
	run -0 shell <"$BATS_TEST_TMPDIR/in2"
	[[ $output == *second* ]]
	echo 'echo still he""re' >&8
	eventually 30 grep -q 'still here' "$BATS_TEST_TMPDIR/first"
	exec 8>&-
	kill "$first"
	# What is left is the shell of the look itself.
	eventually 30 eval '[ "$(count)" = 1 ]'
	run -0 spy 'cat /guest/proc/[0-9]*/stat 2>/dev/null | grep -c ") Z "; true'
	[ "$output" = 0 ]
}

@test "the log port: no reader for a while, then JSON lines, again for the next reader" {
	start --append agent.log_vport=1025
	for _ in 1 2 3; do ctl run --rootfs "$rootfs" -- true; done
	for reader in 1 2; do
		timeout 30 "$bin/pith-ctl" --vm "$VM" logs >"$BATS_TEST_TMPDIR/log-$reader" 3>&-
		ctl run --rootfs "$rootfs" -- true
		jq -es 'length > 0 and all(.[]; (.ts and .level and .msg and .version and .subsystem
			and .pid and .name == "kata-agent" and .source == "agent"))' \
			"$BATS_TEST_TMPDIR/log-$reader"
	done
}

@test "boot words that are wrong or unknown: the agent starts and the log says what was wrong" {
	start --append "agent.log=shout agent.hotplug_timeout=soon single nonsense=1 selinux=0 -- x"
	run -0 ctl check
	console | grep '"WARN"' | grep 'agent.log: value not understood'
	console | grep 'agent.hotplug_timeout: value not understood'
}

@test "the boot timeline is printed when it is asked for" {
	start --append pith.timeline
	eventually 30 eval 'console | grep -q "^timeline ready"'
	console | grep '^timeline agent-listening'
}
