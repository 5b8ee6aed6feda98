/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces shared between containers, as a pod has them, and operations that cross each other. */
#include "tests/unit/ctr_box.h"

static struct box other;

/* The entry of @type joins what the first container has. */
static void join(struct box *b, enum ctr_ns_type type)
{
	for (size_t i = 0; i < b->spec->n_namespaces; i++) {
		if (b->spec->namespaces[i].type == type)
			b->spec->namespaces[i].fd = ctr_ns_fd(box.ctr, type);
	}
}

static int first(void)
{
	box_init(&box, "sleep 100");
	STEP(box_create(&box) == 0 && box_start(&box));
	STEP(ctr_ns_fd(box.ctr, CTR_NS_PID) >= 0 && ctr_ns_fd(box.ctr, CTR_NS_NET) == -EBADF);
	return 0;
}

CASE(a_pod_shares_pid_ipc_and_uts)
{
	cleanup_close int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	cleanup_close int now = -EBADF;

	STEP(first() == 0);
	box_init(
		&other,
		"echo pid $$; until grep -q sleep /proc/1/cmdline; do :; done; head -c 5 /proc/1/cmdline; echo; hostname;"
		"ls /proc | grep -E '^[0-9]+$' | head -1");
	join(&other, CTR_NS_PID);
	join(&other, CTR_NS_IPC);
	join(&other, CTR_NS_UTS);
	other.spec->hostname = NULL;
	STEP(box_run(&other) == 0);
	EXPECT(&other, "\nsleep\nbox\n1\n");
	STEP(strstr(other.text, "pid 1\n") == NULL);
	/* The way there led back: a later child is born at home. */
	now = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
	STEP(fd_same_inode(own, now) == 1);
	STEP(box_delete(&box));
	return 0;
}

CASE(a_user_namespace_joins_what_the_pod_has)
{
	static struct ctr_idmap map[] = {{0, 100000, 65536}};

	STEP(first() == 0);
	(void)!chown(rootfs, 100000, 100000);
	box_init(&other,
		 "id -u; hostname; head -c 5 /proc/1/comm; echo; readlink /proc/self/ns/ipc");
	add_ns(&other, CTR_NS_USER);
	other.spec->uid_maps = other.spec->gid_maps = (struct ctr_idmaps){map, 1};
	other.spec->hostname = NULL;
	join(&other, CTR_NS_IPC);
	join(&other, CTR_NS_UTS);
	/* A queue file system of a namespace that belongs to somebody else cannot be mounted. */
	for (size_t i = 0; i < other.spec->n_mounts; i++) {
		if (streq(other.spec->mounts[i].type, "mqueue"))
			other.spec->mounts[i].type = "tmpfs";
	}
	STEP(box_run(&other) == 0);
	EXPECT(&other, "0\nbox\nsh\n\nipc:[");
	STEP(box_delete(&box));
	return 0;
}

CASE(a_joined_user_namespace_is_entered)
{
	static struct ctr_idmap map[] = {{0, 100000, 65536}};

	(void)!chown(rootfs, 100000, 100000);
	box_init(&box, "sleep 100");
	add_ns(&box, CTR_NS_USER);
	add_ns(&box, CTR_NS_NET);
	box.spec->uid_maps = box.spec->gid_maps = (struct ctr_idmaps){map, 1};
	STEP(box_create(&box) == 0 && box_start(&box));
	box_init(
		&other,
		"id -u; cat /proc/self/uid_map; until grep -q sleep /proc/1/cmdline; do :; done; head -c 5 /proc/1/cmdline; hostname");
	add_ns(&other, CTR_NS_USER);
	add_ns(&other, CTR_NS_NET);
	join(&other, CTR_NS_USER);
	join(&other, CTR_NS_NET);
	join(&other, CTR_NS_PID);
	STEP(box_run(&other) == 0);
	EXPECT(&other, "0\n         0     100000      65536\nsleepbox\n");
	STEP(box_delete(&box));
	return 0;
}

CASE(a_descriptor_of_another_type_is_refused)
{
	STEP(first() == 0);
	box_init(&other, "true");
	other.spec->namespaces[1].fd = ctr_ns_fd(box.ctr, CTR_NS_IPC); /* the pid entry */
	STEP(box_create(&other) == -EINVAL);
	STEP(streq(e.msg, "namespace pid: the descriptor is not of that type"));
	box_drop(&other);
	STEP(box_delete(&box));
	return 0;
}

/* ---- crossings ---- */

#define EXECS 8

static struct {
	struct box io;
	struct arena arena;
	struct ctr_process *p;
	bool began;
} execs[EXECS];

CASE(a_delete_among_execs_leaves_nothing)
{
	for (int round = 0; round < 10; round++) {
		STEP(first() == 0);
		for (int i = 0; i < EXECS; i++) {
			execs[i].io = (struct box){.in = -EBADF, .out = -EBADF};
			execs[i].arena = ARENA_INIT(1U << 20);
			e = (struct err){0};
			execs[i].began =
				ctr_exec(box.ctr, "x", make_process(&execs[i].arena, "sleep 100"),
					 &execs[i].arena, (const int[3]){-EBADF, -EBADF, -EBADF},
					 on_done, &execs[i].io, &execs[i].p, &e) == 0;
			STEP(execs[i].began);
			if (i < round)
				STEP(loop_once(host.loop, 0) == 0);
		}
		STEP(box_delete(&box));
		for (int i = 0; i < EXECS; i++) {
			STEP(execs[i].io.is_done); /* each was told, one way or the other */
			ctr_process_free(execs[i].p);
		}
	}
	STEP(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

CASE(an_exec_can_be_given_up_at_any_time)
{
	STEP(first() == 0);
	for (int round = 0; round < 12; round++) {
		execs[0].io = (struct box){.in = -EBADF, .out = -EBADF};
		execs[0].arena = ARENA_INIT(1U << 20);
		STEP(ctr_exec(box.ctr, "x", make_process(&execs[0].arena, "sleep 100"),
			      &execs[0].arena, (const int[3]){-EBADF, -EBADF, -EBADF}, on_done,
			      &execs[0].io, &execs[0].p, &e) == 0);
		for (int i = 0; i < round / 2; i++)
			STEP(loop_once(host.loop, 1) == 0);
		if (round % 2 == 0) {
			ctr_process_free(execs[0].p); /* without waiting: the loop cleans up */
			continue;
		}
		ctr_process_cancel(execs[0].p);
		STEP(wait_for(&execs[0].io, &execs[0].io.is_done));
		STEP(execs[0].io.result.code == 0 || execs[0].io.result.kind == ERR_TIMEOUT);
		ctr_process_free(execs[0].p);
	}
	STEP(box_delete(&box));
	STEP(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

CASE(a_create_can_be_given_up_at_any_time)
{
	for (int round = 0; round < 8; round++) {
		e = (struct err){0};
		box_init(&box, "true");
		STEP(ctr_new(&host, box.id, base, box.spec, &box.arena, &box.ctr, &e) == 0);
		STEP(ctr_create(box.ctr, (const int[3]){-EBADF, -EBADF, -EBADF}, on_done, &box,
				&e) == 0);
		for (int i = 0; i < round && !box.is_done; i++)
			STEP(loop_once(host.loop, 0) == 0);
		if (box.is_done) {
			box.is_done = false;
			STEP(box_delete(&box));
			continue;
		}
		ctr_cancel(box.ctr);
		STEP(!finished(&box) && e.kind == ERR_TIMEOUT);
		ctr_free(box.ctr);
		box.ctr = NULL;
	}
	STEP(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

CASE(a_filter_that_kills_the_set_up_is_told)
{
	static struct ctr_seccomp_rule rule;
	static struct ctr_seccomp profile;

	box_init(&box, "true");
	rule = (struct ctr_seccomp_rule){.names = STRV(&box.arena, "setgroups"),
					 .action = "SCMP_ACT_KILL_PROCESS",
					 .errno_ret = CTR_UNSET};
	profile = (struct ctr_seccomp){.default_action = "SCMP_ACT_ALLOW",
				       .default_errno_ret = CTR_UNSET,
				       .rules = &rule,
				       .n_rules = 1};
	box.spec->seccomp = &profile;
	box.spec->process->no_new_privs = false;
	STEP(box_create(&box) < 0);
	STEP(strstr(e.msg, "the process died of SIGSYS while being set up") != NULL);
	STEP(strstr(e.msg, "groups") != NULL);
	box_drop(&box);
	return 0;
}

static bool has_group(const char *id)
{
	static const char *const tops[] = {"pids", "cpuset", "memory", "unified"};
	char path[96];

	for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/%s", tops[i], id);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

CASE(running_out_of_descriptors_anywhere_is_a_clean_failure)
{
	struct rlimit old, low;
	int failed = 0, used;

	box_init(&box, "true");
	STEP(box_run(&box) == 0); /* opens what stays open */
	used = count_fds();
	STEP(getrlimit(RLIMIT_NOFILE, &old) == 0);
	host.boot_nofile = (struct rlimit){0};
	for (int room = 0; room < 40; room++) {
		int r;

		box_init(&box, "true");
		low = (struct rlimit){.rlim_cur = (rlim_t)(used + room), .rlim_max = old.rlim_max};
		e = (struct err){0};
		STEP(setrlimit(RLIMIT_NOFILE, &low) == 0);
		r = ctr_new(&host, box.id, base, box.spec, &box.arena, &box.ctr, &e);
		if (r == 0)
			r = ctr_create(box.ctr, (const int[3]){-EBADF, -EBADF, -EBADF}, on_done,
				       &box, &e);
		if (r == 0 && !finished(&box))
			r = e.code;
		STEP(setrlimit(RLIMIT_NOFILE, &old) == 0);
		failed += r < 0;
		if (r < 0)
			box_drop(&box);
		else
			STEP(box_delete(&box));
		box.ctr = NULL;
		STEP(count_fds() == used);
		STEP(!has_group(box.id));
	}
	STEP(failed > 5 && failed < 40);
	STEP(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}
