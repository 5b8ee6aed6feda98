#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: demo.sh BUILD_DIR    (by make demo)
# Boots a guest, runs a confined container in it, shows what the container sees, and powers off.
# Checks its own output: fails when an expected line is missing, and leaves nothing behind.
set -u
bin=${1:?usage: demo.sh BUILD_DIR}/bin
name=demo-$$
dir=$(mktemp -d)
failed=0

finish() {
	"$bin/pith-vm" stop --force "$name" >/dev/null 2>&1
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '\n--- %s\n' "$*"; }
die() {
	echo "demo: FAILED: $*" >&2
	exit 1
}
# The file must have a line that matches.
expect() { # FILE WHAT REGEX
	grep -qE -- "$3" "$1" || {
		echo "demo: missing: $2" >&2
		failed=1
	}
}
ctl() { "$bin/pith-ctl" --vm "$name" "$@"; }

inside='
grep -E "^(Seccomp|NoNewPrivs|Cap(Prm|Eff|Bnd|Amb)):" /proc/self/status
for f in memory.max cpu.max pids.max; do echo "$f: $(cat /sys/fs/cgroup/$f)"; done
for n in mnt pid ipc uts cgroup user net; do readlink /proc/self/ns/$n; done
echo "processes in sight: $(ls /proc | grep -c "^[0-9]")"
unshare -U true; echo "unshare -U: exit code $?"
mount -t tmpfs none /mnt; echo "mount: exit code $?"
touch /tmp/file && chown 1000:1000 /tmp/file; echo "chown: exit code $?"
echo ready
exec sleep 600'

say "a guest boots"
"$bin/pith-vm" start --name "$name" --append pith.timeline || die "the VM did not start"
"$bin/pith-vm" console --follow "$name" >"$dir/console" &
console=$!
"$bin/pith-vm" info "$name" >"$dir/info" || die "no information about the VM"
qemu=$(jq -r .qemu_pid "$dir/info")
jq -r '"kernel \(.kernel)\naccelerator \(.accel) (\(.accel_why))"' "$dir/info"
echo "QEMU: $(awk '/^(Uid|CapEff|NoNewPrivs|Seccomp):/ { printf "%s %s  ", $1, $2 }' "/proc/$qemu/status")"
for _ in $(seq 100); do
	grep -q '^timeline ready' "$dir/console" && break
	sleep 0.1
done
grep '^timeline' "$dir/console"
expect "$dir/console" "the boot timeline" '^timeline ready +[0-9.]+ ms'

say "a container: 64 MiB, half a CPU, 32 processes; it sees"
mkfifo "$dir/out" || die "no fifo"
ctl run --id demo --rootfs share:kataShared/rootfs --memory 64m --cpus 0.5 --pids 32 \
	-- sh -c "$inside" >"$dir/out" 2>&1 </dev/null &
run=$!
while read -r -t 60 line && [ "$line" != ready ]; do
	echo "$line"
done <"$dir/out" | tee "$dir/inside"
expect "$dir/inside" "a seccomp filter" '^Seccomp:\s2$'
expect "$dir/inside" "no_new_privs" '^NoNewPrivs:\s1$'
for set in Prm Eff Bnd; do
	expect "$dir/inside" "the default capabilities ($set)" "^Cap$set:\\s00000000a80425fb\$"
done
expect "$dir/inside" "the memory limit" '^memory.max: 67108864$'
expect "$dir/inside" "the CPU limit" '^cpu.max: 50000 100000$'
expect "$dir/inside" "the process limit" '^pids.max: 32$'
# Inode numbers: 4026531nnn are the namespaces that the kernel boots with.
for ns in mnt pid ipc uts cgroup; do
	expect "$dir/inside" "its own $ns namespace" "^$ns:\\[402653[2-9][0-9]{3}\\]\$"
done
expect "$dir/inside" "EPERM of unshare" '^unshare: .*Operation not permitted'
expect "$dir/inside" "the failure of unshare" '^unshare -U: exit code 1$'
expect "$dir/inside" "EPERM of mount" '^mount: permission denied'
expect "$dir/inside" "an allowed call" '^chown: exit code 0$'

say "exec into it"
ctl exec demo -- sh -c 'echo "hello from $(hostname), process 1 is $(cat /proc/1/comm)"; exit 42' \
	| tee "$dir/exec"
code=${PIPESTATUS[0]}
echo "exit code on the host: $code"
expect "$dir/exec" "the output of exec" '^hello from .*, process 1 is sleep$'
[ "$code" = 42 ] || die "exec gave $code instead of 42"
ctl kill -s KILL demo || die "kill"
wait "$run"
code=$?
echo "exit code of the killed container: $code"
[ "$code" = 137 ] || die "the container gave $code instead of 137"

say "power-off"
"$bin/pith-vm" stop "$name" || die "the guest did not power off"
wait "$console"
expect "$dir/console" "the power-off" 'powering off'
tail -n 1 "$dir/console"
[ ! -e "/run/pith/vm/$name" ] && [ ! -e "/proc/$qemu" ] || die "something of the VM is left"
[ "$failed" = 0 ] || die "see above"
echo
echo "demo: all as expected, $SECONDS s"
