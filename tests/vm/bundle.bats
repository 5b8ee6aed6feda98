#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pith-vm run --bundle: an OCI bundle as other tools make them, and limits of the container.
load lib

setup() {
	bundle=$BATS_TEST_TMPDIR/bundle
	mkdir -p "$bundle"/root/{bin,dev,proc,sys,tmp,data}
	cp /bin/busybox "$bundle/root/bin"
	for name in sh cat id touch; do ln -s busybox "$bundle/root/bin/$name"; done
	jq -n '{
		ociVersion: "1.0.2",
		process: {user: {uid: 7, gid: 8}, args: ["sh", "-c", "echo $WORD; id -u; id -g; exit 3"],
			env: ["PATH=/bin", "WORD=spoken"], cwd: "/"},
		root: {path: "root"},
		mounts: [{destination: "/proc", type: "proc", source: "proc"},
			{destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"]},
			{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"]}],
		linux: {namespaces: [{type: "pid"}, {type: "mount"}, {type: "cgroup"}]}
	}' >"$bundle/config.json"
}

change() { # JQ-FILTER
	jq "$1" "$bundle/config.json" >"$bundle/new"
	mv "$bundle/new" "$bundle/config.json"
}

@test "a bundle's process, user, environment and exit code" {
	run -3 --separate-stderr pith_vm run --bundle "$bundle"
	[ "$output" = $'spoken\n7\n8' ]
}

@test "a command and options take the place of the bundle's" {
	run -0 --separate-stderr pith_vm run --bundle "$bundle" --env WORD=other --user 9 \
		-- sh -c 'echo $WORD; id -u'
	[ "$output" = $'other\n9' ]
}

@test "a root that is read-only cannot be written by root, one that is not can" {
	change '.process.user = {uid: 0, gid: 0} | .process.args = ["touch", "/data/new"]'
	run -0 pith_vm run --bundle "$bundle"
	[ -e "$bundle/root/data/new" ]
	rm "$bundle/root/data/new"
	# The place of a mount that the root does not have is made all the same, and not on the host.
	rmdir "$bundle/root/sys"
	change '.root.readonly = true'
	run -1 pith_vm run --bundle "$bundle"
	[[ $output == *"Read-only file system"* ]]
	[ ! -e "$bundle/root/data/new" ]
	[ ! -e "$bundle/root/sys" ]
}

@test "a bind mount of the host needs a share" {
	mkdir "$BATS_TEST_TMPDIR/host"
	echo shared >"$BATS_TEST_TMPDIR/host/file"
	change ".mounts += [{destination: \"/data\", source: \"$BATS_TEST_TMPDIR/host\",
		type: \"bind\", options: [\"rbind\"]}]"
	run -125 pith_vm run --bundle "$bundle" -- cat /data/file
	[[ $output == *"--share $BATS_TEST_TMPDIR/host:/data"* ]]
	run -0 --separate-stderr pith_vm run --bundle "$bundle" \
		--share "$BATS_TEST_TMPDIR/host:/data" -- cat /data/file
	[ "$output" = shared ]
}

@test "what the guest cannot be told is refused by name before a VM is started" {
	change '.linux.resources.unified = {"memory.high": "1"}'
	run -125 pith_vm run --name "refused-$$" --bundle "$bundle"
	[[ $output == *linux.resources.unified* ]]
	[ ! -e "/run/pith/vm/refused-$$" ]
}

@test "limits of the container are in its cgroup" {
	[ "$VM_CGROUP" = v2 ] || skip "the files have other names in v1"
	run -0 --separate-stderr pith_vm run --limit-memory 48m --limit-cpus 0.5 --limit-pids 30 \
		-- sh -c 'cd /sys/fs/cgroup && cat memory.max cpu.max pids.max'
	[ "$output" = $'50331648\n50000 100000\n30' ]
}

@test "options that run does not have are refused" {
	run -125 pith_vm run --json -- true
	[[ $output == *--json* ]]
	run -125 pith_vm run --rootfs / --bundle "$bundle"
	[[ $output == *--bundle* ]]
}
