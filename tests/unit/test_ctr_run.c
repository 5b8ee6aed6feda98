/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that run: what the process inside sees and may do. */
#include "tests/unit/ctr_box.h"

static struct arena *a = &box.arena;

CASE(a_container_runs_a_program_and_reports_its_exit_code)
{
	box_init(&box, "echo hello; exit 7");
	STEP(box_run(&box) == 7);
	EXPECT(&box, "hello\n");
	return 0;
}

CASE(a_program_that_dies_of_a_signal_counts_as_128_and_the_signal)
{
	box_init(&box, "sh -c 'kill -11 $$'; exit $?");
	STEP(box_run(&box) == 139);
	return 0;
}

CASE(the_process_is_confined)
{
	box_init(&box, "grep -E '^(Cap|NoNew|Sig|Seccomp:)' /proc/self/status; hostname;"
		       "echo pid $$; ls /proc/self/fd | wc -l; cat /proc/1/comm;"
		       "echo $HOME; pwd; umask; ls -l /dev");
	box.spec->seccomp = NULL;
	STEP(box_run(&box) == 0);
	EXPECT(&box, "CapInh:\t0000000000000000");
	EXPECT(&box, "CapPrm:\t00000000000000e1");
	EXPECT(&box, "CapEff:\t00000000000000e1");
	EXPECT(&box, "CapBnd:\t00000000000000e1");
	EXPECT(&box, "CapAmb:\t0000000000000000");
	EXPECT(&box, "NoNewPrivs:\t1");
	EXPECT(&box, "SigBlk:\t0000000000000000");
	EXPECT(&box, "SigIgn:\t0000000000000000");
	EXPECT(&box, "\nbox\n");
	EXPECT(&box, "\npid 1\n");
	EXPECT(&box, "\n/root\n/\n0022\n");
	EXPECT(&box, "fd -> /proc/self/fd");
	EXPECT(&box, "ptmx -> pts/ptmx");
	EXPECT(&box, "crw-rw-rw-    1 root     0           1,   3");
	return 0;
}

CASE(only_the_standard_streams_are_open)
{
	box_init(&box, "cd /proc/1/fd; echo *");
	STEP(box_run(&box) == 0);
	EXPECT(&box, "0 1 2 3\n"); /* 3: the directory being read */
	return 0;
}

CASE(masked_and_read_only_paths_are_closed)
{
	box_init(&box, "cat /proc/keys && echo empty; ls /sys/firmware;"
		       "echo 1 > /proc/keys; cat /proc/keys;"
		       "echo 1 > /proc/sys/kernel/panic || echo no sys;"
		       "touch /sys/firmware/x || echo no mask; echo x > /sys/x || echo no sysfs");
	STEP(box_run(&box) == 0);
	EXPECT(&box, "empty\nsh: can't create /proc/sys");
	EXPECT(&box, "Read-only file system\nno sys");
	EXPECT(&box, "no mask");
	EXPECT(&box, "no sysfs");
	return 0;
}

CASE(the_guest_is_not_in_view)
{
	box_init(&box, "cat /proc/self/mountinfo; ls /");
	STEP(box_run(&box) == 0);
	EXPECT(&box, " /rootfs / ");
	STEP(strstr(box.text, "pith-ctr") == NULL); /* no path of the outer view */
	EXPECT(&box, "\nbin\ndev\netc\nhome\nproc\nsys\ntmp\nvol\n");
	return 0;
}

CASE(the_root_can_be_moved_where_it_cannot_be_pivoted)
{
	host.no_pivot = true;
	box_init(&box, "ls /; cat /proc/self/mountinfo");
	STEP(box_run(&box) == 0);
	EXPECT(&box, "bin\ndev\netc\nhome\nproc\nsys\ntmp\nvol\n");
	/* One of each: the guest's own are detached, not just covered. */
	STEP(strstr(strstr(box.text, " - proc ") + 1, "/ /proc rw") == NULL);
	STEP(strstr(strstr(box.text, " - sysfs ") + 1, " - sysfs ") == NULL);
	return 0;
}

CASE(a_user_gets_ids_groups_home_and_umask)
{
	static uint32_t gids[] = {7, 9};
	struct ctr_process_spec *p;

	box_init(&box, "id -u; id -g; id -G; echo $HOME; umask; grep CapEff /proc/self/status;"
		       "touch /made 2>&1 || echo no root; pwd; echo still > /dev/stdout");
	p = box.spec->process;
	p->uid = 1000;
	p->gid = 1001;
	p->gids = gids;
	p->n_gids = 2;
	p->umask = 027;
	p->cwd = "/work/dir";
	STEP(box_run(&box) == 0);
	EXPECT(&box, "1000\n1001\n1001 7 9\n/home\n0027\n");
	EXPECT(&box, "CapEff:\t0000000000000000");
	EXPECT(&box, "no root\n/work/dir\nstill\n");
	return 0;
}

CASE(a_user_name_is_looked_up_inside)
{
	box_init(&box, "id -u; id -g; echo $HOME");
	box.spec->process->username = "user";
	STEP(box_run(&box) == 0);
	EXPECT(&box, "1000\n1001\n/home\n");
	return 0;
}

CASE(limits_and_kernel_parameters_are_applied)
{
	static struct ctr_kv sysctls[] = {{"net.ipv4.ip_default_ttl", "77"},
					  {"kernel.msgmax", "12345"}};
	static struct ctr_rlimit limits[] = {{"RLIMIT_NOFILE", 9, 99}, {"RLIMIT_CORE", 0, 0}};

	box_init(&box, "ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj;"
		       "cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax");
	add_ns(&box, CTR_NS_NET);
	box.spec->sysctl = (struct ctr_kvs){sysctls, 2};
	box.spec->process->rlimits = limits;
	box.spec->process->n_rlimits = 2;
	box.spec->process->oom_score_adj = 321;
	STEP(box_run(&box) == 0);
	EXPECT(&box, "9\n99\n0\n321\n77\n12345\n");
	return 0;
}

CASE(a_new_network_has_its_loopback_up)
{
	box_init(&box,
		 "cat /sys/class/net/lo/operstate /sys/class/net/lo/flags; ls /sys/class/net");
	add_ns(&box, CTR_NS_NET);
	STEP(box_run(&box) == 0);
	EXPECT(&box, "0x9\n");
	return 0;
}

static struct ctr_seccomp *deny_mkdir(void)
{
	static struct ctr_seccomp_rule rule;
	static struct ctr_seccomp profile;

	rule = (struct ctr_seccomp_rule){
		.names = STRV(a, "mkdir", "mkdirat"), .action = "SCMP_ACT_ERRNO", .errno_ret = 38};
	profile = (struct ctr_seccomp){.default_action = "SCMP_ACT_ALLOW",
				       .default_errno_ret = CTR_UNSET,
				       .rules = &rule,
				       .n_rules = 1};
	return &profile;
}

CASE(seccomp_is_loaded_last_with_no_new_privs)
{
	box_init(&box, "grep Seccomp: /proc/self/status; mkdir /x; echo end");
	box.spec->seccomp = deny_mkdir();
	STEP(box_run(&box) == 0);
	EXPECT(&box, "Seccomp:\t2");
	EXPECT(&box, "Function not implemented\nend");
	return 0;
}

CASE(seccomp_is_loaded_early_without_no_new_privs)
{
	box_init(&box, "grep -E '^(Seccomp:|NoNew)' /proc/self/status; mkdir /x; echo end");
	box.spec->seccomp = deny_mkdir();
	box.spec->process->no_new_privs = false;
	box.spec->process->uid = 1000;
	STEP(box_run(&box) == 0);
	EXPECT(&box, "NoNewPrivs:\t0");
	EXPECT(&box, "Seccomp:\t2");
	EXPECT(&box, "Function not implemented\nend");
	return 0;
}

CASE(the_built_in_profile_lets_a_container_start)
{
	box_init(&box, "grep Seccomp: /proc/self/status; mount -t tmpfs x /vol; echo end");
	box.spec->seccomp = ctr_seccomp_default(0xe1, a);
	STEP(box_run(&box) == 0);
	EXPECT(&box, "Seccomp:\t2");
	EXPECT(&box, "permission denied (are you root?)\nend");
	return 0;
}

CASE(a_user_namespace_maps_root_to_somebody)
{
	static struct ctr_idmap map[] = {{0, 100000, 65536}};

	box_init(&box, "id -u; cat /proc/self/uid_map /proc/self/gid_map; ls -ln /dev/null /bin/sh;"
		       "echo x > /dev/null; echo y > /proc/sys/kernel/hostname || echo read-only;"
		       "cat /proc/self/mountinfo; echo end");
	(void)chown(rootfs, 100000, 100000);
	add_ns(&box, CTR_NS_USER);
	add_ns(&box, CTR_NS_NET);
	box.spec->uid_maps = box.spec->gid_maps = (struct ctr_idmaps){map, 1};
	STEP(box_run(&box) == 0);
	EXPECT(&box, "0\n         0     100000      65536\n         0     100000      65536\n");
	EXPECT(&box, "read-only");
	EXPECT(&box, "\nend\n");
	return 0;
}
