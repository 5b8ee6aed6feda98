#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers in one guest: limits, out of memory, orphans, hundreds of them; and how QEMU is confined.
load lib

setup_file() {
	start_vm --memory 768m
	start_spy
}
teardown_file() { stop_vm; }

# A file of the container's control group; v1 has a folder for each controller.
cgroup_file() { # ID V2_FILE V1_FILE
	if [ "$VM_CGROUP" = v2 ]; then
		spy "cat /guest/sys/fs/cgroup/$1/$2"
	else
		spy "cat /guest/sys/fs/cgroup/${3%%.*}/$1/$3"
	fi
}
run_limited() { # ID OPTION... -- COMMAND...
	ctl run --id "$@"
}

@test "the guest uses the control groups that were asked for" {
	run -0 spy 'grep cgroup /guest/proc/1/mountinfo'
	if [ "$VM_CGROUP" = v2 ]; then
		[[ $output == *"/sys/fs/cgroup "*cgroup2* && $output != *"/sys/fs/cgroup/memory"* ]]
	else
		[[ $output == *"/sys/fs/cgroup/memory "* && $output != *cgroup2* ]]
	fi
}

@test "QEMU and the vsock device: seccomp, no_new_privs, an unprivileged uid, no capabilities" {
	for name in qemu-system-x86_64 pith-vsockd; do
		pid=$(pgrep -f "$name" -P "$(vm_info keeper_pid)" | head -n 1)
		run -0 cat "/proc/$pid/status"
		[[ $output == *Seccomp:$'\t'2* ]]
		[[ $output == *NoNewPrivs:$'\t'1* ]]
		[[ $output =~ Uid:$'\t'([0-9]+)$'\t' ]] && [ "${BASH_REMATCH[1]}" -ne 0 ]
		for set in Inh Prm Eff Amb; do
			[[ $output == *Cap$set:$'\t'0000000000000000* ]]
		done
	done
	[ "$(vm_info qemu_pid)" != "$pid" ]
}

@test "limits are in the control group, and what is updated while it runs" {
	run_limited limits -d --rootfs "$rootfs" --memory 48m --cpus 0.25 --pids 20 -- sleep 100000
	[ "$(cgroup_file limits memory.max memory.limit_in_bytes)" = 50331648 ]
	[ "$(cgroup_file limits pids.max pids.max)" = 20 ]
	run -0 cgroup_file limits cpu.max cpu.cfs_quota_us
	[[ $output == 25000* ]]
	ctl update --memory 64m --pids 30 limits
	[ "$(cgroup_file limits memory.max memory.limit_in_bytes)" = 67108864 ]
	[ "$(cgroup_file limits pids.max pids.max)" = 30 ]
	run -0 ctl --json stats limits
	[ "$(jq -r '.. | .pids_stats? // empty | .limit' <<<"$output")" = 30 ]
	ctl rm limits
}

@test "a fork bomb stops at its limit, and the guest answers meanwhile" {
	run_limited bomb -d --rootfs "$rootfs" --pids 25 -- \
		sh -c 'f() { f | f & }; (f) & exec sleep 100000'
	eventually 60 refused bomb
	run -0 timeout 30 "$bin/pith-ctl" --vm "$VM" check
	[ "$(cgroup_file bomb pids.current pids.current)" -le 25 ]
	ctl rm bomb
}

# The kernel has refused a fork.
refused() { cgroup_file "$1" pids.events pids.events | grep -q '^max [1-9]'; }

@test "a memory hog is killed, and GetOOMEvent tells" {
	"$bin/pith-ctl" --vm "$VM" --timeout 120s call GetOOMEvent >"$BATS_TEST_TMPDIR/event" 3>&- &
	listener=$!
	run -137 run_limited hog --rootfs "$rootfs" --memory 32m -- \
		sh -c 'exec tail -c 100000000 /dev/zero'
	wait "$listener"
	grep -q hog "$BATS_TEST_TMPDIR/event"
}

@test "kill -9 of a container's first process gives 137 and takes the others along" {
	run_limited victim --rootfs "$rootfs" -- sh -c 'sleep 4321 & sleep 4321 & sleep 100000' 3>&- &
	runner=$!
	eventually 60 ctl exec victim -- true
	[ "$(spy 'grep -ls "[4]321" /guest/proc/[0-9]*/cmdline | wc -l')" -ge 2 ]
	ctl kill -s KILL victim
	code=0
	wait "$runner" || code=$?
	[ "$code" = 137 ]
	run -1 spy 'grep -ls "[4]321" /guest/proc/[0-9]*/cmdline'
}

@test "orphans of a container are reaped: by its first process, and when that is gone too" {
	run_limited orphans -d --rootfs "$rootfs" -- sh -c 'while :; do sleep 0.1; done'
	for _ in 1 2 3; do ctl exec orphans -- sh -c '(sleep 0.2 & sleep 0.2 &)'; done
	eventually 60 no_zombies
	ctl exec orphans -- sh -c '(sleep 4322 & sleep 4322 &)'
	ctl rm orphans
	run -1 spy 'grep -ls "[4]322" /guest/proc/[0-9]*/cmdline'
	eventually 60 no_zombies
}
no_zombies() { [ "$(spy 'cat /guest/proc/[0-9]*/stat 2>/dev/null | grep -c ") Z "; true')" = 0 ]; }

@test "pause stops a container, resume lets it go on" {
	run_limited paused -d --rootfs "$rootfs" -- sh -c 'while :; do echo x >>/tmp/paused; done'
	eventually 30 ctl exec paused -- test -s /tmp/paused
	size() { spy "wc -c <$1/tmp/paused"; }
	root=/guest$shared
	ctl pause paused
	first=$(size "$root")
	spy 'sleep 1'
	[ "$(size "$root")" = "$first" ]
	ctl resume paused
	eventually 30 eval '[ "$(size "$root")" -gt "$first" ]'
	ctl rm paused
}

@test "200 containers one after another leave nothing: memory, fds, mounts, groups, files" {
	# The first ones fill caches that stay.
	for i in $(seq 20); do ctl run --id "warm-$i" --rootfs "$rootfs" -- true; done
	snapshot >"$BATS_TEST_TMPDIR/before"
	memory=$(agent_memory)
	for i in $(seq 200); do ctl run --id "many-$i" --rootfs "$rootfs" -- true; done
	snapshot >"$BATS_TEST_TMPDIR/after"
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	now=$(agent_memory)
	echo "agent: $memory kB before, $now kB after"
	[ "$now" -le $((memory + memory / 20 + 64)) ]
}
