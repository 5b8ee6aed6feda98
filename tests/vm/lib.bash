# SPDX-License-Identifier: Apache-2.0
# Shared by the tests of whole VMs. run.sh says which guest by the environment; without it the files
# run alone (`bats tests/vm/x.bats`) with the default kernel.
#   VM_KERNEL VM_INITRD VM_DEBUG_INITRD VM_CGROUP   the guest     O   the build folder
# shellcheck shell=bash

bats_require_minimum_version 1.5.0
cd "$BATS_TEST_DIRNAME/../.." || exit 1
export O=${O:-build/release}
bin=$O/bin
rootfs=share:kataShared/rootfs
shared=/run/kata-containers/shared/containers/kataShared/rootfs
export VM_CGROUP=${VM_CGROUP:-v2}
if [ -z "${VM_KERNEL:-}" ]; then
	VM_KERNEL=$(rootfs-builder/kernel.sh path)
	VM_INITRD=$O/pith-initrd-$(rootfs-builder/kernel.sh which).cpio
	export VM_KERNEL VM_INITRD
fi

# File descriptor 3 is bats's own: it waits for whoever holds it.
pith_vm() { # COMMAND OPTION...
	local command=$1
	shift
	"$bin/pith-vm" "$command" --kernel "$VM_KERNEL" --initrd "$VM_INITRD" --cgroup "$VM_CGROUP" \
		"$@" 3>&-
}

# The file's own VM, with a busybox root; $VM names it in every test.
start_vm() { # OPTION...
	export VM=test-$$
	pith_vm start --name "$VM" "$@"
}
stop_vm() { "$bin/pith-vm" stop "$VM"; }
ctl() { "$bin/pith-ctl" --vm "$VM" "$@" 3>&-; }
console() { "$bin/pith-vm" console "$VM"; }
address() { echo "hvsock:///run/pith/vm/$VM/vsock.sock"; }
vm_info() { "$bin/pith-vm" info "$VM" | jq -r ".$1"; }

# Ten times and more what it takes on a quiet machine.
eventually() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# CreateContainer as JSON: a busybox root, own mount and PID namespaces, changed by a jq filter.
spec() { # ID [FILTER]
	jq -nc --arg id "$1" --arg root "$shared" '{
		container_id: $id,
		OCI: {
			Version: "1.1.0",
			Root: {Path: $root},
			Process: {Args: ["sleep", "100000"], Env: ["PATH=/bin"], Cwd: "/"},
			Mounts: [
				{destination: "/proc", type: "proc", source: "proc"},
				{destination: "/dev", type: "tmpfs", source: "tmpfs"}
			],
			Linux: {
				CgroupsPath: ("/" + $id),
				Namespaces: [{Type: "mount"}, {Type: "pid"}]
			}
		}
	} | '"${2:-.}"
}

# A container that sees the guest from inside: its root at /guest, processes at /guest/proc. So the
# guest under test is the plain image, without a shell of its own.
start_spy() {
	ctl run -d --id spy-root --rootfs "$rootfs" -- sleep 100000
	ctl call CreateContainer "$(spec spy '
		["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"] as $caps
		| .OCI.Process.Capabilities = {Bounding: $caps, Effective: $caps, Permitted: $caps}
		| .OCI.Mounts += [{destination: "/guest", type: "bind", source: "/",
			options: ["rbind", "rslave"]}]')"
	ctl call StartContainer container_id=spy
	AGENT=$(spy 'grep -lx pith-agent /guest/proc/[0-9]*/comm' | tr -dc 0-9)
	export AGENT
}
spy() { ctl exec spy -- sh -c "$1"; }

# Everything that a call could leave behind in the guest. Kernel threads have no command line.
snapshot() {
	spy '
	cd /guest/proc
	grep -h . $(grep -ls . [0-9]*/cmdline | sed s/cmdline/comm/) 2>/dev/null | sed "s/^/process /"
	cut -d" " -f4- '"$AGENT"'/mountinfo | sed "s/^/mount /"
	find /guest/sys/fs/cgroup -type d | sed "s/^/cgroup /"
	find /guest/run /guest/tmp -xdev | sed "s/^/file /"
	echo "agent: $(ls '"$AGENT"'/fd | wc -l) fds, init: $(ls 1/fd | wc -l) fds"' | sort
}
agent_fds() { spy "ls /guest/proc/$AGENT/fd | wc -l"; }
# Private memory, kB.
agent_memory() { spy "awk '/^Private/ { n += \$2 } END { print n }' /guest/proc/$AGENT/smaps_rollup"; }
