/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of QEMU and pith-ctl, against golden text; the choice of an accelerator. */
#include "tests/test.h"

#include "base/str.h"
#include "vmm/accel.h"
#include "vmm/ctl_args.h"
#include "vmm/qemu_args.h"

#define ARENA (64U * 1024)

static const struct vmm_machine tcg = {
	.qemu = "/usr/bin/qemu-system-x86_64",
	.kernel = "/kernel",
	.initrd = "/initrd",
	.seccomp = true,
	.memory = 512ULL << 20,
	.cpus = 1,
	.tsc_khz = 2700000,
	.vsock_fd = 10,
	.fs_fd = 11,
	.qmp_fd = 12,
	.console_fd = 13,
};

static const char *joined(char **argv, struct arena *a)
{
	struct str s = STR_INIT(16384);
	char *text;

	for (; *argv != NULL; argv++)
		(void)str_addf(&s, "%s\n", *argv);
	text = arena_dup(a, str_text(&s));
	str_done(&s);
	return text;
}

TEST(a_tcg_machine_has_exactly_this_command_line)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA);

	CHECK_STR(
		joined(vmm_qemu_args(&tcg, &a), &a),
		"/usr/bin/qemu-system-x86_64\n-machine\n"
		"q35,memory-backend=ram0,sata=off,smbus=off,vmport=off,smm=off,i8042=off\n"
		"-accel\ntcg\n-cpu\nmax,-erms\n"
		"-smp\n1,sockets=4,cores=1,threads=1,maxcpus=4\n"
		"-m\n512M,slots=8,maxmem=2048M\n"
		"-object\nmemory-backend-memfd,id=ram0,size=512M,share=on\n"
		"-bios\nqboot.rom\n-nodefaults\n-no-user-config\n-display\nnone\n-no-reboot\n"
		"-chardev\nsocket,id=con0,fd=13\n-serial\nchardev:con0\n"
		"-chardev\nsocket,id=qmp0,fd=12,server=on,wait=off\n-mon\nchardev=qmp0,mode=control\n"
		"-device\npcie-root-port,id=rp0,chassis=1,slot=1\n"
		"-device\npcie-root-port,id=rp1,chassis=2,slot=2\n"
		"-device\npcie-root-port,id=rp2,chassis=3,slot=3\n"
		"-device\npcie-root-port,id=rp3,chassis=4,slot=4\n"
		"-chardev\nsocket,id=vs0,fd=10\n-device\nvhost-user-vsock-pci,id=vsock0,chardev=vs0\n"
		"-chardev\nsocket,id=fs0,fd=11\n"
		"-device\nvhost-user-fs-pci,id=fs0,chardev=fs0,tag=kataShared\n"
		"-object\nrng-builtin,id=rng0\n-device\nvirtio-rng-pci,rng=rng0\n"
		"-kernel\n/kernel\n-initrd\n/initrd\n-append\n"
		"console=ttyS0 panic=-1 reboot=t rcupdate.rcu_expedited=1 quiet mitigations=off "
		"no_timer_check cryptomgr.notests lapic_timer_khz=1000000 noreplace-smp tsc=reliable "
		"tsc_early_khz=2700000 lpj=10800000 systemd.unified_cgroup_hierarchy=1 "
		"agent.seccomp_default=true\n"
		"-sandbox\non,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny\n");
}

TEST(kvm_keeps_mitigations_and_prints_early)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA);
	struct vmm_machine m = tcg;
	const char *text;

	m.kvm = true;
	text = joined(vmm_qemu_args(&m, &a), &a);
	CHECK(strstr(text, "-accel\nkvm\n-cpu\nhost\n") != NULL);
	CHECK(strstr(text, "earlyprintk=ttyS0") != NULL && strstr(text, "quiet") == NULL);
	CHECK(strstr(text, "mitigations") == NULL && strstr(text, "tsc_early_khz") == NULL);
}

TEST(several_cpus_keep_their_lock_prefixes)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA);
	struct vmm_machine m = tcg;
	const char *text;

	m.cpus = 6;
	text = joined(vmm_qemu_args(&m, &a), &a);
	CHECK(strstr(text, "noreplace-smp") == NULL && strstr(text, "6,sockets=6") != NULL);
}

TEST(the_filter_the_cgroup_version_and_own_words_follow_the_options)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA);
	struct vmm_machine m = tcg;
	const char *text;

	m.seccomp = false;
	m.cgroup_v1 = true;
	m.append = "agent.log=debug";
	text = joined(vmm_qemu_args(&m, &a), &a);
	CHECK(strstr(text, "-sandbox") == NULL);
	CHECK(strstr(text,
		     "systemd.unified_cgroup_hierarchy=0 agent.seccomp_default=true agent.log=debug\n") !=
	      NULL);
}

TEST(a_clock_rate_that_is_unknown_is_not_guessed)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA);
	struct vmm_machine m = tcg;

	m.tsc_khz = 0;
	CHECK(strstr(joined(vmm_qemu_args(&m, &a), &a), "tsc") == NULL);
}

TEST(a_full_arena_gives_no_half_command_line)
{
	cleanup_arena struct arena a = ARENA_INIT(2048);

	CHECK(vmm_qemu_args(&tcg, &a) == NULL);
}

TEST(pith_ctl_gets_the_containers_options)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA);
	char host[] = "/h", guest[] = "/g", sh[] = "sh";
	char *cmd[] = {sh, NULL};
	struct vmm_config c = {.interactive = true,
			       .tty = true,
			       .env = {"A=b"},
			       .n_env = 1,
			       .user = "1000",
			       .workdir = "/w",
			       .share = {{host, guest, true}},
			       .n_shares = 1,
			       .cmd = cmd};

	CHECK_STR(
		joined(vmm_ctl_run("/bin/ctl", "/run/v.sock", &c, false, &a), &a),
		"/bin/ctl\n--address\nhvsock:///run/v.sock\nrun\n--destroy-sandbox\n"
		"--rootfs\nshare:kataShared/rootfs\n-i\n-t\n--env\nA=b\n--user\n1000\n--cwd\n/w\n"
		"--mount\ntype=bind,src=/run/kata-containers/shared/containers/kataShared/0,dst=/g,ro\n"
		"--\nsh\n");
}

TEST(a_bundle_and_limits_are_passed_on_and_can_be_tried_first)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA);
	struct vmm_config c = {
		.bundle = "/b", .limit_memory = "64m", .limit_cpus = "0.5", .limit_pids = "9"};

	CHECK_STR(joined(vmm_ctl_run("/bin/ctl", "v", &c, true, &a), &a),
		  "/bin/ctl\n--address\nhvsock://v\nrun\n--destroy-sandbox\n--dry-run\n"
		  "--bundle\n/b\n--rootfs\nshare:kataShared/rootfs\n"
		  "--memory\n64m\n--cpus\n0.5\n--pids\n9\n--\n");
}

TEST(a_cpu_without_virtualisation_or_a_paravirtual_kvm_means_no_without_a_trial)
{
	CHECK(vmm_accel_hint("x\nflags\t\t: fpu sse2\n", false, true) != NULL);
	CHECK(vmm_accel_hint("x\nflags\t\t: fpu vmx sse2\n", true, false) != NULL);
	CHECK(vmm_accel_hint("x\nflags\t\t: fpu vmxnot\n", false, true) != NULL);
	CHECK(vmm_accel_hint("x\nflags\t\t: fpu vmx sse2\n", false, true) == NULL);
	CHECK(vmm_accel_hint("x\nflags\t\t: fpu svm\n", true, true) == NULL);
}
