#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Clients that break the rules on the agent's port. After each: the agent answers others in its usual
# time, holds no fd more, and a container that counts all the while has neither stopped nor begun again.
load lib

setup_file() {
	start_vm
	start_spy
	ctl run -d --id worker --rootfs "$rootfs" -- sh -c \
		'n=0; while :; do n=$((n + 1)); echo $n >/tmp/n.new; mv /tmp/n.new /tmp/n; sleep 0.1; done'
	eventually 30 ctl exec worker -- test -s /tmp/n
	ctl run --rootfs "$rootfs" -- true
}
teardown_file() { stop_vm; }

progress() { spy "cat /guest$shared/tmp/n"; }

setup() {
	fds=$(agent_fds)
	progress=$(progress)
}
teardown() {
	timeout 30 "$bin/pith-ctl" --vm "$VM" --timeout 10s check
	eventually 60 eval '[ "$(agent_fds)" -le "$fds" ]'
	eventually 30 eval '[ "$(progress)" -gt "$progress" ]'
}

# Raw bytes to the port; what comes back as hexadecimal digits.
raw() { timeout "${1:?}" "$bin/pith-ctl" --vm "$VM" shell -p 1024 3>&- | od -An -v -tx1 | tr -d ' \n'; }

@test "a client that is killed in the middle of a stream" {
	for i in 1 2 3; do
		"$bin/pith-ctl" --vm "$VM" exec worker -- cat /dev/zero 3>&- \
			>"$BATS_TEST_TMPDIR/out-$i" &
		client=$!
		eventually 30 test -s "$BATS_TEST_TMPDIR/out-$i"
		kill -KILL "$client"
		wait "$client" || true
	done
	# What the processes write has no reader, so they stand still.
	[ "$(ctl exec worker -- pidof cat | wc -w)" = 3 ]
	ctl exec worker -- sh -c 'kill -KILL $(pidof cat)'
}

@test "random bytes" {
	for _ in $(seq 10); do head -c 100000 /dev/urandom | raw 10 >/dev/null || true; done
}

@test "a terminal's worth of text" {
	for _ in $(seq 10); do
		printf 'GET / HTTP/1.1\r\nHost: guest\r\n\r\n' | raw 3 >/dev/null || true
	done
}

@test "half a frame, and the connection stays" {
	printf '\0\0\1\0\0\0\0\1\1\0half' | raw 3 || true
}

@test "300 connections at once" {
	mkfifo "$BATS_TEST_TMPDIR/hold"
	"$bin/vm-probe" hold "$(address):1024" 300 <"$BATS_TEST_TMPDIR/hold" \
		>"$BATS_TEST_TMPDIR/held" 3>&- &
	holder=$!
	exec 8>"$BATS_TEST_TMPDIR/hold"
	eventually 60 grep -qx 'held 300' "$BATS_TEST_TMPDIR/held"
	timeout 30 "$bin/pith-ctl" --vm "$VM" --timeout 10s check
	spy true
	exec 8>&-
	wait "$holder"
}

@test "a frame of 4 MiB and a byte is refused by itself, the next is answered" {
	# A request of grpc.Health.Check on stream 3 behind the oversized one on stream 1.
	answer=$({
		printf '\x00\x40\x00\x01\x00\x00\x00\x01\x01\x00'
		head -c 4194305 /dev/zero
		printf '\x00\x00\x00\x14\x00\x00\x00\x03\x01\x00\x0a\x0bgrpc.Health\x12\x05Check'
	} | raw 10) || true
	# Response frames: type 02 on streams 1 and 3; the first carries a status that is not 0.
	[[ $answer =~ ^........00000001020 ]]
	[[ $answer == *000000030200* ]]
	[[ $answer == *"$(printf 'exceed' | od -An -tx1 | tr -d ' ')"* || $answer =~ 0a..0808 ]]
}

@test "unknown services and methods" {
	# Request{service, method} on stream 1: "no.Service" "X", then "grpc.AgentService" "Nothing".
	answer=$({
		printf '\x00\x00\x00\x0f\x00\x00\x00\x01\x01\x00\x0a\x0ano.Service\x12\x01X'
		printf '\x00\x00\x00\x1c\x00\x00\x00\x03\x01\x00\x0a\x11grpc.AgentService\x12\x07Nothing'
	} | raw 5) || true
	# A status of 3 for the service, 12 for the method: field 1 of the status, 08, and its value.
	[[ $answer =~ ^........0000000102000a..0803 && $answer =~ 0000000302000a..080c ]]
}

@test "methods that are not there yet say so" {
	for method in AddSwap ResizeVolume GetIPTables; do
		run -1 ctl call "$method"
		[[ $output == *"(12): "* ]]
	done
}
