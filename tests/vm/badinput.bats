#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Requests that must be refused, one line each: the status code, words that name what is wrong, and
# nothing of the attempt in the guest afterwards.
load lib

setup_file() {
	start_vm
	start_spy
	# The first container of a kind fills caches that stay.
	for _ in 1 2 3; do ctl run --rootfs "$rootfs" -- true; done
}
teardown_file() { stop_vm; }

refused() { # CODE WORDS FILTER
	snapshot >"$BATS_TEST_TMPDIR/before"
	run -1 ctl call CreateContainer "$(spec bad "$3")"
	[[ $output == *"($1): "*"$2"* ]]
	snapshot >"$BATS_TEST_TMPDIR/after"
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	run -125 ctl exec bad -- true
	[[ $output == *"Invalid container id bad"* ]]
}

@test "the test itself: the specification is good without a change" {
	ctl call CreateContainer "$(spec good)"
	ctl call StartContainer container_id=good
	ctl rm good
}
@test "a root that does not exist" {
	refused 13 "root.path '/no/root'" '.OCI.Root.Path = "/no/root"'
}
@test "the guest's own root" {
	refused 3 root.path '.OCI.Root.Path = "/"'
}
@test "no arguments" {
	refused 3 process.args '.OCI.Process.Args = []'
}
@test "a command that does not exist" {
	refused 13 no-such-command '.OCI.Process.Args = ["no-such-command"]'
}
@test "an unknown seccomp action" {
	refused 3 "linux.seccomp.defaultAction 'SCMP_ACT_BOOM'" \
		'.OCI.Linux.Seccomp = {DefaultAction: "SCMP_ACT_BOOM"}'
}
@test "an unknown namespace type" {
	refused 3 "linux.namespaces[2].type 'galaxy'" '.OCI.Linux.Namespaces += [{Type: "galaxy"}]'
}
@test "a namespace path that does not exist" {
	refused 3 "namespace network: open /no/ns" \
		'.OCI.Linux.Namespaces += [{Type: "network", Path: "/no/ns"}]'
}
@test "an unknown limit of a process" {
	refused 3 RLIMIT_FOO '.OCI.Process.Rlimits = [{Type: "RLIMIT_FOO", Hard: 1, Soft: 1}]'
}
@test "a sysctl of the guest, not of the container" {
	refused 3 kernel.panic '.OCI.Linux.Sysctl = {"kernel.panic": "1"}'
}
@test "a mount of an unknown type" {
	refused 13 nosuchfs '.OCI.Mounts += [{destination: "/x", type: "nosuchfs", source: "x"}]'
}
@test "a bind mount without its source" {
	refused 13 /no/source '.OCI.Mounts += [{destination: "/x", type: "bind", source: "/no/source"}]'
}
@test "an unknown storage driver" {
	refused 13 floppy '.storages = [{driver: "floppy", source: "x", mount_point: "/x"}]'
}
@test "a disk that is not there" {
	refused 13 "block device '02/05'" '.storages = [{driver: "blk", source: "02/05",
		fstype: "ext4", mount_point: "/run/kata-containers/sandbox/disk"}]'
}
@test "a device that is not there" {
	refused 13 "block device '02/05'" '.devices = [{id: "02/05", type: "blk",
		container_path: "/dev/xvda"}]'
}

@test "an id that is in use" {
	run -1 ctl call CreateContainer "$(spec spy)"
	[[ $output == *"(6): container spy already exists"* ]]
	spy true
}
@test "an id that leads elsewhere" {
	run -1 ctl call CreateContainer "$(spec ../../etc)"
	[[ $output == *"(3): invalid container ID ../../etc"* ]]
}
@test "an unknown capability is left out and named in the log" {
	ctl call CreateContainer "$(spec fly '.OCI.Process.Capabilities = {Bounding: ["CAP_FLY"]}')"
	ctl rm fly
	console | grep CAP_FLY
}
@test "a relative mount target is one below the root" {
	ctl call CreateContainer "$(spec relative '
		.OCI.Mounts += [{destination: "mnt-here", type: "tmpfs", source: "tmpfs"}]')"
	ctl call StartContainer container_id=relative
	ctl exec relative -- grep -q ' /mnt-here ' /proc/self/mountinfo
	ctl rm relative
	spy "rmdir /guest$shared/mnt-here"
}
@test "names of containers and processes that are not there" {
	run -1 ctl call StartContainer container_id=nobody
	[[ $output == *"(13): Invalid container id nobody"* ]]
	run -1 ctl call SignalProcess container_id=nobody exec_id=one signal=9
	[[ $output == *"(3): "*nobody* ]]
	run -1 ctl call WaitProcess container_id=spy exec_id=nobody
	[[ $output == *"(5): "* ]]
	run -1 ctl call StatsContainer container_id=nobody
	[[ $output == *"(3): "*nobody* ]]
}
