/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups on the running kernel, as root: v1 as mounted here, v2 in a private mount
 * namespace. Each case is a child process, because the mode is found once per process.
 */
#include "tests/test.h"
#include "tests/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/cgroup.h"
#include "container/cgroup_impl.h"
#include "container/spec.h"
#include "container/stats.h"

#define STEP(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			(void)fprintf(stderr, "# %s:%d: %s (%s)\n", __FILE__, __LINE__, #cond,     \
				      e.msg);                                                      \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static struct err e;

static bool is_usable(long want)
{
	struct statfs sfs;

	return geteuid() == 0 && statfs("/sys/fs/cgroup", &sfs) == 0 &&
	       (want == 0 || sfs.f_type == want);
}

static int private_v2(void)
{
	STEP(unshare(CLONE_NEWNS) == 0);
	STEP(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	STEP(umount2("/sys/fs/cgroup", MNT_DETACH) == 0);
	STEP(mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0);
	STEP(ctr_cgroup_setup(&e) == 0);
	STEP(ctr_cgroup_get_mode() == CTR_CGROUP_V2);
	return 0;
}

/* After a case that failed half-way: nothing may stay on the machine. */
static void sweep(pid_t pid)
{
	char name[64];

	if (ctr_cgroup_setup(&e) < 0)
		return;
	(void)snprintf(name, sizeof(name), "/pith-unit-%d", pid);
	for (size_t i = 0; i < ctr_cg_host.n; i++)
		(void)!ctr_cg_rmdir_path(ctr_cg_host.hier[i].root_fd, name);
}

static void run(int (*fn)(void))
{
	pid_t pid = fork(), sweeper;
	int status = -1, ignored;

	if (pid == 0)
		_exit(fn());
	CHECK(waitpid(pid, &status, 0) == pid);
	if (status != 0) {
		sweeper = fork();
		if (sweeper == 0) {
			sweep(pid);
			_exit(0);
		}
		CHECK(waitpid(sweeper, &ignored, 0) == sweeper);
	}
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}

static void group_name(char buf[static 64])
{
	(void)snprintf(buf, 64, "/pith-unit-%d/inner/c1", getpid());
}

/* Whether any hierarchy still has the top directory of the group. */
static bool left_behind(void)
{
	char top[64];

	(void)snprintf(top, sizeof(top), "pith-unit-%d", getpid());
	for (size_t i = 0; i < ctr_cg_host.n; i++) {
		if (faccessat(ctr_cg_host.hier[i].root_fd, top, F_OK, 0) == 0)
			return true;
	}
	return false;
}

static void resources_none(struct ctr_resources *r)
{
	*r = (struct ctr_resources){
		.memory = {CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, 0, 0},
		.cpu = {CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET,
			NULL, NULL},
		.pids_limit = CTR_UNSET,
		.blkio = {.weight = CTR_UNSET, .leaf_weight = CTR_UNSET},
		.net_class_id = CTR_UNSET,
	};
}

static bool reads(struct ctr_cgroup *g, enum cg_controller c, const char *file, const char *want)
{
	char text[CG_TEXT_MAX] = "";

	if (ctr_cg_read(ctr_cg_dir(g, c), file, text, sizeof(text)) >= 0 && streq(text, want))
		return true;
	(void)fprintf(stderr, "# %s is '%s', not '%s'\n", file, text, want);
	return false;
}

static int open_result(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

/* The body of a member: opens devices when told, then waits to be killed. */
static _Noreturn void member(int go)
{
	char c;
	int bad = 0;

	if (read(go, &c, 1) != 1)
		_exit(20);
	bad |= open_result("/dev/null", O_RDWR) == 0 ? 0 : 1;
	bad |= open_result("/dev/kmsg", O_RDONLY) == EPERM ? 0 : 2;
	bad |= open_result("/dev/zero", O_RDONLY) == 0 ? 0 : 4;
	if (bad != 0)
		_exit(bad);
	/* Says that it got here, then never ends by itself. */
	(void)!write(go, "k", 1);
	for (;;)
		(void)pause();
}

static bool wait_until(int (*is)(struct ctr_cgroup *), struct ctr_cgroup *g, int want)
{
	const struct timespec tick = {.tv_nsec = 1000000};

	for (int i = 0; i < 5000; i++) {
		if (is(g) == want)
			return true;
		(void)nanosleep(&tick, NULL);
	}
	return false;
}

static int check_life(struct ctr_cgroup *g, pid_t pid, int go)
{
	int status = 0;
	char c;

	STEP(write(go, "g", 1) == 1);
	STEP(read(go, &c, 1) == 1);
	STEP(ctr_cgroup_is_populated(g) == 1);
	STEP(ctr_cgroup_remove(g, &e) == -EBUSY);

	STEP(ctr_cgroup_freeze(g, true, &e) == 0);
	STEP(wait_until(ctr_cgroup_is_frozen, g, 1));
	STEP(ctr_cgroup_freeze(g, false, &e) == 0);
	STEP(wait_until(ctr_cgroup_is_frozen, g, 0));

	/* A frozen group dies too. */
	STEP(ctr_cgroup_freeze(g, true, &e) == 0);
	STEP(wait_until(ctr_cgroup_is_frozen, g, 1));
	STEP(ctr_cgroup_kill(g, &e) == 0);
	STEP(waitpid(pid, &status, 0) == pid);
	STEP(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	STEP(wait_until(ctr_cgroup_is_populated, g, 0));
	STEP(ctr_cgroup_remove(g, &e) == 0);
	STEP(!left_behind());
	STEP(ctr_cgroup_kill(g, &e) == 0);
	STEP(ctr_cgroup_is_populated(g) == 0);
	STEP(ctr_cgroup_remove(g, &e) == 0);
	return 0;
}

static int v1_life(void)
{
	struct ctr_resources res;
	struct ctr_cgroup *g = NULL;
	char name[64];
	int go[2];
	pid_t pid;

	STEP(ctr_cgroup_setup(&e) == 0);
	STEP(ctr_cgroup_get_mode() == CTR_CGROUP_V1);
	STEP(ctr_cg_host.n > 1);
	resources_none(&res);
	res.memory.limit = 64 << 20;
	res.memory.swap = 96 << 20;
	/* Not read back: Linux 6.12.117 takes the soft limit and keeps none. */
	res.memory.reservation = 32 << 20;
	res.memory.swappiness = 10;
	res.cpu.shares = 512;
	res.cpu.quota = 50000;
	res.cpu.period = 200000;
	res.cpu.cpus = "0";
	res.pids_limit = 7;

	group_name(name);
	STEP(ctr_cgroup_create(name, "c1", &res, &g, &e) == 0);
	STEP(streq(ctr_cgroup_path(g), name));
	STEP(ctr_cgroup_clone_fd(g) < 0);
	STEP(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) == 0);
	pid = fork();
	if (pid == 0)
		member(go[1]);
	STEP(ctr_cgroup_join(g, pid, &e) == 0);
	STEP(ctr_cgroup_apply(g, &res, true, &e) == 0);

	STEP(reads(g, CG_MEMORY, "memory.limit_in_bytes", "67108864"));
	STEP(reads(g, CG_MEMORY, "memory.memsw.limit_in_bytes", "100663296"));
	STEP(reads(g, CG_MEMORY, "memory.swappiness", "10"));
	STEP(reads(g, CG_CPU, "cpu.shares", "512"));
	STEP(reads(g, CG_CPU, "cpu.cfs_quota_us", "50000"));
	STEP(reads(g, CG_CPU, "cpu.cfs_period_us", "200000"));
	STEP(reads(g, CG_CPUSET, "cpuset.cpus", "0"));
	STEP(reads(g, CG_PIDS, "pids.max", "7"));

	/* An update changes what it names only, in whichever order the kernel needs. */
	resources_none(&res);
	res.memory.limit = 256 << 20;
	res.memory.swap = 512 << 20;
	STEP(ctr_cgroup_apply(g, &res, false, &e) == 0);
	STEP(reads(g, CG_MEMORY, "memory.limit_in_bytes", "268435456"));
	STEP(reads(g, CG_PIDS, "pids.max", "7"));
	res.memory.limit = -1;
	res.memory.swap = CTR_UNSET;
	STEP(ctr_cgroup_apply(g, &res, false, &e) == 0);
	STEP(reads(g, CG_MEMORY, "memory.memsw.limit_in_bytes", "9223372036854771712"));

	/* One that fails half-way is taken back. */
	resources_none(&res);
	res.cpu.shares = 2048;
	res.cpu.cpus = "9999";
	STEP(ctr_cgroup_apply(g, &res, false, &e) < 0);
	STEP(strstr(e.msg, "cpuset.cpus") != NULL);
	STEP(reads(g, CG_CPU, "cpu.shares", "512"));
	STEP(check_life(g, pid, go[0]) == 0);
	ctr_cgroup_free(g);
	return 0;
}

TEST(a_v1_group_limits_freezes_kills_and_leaves_nothing)
{
	if (!is_usable(TMPFS_MAGIC))
		SKIP("needs root and v1 hierarchies");
	run(v1_life);
}

static int v2_life(void)
{
	static struct ctr_device_rule rules[480];
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	struct ctr_resources res;
	struct ctr_cgroup *g = NULL, *other = NULL;
	struct pollfd pfd;
	char name[64];
	int go[2];
	pid_t pid;

	if (private_v2() != 0)
		return 1;
	resources_none(&res);
	group_name(name);
	STEP(ctr_cgroup_create(name, "c1", &res, &g, &e) == 0);
	STEP(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) == 0);
	args.cgroup = (uint64_t)ctr_cgroup_clone_fd(g);
	pid = sys_clone3(&args);
	if (pid == 0)
		member(go[1]);
	STEP(pid > 0);
	pfd = (struct pollfd){.fd = ctr_cgroup_events_fd(g), .events = POLLPRI};
	STEP(ctr_cgroup_is_populated(g) == 1);
	STEP(ctr_cgroup_create(name, "c1", &res, &other, &e) < 0);
	STEP(strstr(e.msg, "is not empty") != NULL && e.kind == ERR_PRECONDITION);
	STEP(ctr_cgroup_is_populated(g) == 1);
	STEP(ctr_cgroup_apply(g, &res, true, &e) == 0);
	/* Further ones replace the program: the verifier takes long lists and every kind of rule. */
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		rules[i] = (struct ctr_device_rule){i % 3 != 0, i % 2 != 0 ? 'c' : 'b',
						    (int64_t)i / 7, i % 5 != 0 ? (int64_t)i : -1,
						    i % 4 != 0 ? "rw" : "m"};
	res.devices = rules;
	res.n_devices = ARRAY_LEN(rules);
	STEP(ctr_cgroup_apply(g, &res, true, &e) == 0);
	rules[20] = (struct ctr_device_rule){true, 'a', -1, -1, NULL};
	STEP(ctr_cgroup_apply(g, &res, true, &e) == 0);
	res.n_devices = 0;
	STEP(ctr_cgroup_apply(g, &res, true, &e) == 0);
	STEP(ctr_cgroup_freeze(g, true, &e) == 0);
	STEP(poll(&pfd, 1, 5000) == 1 && (pfd.revents & POLLPRI) != 0);
	STEP(ctr_cgroup_freeze(g, false, &e) == 0);
	STEP(check_life(g, pid, go[0]) == 0);
	ctr_cgroup_free(g);
	return 0;
}

TEST(a_v2_group_takes_a_clone_freezes_kills_and_leaves_nothing)
{
	if (!is_usable(0))
		SKIP("needs root and a cgroup file system");
	run(v2_life);
}

static int v2_join_self(void)
{
	struct ctr_cgroup *g = NULL;
	char name[64], leaf[80];
	int r;

	if (private_v2() != 0)
		return 1;
	(void)snprintf(name, sizeof(name), "pith-unit-%d", getpid());
	STEP(ctr_cgroup_join_self(name, 0, &e) == 0);
	(void)snprintf(leaf, sizeof(leaf), "/%s", name);
	/* The group that we are in cannot be a container's. */
	r = ctr_cgroup_create(leaf, "x", NULL, &g, &e);
	STEP(r < 0 && strstr(e.msg, "not empty") != NULL);
	STEP(ctr_cg_write(ctr_cg_host.hier[0].root_fd, "cgroup.procs", "0") == 0);
	STEP(ctr_cg_rmdir_path(ctr_cg_host.hier[0].root_fd, leaf) == 0);
	STEP(!left_behind());
	return 0;
}

TEST(joining_a_leaf_moves_the_process_and_protects_the_leaf)
{
	if (!is_usable(0))
		SKIP("needs root and a cgroup file system");
	run(v2_join_self);
}

static void count_kills(void *data, uint64_t kills)
{
	*(uint64_t *)data += kills;
}

/* Allocates until the kernel ends it. */
static _Noreturn void hog(int go)
{
	char c;

	if (read(go, &c, 1) != 1)
		_exit(20);
	for (int i = 0; i < 64; i++) {
		char *p = malloc(1 << 20);

		if (p != NULL)
			memset(p, i, 1 << 20);
	}
	_exit(21);
}

static int hog_once(struct ctr_cgroup *g)
{
	int go[2], status = 0;
	pid_t pid;

	STEP(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) == 0);
	pid = fork();
	if (pid == 0)
		hog(go[1]);
	STEP(ctr_cgroup_join(g, pid, &e) == 0);
	STEP(write(go[0], "g", 1) == 1);
	STEP(waitpid(pid, &status, 0) == pid);
	STEP(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	(void)close(go[0]);
	(void)close(go[1]);
	return 0;
}

/* Forks without end, as children and as grandchildren that outlive their parent. */
static _Noreturn void bomb(int go)
{
	char c;

	if (read(go, &c, 1) != 1)
		_exit(20);
	for (;;) {
		pid_t pid = fork();

		if (pid > 0 && (pid & 1) != 0)
			_exit(0);
	}
}

static int kill_bomb(struct ctr_cgroup *g)
{
	const struct timespec tick = {.tv_nsec = 1000000};
	bool is_v2 = ctr_cgroup_get_mode() == CTR_CGROUP_V2;
	int go[2], pids_dir = ctr_cg_dir(g, is_v2 ? CG_UNIFIED : CG_PIDS);
	uint64_t start, pids = 0;
	pid_t pid;

	STEP(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) == 0);
	pid = fork();
	if (pid == 0)
		bomb(go[1]);
	STEP(ctr_cgroup_join(g, pid, &e) == 0);
	STEP(write(go[0], "g", 1) == 1);
	for (int i = 0; i < 2000 && pids < 20; i++) {
		(void)nanosleep(&tick, NULL);
		(void)!ctr_cg_read_u64(pids_dir, "pids.current", &pids);
	}
	STEP(pids >= 20);

	start = loop_now_ns();
	while (ctr_cgroup_is_populated(g) == 1) {
		STEP(ctr_cgroup_kill(g, &e) == 0);
		/* The bomb's orphans are ours to reap only when they are our children. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		STEP(loop_now_ns() - start < UINT64_C(20000000000));
	}
	(void)waitpid(pid, NULL, 0);
	return 0;
}

static int v1_bomb(void)
{
	struct ctr_resources res;
	struct ctr_cgroup *g = NULL;
	char name[64];

	STEP(ctr_cgroup_setup(&e) == 0);
	resources_none(&res);
	res.pids_limit = 60;
	group_name(name);
	STEP(ctr_cgroup_create(name, "c1", &res, &g, &e) == 0);
	STEP(ctr_cgroup_apply(g, &res, false, &e) == 0);
	STEP(kill_bomb(g) == 0);
	STEP(ctr_cgroup_remove(g, &e) == 0);
	ctr_cgroup_free(g);
	STEP(!left_behind());
	return 0;
}

TEST(a_fork_bomb_on_v1_is_killed_to_the_last_process)
{
	if (!is_usable(TMPFS_MAGIC))
		SKIP("needs root and v1 hierarchies");
	run(v1_bomb);
}

static bool has_v2_limits(void)
{
	char text[CG_TEXT_MAX] = "";

	return ctr_cg_read(ctr_cg_host.hier[0].root_fd, "cgroup.controllers", text, sizeof(text)) >
		       0 &&
	       strstr(text, "memory") != NULL && strstr(text, "pids") != NULL &&
	       strstr(text, "cpu") != NULL;
}

#define NO_CONTROLLERS 77

static int v2_limits(void)
{
	struct ctr_oom_watch *w = NULL;
	struct ctr_kv unified[] = {{"memory.high", "50331648"}};
	struct ctr_resources res;
	struct ctr_cgroup *g = NULL;
	struct loop *loop = NULL;
	cleanup_stats struct ctr_stats s;
	uint64_t kills = 0;
	char name[64];

	ctr_stats_init(&s);
	if (private_v2() != 0)
		return 1;
	STEP(loop_new(&loop) == 0);
	resources_none(&res);
	res.memory.limit = 64 << 20;
	res.memory.swap = 64 << 20;
	res.memory.reservation = 32 << 20;
	res.cpu.shares = 1024;
	res.cpu.quota = 50000;
	res.cpu.period = 200000;
	res.pids_limit = 60;
	res.unified.v = unified;
	res.unified.n = 1;
	group_name(name);
	STEP(ctr_cgroup_create(name, "c1", &res, &g, &e) == 0);
	STEP(ctr_cgroup_apply(g, &res, true, &e) == 0);
	STEP(reads(g, CG_UNIFIED, "memory.max", "67108864"));
	STEP(reads(g, CG_UNIFIED, "memory.low", "33554432"));
	STEP(reads(g, CG_UNIFIED, "memory.high", "50331648"));
	STEP(reads(g, CG_UNIFIED, "cpu.weight", "100"));
	STEP(reads(g, CG_UNIFIED, "cpu.max", "50000 200000"));
	STEP(reads(g, CG_UNIFIED, "pids.max", "60"));

	resources_none(&res);
	res.cpu.quota = 70000;
	res.memory.limit = 16 << 20;
	res.memory.swap = 16 << 20;
	STEP(ctr_cgroup_apply(g, &res, false, &e) == 0);
	STEP(reads(g, CG_UNIFIED, "cpu.max", "70000 200000"));
	STEP(reads(g, CG_UNIFIED, "memory.max", "16777216"));
	res.cpu.quota = -1;
	res.cpu.cpus = "0";
	res.unified.v = &(struct ctr_kv){"cgroup.procs", "0"};
	res.unified.n = 1;
	STEP(ctr_cgroup_apply(g, &res, false, &e) == -EINVAL);
	STEP(reads(g, CG_UNIFIED, "cpu.max", "70000 200000"));
	STEP(reads(g, CG_UNIFIED, "cpuset.cpus", ""));

	STEP(ctr_oom_watch_new(loop, g, count_kills, &kills, &w, &e) == 0);
	for (uint64_t want = 1; want <= 2; want++) {
		STEP(hog_once(g) == 0);
		for (int i = 0; i < 50 && kills < want; i++)
			STEP(loop_once(loop, 100) == 0);
		STEP(kills == want && ctr_cgroup_oom_kills(g) == want);
	}
	STEP(ctr_cgroup_read_stats(g, &s, &e) == 0);
	STEP(s.cpu_total_ns > 0 && s.mem.limit == 16 << 20 && s.pids_limit == 60);
	STEP(ctr_stats_mem_value(&s, "total_inactive_file") ==
	     ctr_stats_mem_value(&s, "inactive_file"));
	STEP(kill_bomb(g) == 0);
	ctr_oom_watch_free(w);
	STEP(ctr_cgroup_remove(g, &e) == 0);
	ctr_cgroup_free(g);
	loop_free(loop);
	STEP(!left_behind());
	return 0;
}

static int make_and_remove(void *data)
{
	struct ctr_cgroup *g = NULL;
	int r = ctr_cgroup_create(data, "c1", NULL, &g, &e);

	if (r < 0)
		return left_behind() ? 0 : r; /* 0 where a failure is expected fails the test */
	r = ctr_cgroup_remove(g, &e);
	if (r < 0 && ctr_cgroup_remove(g, &e) < 0)
		r = 0;
	ctr_cgroup_free(g);
	return r;
}

static int v1_out_of_memory(void)
{
	char name[64];

	STEP(ctr_cgroup_setup(&e) == 0);
	group_name(name);
	STEP(torture_each(make_and_remove, name) > 5);
	STEP(!left_behind());
	return 0;
}

TEST(a_create_without_memory_leaves_nothing)
{
	if (!is_usable(TMPFS_MAGIC))
		SKIP("needs root and v1 hierarchies");
	run(v1_out_of_memory);
}

static int v1_failed_create(void)
{
	struct ctr_resources res;
	struct ctr_cgroup *g = NULL;
	char name[64];

	STEP(ctr_cgroup_setup(&e) == 0);
	resources_none(&res);
	res.cpu.cpus = "9999";
	group_name(name);
	STEP(ctr_cgroup_create(name, "c1", &res, &g, &e) < 0);
	STEP(g == NULL && strstr(e.msg, "cpuset.cpus") != NULL);
	STEP(!left_behind());

	/* A guest's host may name CPUs of its own. */
	ctr_cgroup_tolerate_foreign();
	STEP(ctr_cgroup_create(name, "c1", &res, &g, &e) == 0);
	STEP(ctr_cgroup_apply(g, &res, false, &e) == 0);
	STEP(ctr_cgroup_remove(g, &e) == 0);
	ctr_cgroup_free(g);
	STEP(!left_behind());
	return 0;
}

TEST(a_create_that_fails_leaves_nothing_and_foreign_cpus_may_be_tolerated)
{
	if (!is_usable(TMPFS_MAGIC))
		SKIP("needs root and v1 hierarchies");
	run(v1_failed_create);
}

static int v1_oom_and_stats(void)
{
	struct ctr_oom_watch *w = NULL;
	struct ctr_resources res;
	struct ctr_cgroup *g = NULL;
	struct loop *loop = NULL;
	cleanup_stats struct ctr_stats s;
	uint64_t kills = 0;
	char name[64];

	ctr_stats_init(&s);
	STEP(ctr_cgroup_setup(&e) == 0);
	STEP(loop_new(&loop) == 0);
	resources_none(&res);
	res.memory.limit = 16 << 20;
	res.memory.swap = 16 << 20;
	res.pids_limit = 9;
	group_name(name);
	STEP(ctr_cgroup_create(name, "c1", &res, &g, &e) == 0);
	STEP(ctr_cgroup_apply(g, &res, false, &e) == 0);
	STEP(ctr_oom_watch_new(loop, g, count_kills, &kills, &w, &e) == 0);
	for (uint64_t want = 1; want <= 2; want++) {
		STEP(hog_once(g) == 0);
		for (int i = 0; i < 50 && kills < want; i++)
			STEP(loop_once(loop, 100) == 0);
		STEP(kills == want);
		STEP(ctr_cgroup_oom_kills(g) == want);
	}

	STEP(ctr_cgroup_read_stats(g, &s, &e) == 0);
	STEP(s.cpu_total_ns > 0 && s.n_percpu > 0);
	STEP(s.mem.limit == 16 << 20 && s.swap.limit == 16 << 20);
	STEP(s.mem.max_usage > 8 << 20 && s.swap.max_usage > 8 << 20);
	STEP(s.pids_limit == 9 && s.pids_current == 0);
	STEP(ctr_stats_mem_value(&s, "total_rss") == ctr_stats_mem_value(&s, "anon"));
	STEP(s.n_mem_stat > 20);

	/* The eventfd fires for the removal: no kill, and no spinning afterwards. */
	STEP(ctr_cgroup_remove(g, &e) == 0);
	STEP(loop_once(loop, 100) == 0);
	STEP(kills == 2);
	ctr_oom_watch_free(w);
	ctr_cgroup_free(g);
	loop_free(loop);
	STEP(!left_behind());
	return 0;
}

TEST(every_oom_kill_on_v1_is_told_once_and_the_statistics_are_real)
{
	if (!is_usable(TMPFS_MAGIC))
		SKIP("needs root and v1 hierarchies");
	run(v1_oom_and_stats);
}

TEST(v2_limits_statistics_and_oom_kills_are_real)
{
	pid_t pid;
	int status = -1;

	if (!is_usable(0))
		SKIP("needs root and a cgroup file system");
	/* A machine whose controllers are bound to v1 shows none here. */
	pid = fork();
	if (pid == 0)
		_exit(private_v2() != 0 ? 1 : has_v2_limits() ? 0 : NO_CONTROLLERS);
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_CONTROLLERS)
		SKIP("needs the memory, cpu and pids controllers on v2");
	run(v2_limits);
}
