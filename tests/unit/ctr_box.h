/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the test_ctr_*.c programs share: real containers on the running kernel, as root, through
 * ctr.h only. Each case is a child process with a mount namespace of its own and a busybox root
 * file system on a tmpfs; it must leave no mount, group, process or descriptor behind.
 */
#pragma once

#include "tests/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/str.h"
#include "container/caps.h"
#include "container/cgroup.h"
#include "container/ctr.h"
#include "container/seccomp.h"

#define DEADLINE_MS 20000

static struct err e;

unused_arg static int step_failed(const char *file, int line, const char *cond)
{
	(void)fprintf(stderr, "# %s:%d: %s (%d: %s)\n", file, line, cond, e.code, e.msg);
	return 1;
}

#define STEP(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond))                                                                       \
			return step_failed(__FILE__, __LINE__, #cond);                             \
	} while (0)

/* ---- the world of one case ---- */

/* Set by a program that wants another system around its containers. */
static int (*before_setup)(void);

static struct ctr_host host;
static char base[64], rootfs[96];

static int make_rootfs(void)
{
	static const char *const applets[] = {
		"sh",       "true",  "cat", "echo",  "sleep", "id",       "stat", "ls",   "test",
		"mkdir",    "touch", "env", "pwd",   "grep",  "kill",     "tty",  "stty", "head",
		"readlink", "umask", "cmp", "mount", "ps",    "hostname", "dd"};
	static const char *const dirs[] = {"bin", "etc", "proc", "sys",
					   "dev", "tmp", "home", "vol"};
	char path[160];

	(void)snprintf(base, sizeof(base), "/tmp/pith-ctr-%d", getpid());
	(void)snprintf(rootfs, sizeof(rootfs), "%s/rootfs", base);
	STEP(mkdir(base, 0700) == 0);
	STEP(mount("tmpfs", base, "tmpfs", 0, "mode=755") == 0);
	STEP(mkdir(rootfs, 0755) == 0);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", rootfs, dirs[i]);
		STEP(mkdir(path, 0755) == 0);
	}
	(void)snprintf(path, sizeof(path), "%s/bin/busybox", rootfs);
	{
		cleanup_close int from = open("/bin/busybox", O_RDONLY | O_CLOEXEC);
		cleanup_close int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
		static char buf[65536];
		ssize_t n;

		STEP(from >= 0 && to >= 0);
		while ((n = read(from, buf, sizeof(buf))) > 0)
			STEP(fd_write_full(to, buf, (size_t)n) == n);
	}
	for (size_t i = 0; i < ARRAY_LEN(applets); i++) {
		(void)snprintf(path, sizeof(path), "%s/bin/%s", rootfs, applets[i]);
		STEP(symlink("busybox", path) == 0);
	}
	(void)snprintf(path, sizeof(path), "%s/etc/passwd", rootfs);
	{
		cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		static const char text[] = "root:x:0:0:root:/root:/bin/sh\n"
					   "user:x:1000:1001:A User:/home:/bin/sh\n";

		STEP(fd >= 0 && fd_write_full(fd, text, sizeof(text) - 1) > 0);
	}
	return 0;
}

unused_arg static int world_begin(void)
{
	struct rlimit nofile;

	STEP(unshare(CLONE_NEWNS) == 0);
	STEP(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	if (make_rootfs() != 0)
		return 1;
	if (before_setup != NULL && before_setup() != 0)
		return 1;
	STEP(ctr_cgroup_setup(&e) == 0);
	STEP(getrlimit(RLIMIT_NOFILE, &nofile) == 0);
	host = (struct ctr_host){
		.is_agent = true,
		.boot_nofile = nofile,
		.default_oom_score_adj = CTR_UNSET,
		.default_hook_timeout_s = 10,
		.bundle_root = base,
		.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC),
		.own_pidns_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC),
	};
	STEP(host.null_fd >= 3);
	STEP(loop_new(&host.loop) == 0);
	return 0;
}

unused_arg static int world_end(void)
{
	loop_free(host.loop);
	STEP(umount2(base, MNT_DETACH) == 0);
	STEP(rmdir(base) == 0);
	return 0;
}

unused_arg static bool is_usable(void)
{
	return geteuid() == 0 && access("/sys/fs/cgroup", F_OK) == 0 &&
	       access("/bin/busybox", X_OK) == 0;
}

/* A case must leave this process and this machine as they were. */
unused_arg static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

/* Under the address sanitizer only: the case leaves by _exit, past the usual check. */
__attribute__((weak)) void __lsan_do_leak_check(void);

/* A case that failed half-way: its container goes all the same. */
static void clean_up(void);

unused_arg static void run_case(int (*fn)(void))
{
	pid_t pid;
	int status = -1;

	if (!is_usable())
		SKIP("needs root, cgroups and /bin/busybox");
	pid = fork();
	if (pid == 0) {
		int r = world_begin() != 0 || fn() != 0;

		if (r != 0)
			clean_up();
		r = world_end() != 0 || r != 0;
		if (r == 0 && __lsan_do_leak_check != NULL)
			__lsan_do_leak_check();
		_exit(r);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}

#define CASE(name)                                                                                 \
	static int case_##name(void);                                                              \
	TEST(name)                                                                                 \
	{                                                                                          \
		run_case(case_##name);                                                             \
	}                                                                                          \
	static int case_##name(void)

/* ---- a spec that containerd would send ---- */

struct box {
	struct arena arena;
	struct ctr_spec *spec;
	struct ctr *ctr;
	int out; /* read end of stdout and stderr */
	int in;
	char text[65536];
	size_t n;
	bool is_done, has_exited;
	struct err result;
	char id[48];
};

static void *dup_array(struct arena *a, const void *from, size_t n, size_t size)
{
	void *p = arena_array(a, n + 1, size);

	if (p == NULL)
		abort();
	if (n > 0)
		memcpy(p, from, n * size);
	return p;
}

#define STRV(a, ...)                                                                               \
	((struct ctr_strv){dup_array(a, (const char *[]){__VA_ARGS__},                             \
				     sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),       \
				     sizeof(char *)),                                              \
			   sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)})

unused_arg static void add_mount(struct box *b, const char *type, const char *source,
				 const char *to, struct ctr_strv options)
{
	struct ctr_mount m = {
		.destination = to, .source = source, .type = type, .options = options};
	struct ctr_mount *v = dup_array(&b->arena, b->spec->mounts, b->spec->n_mounts, sizeof(m));

	v[b->spec->n_mounts++] = m;
	b->spec->mounts = v;
}

unused_arg static void add_ns(struct box *b, enum ctr_ns_type type)
{
	struct ctr_namespace ns = {.type = type, .fd = -EBADF};
	struct ctr_namespace *v =
		dup_array(&b->arena, b->spec->namespaces, b->spec->n_namespaces, sizeof(ns));

	v[b->spec->n_namespaces++] = ns;
	b->spec->namespaces = v;
}

unused_arg static struct ctr_process_spec *make_process(struct arena *a, const char *command)
{
	struct ctr_process_spec *p = arena_alloc(a, sizeof(*p));

	if (p == NULL)
		abort();
	ctr_process_spec_init(p);
	p->args = STRV(a, "sh", "-c", command);
	p->env = STRV(a, "PATH=/usr/bin:/bin", "TERM=linux");
	p->cwd = "/";
	p->no_new_privs = true;
	p->has_caps = true;
	for (int i = CTR_CAP_BOUNDING; i <= CTR_CAP_PERMITTED; i++) {
		if (i != CTR_CAP_INHERITABLE)
			p->caps[i] = STRV(a, "CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID");
	}
	return p;
}

unused_arg static void box_init(struct box *b, const char *command)
{
	static int serial;
	struct arena *a;

	*b = (struct box){.out = -EBADF, .in = -EBADF};
	b->arena = ARENA_INIT(1U << 20);
	a = &b->arena;
	(void)snprintf(b->id, sizeof(b->id), "t%d-%d", getpid(), ++serial);
	b->spec = arena_alloc(a, sizeof(*b->spec));
	if (b->spec == NULL)
		abort();
	ctr_spec_init(b->spec);
	b->spec->version = "1.1.0";
	b->spec->has_linux = true;
	b->spec->root_path = rootfs;
	b->spec->hostname = "box";
	b->spec->process = make_process(a, command);
	add_ns(b, CTR_NS_MOUNT);
	add_ns(b, CTR_NS_PID);
	add_ns(b, CTR_NS_IPC);
	add_ns(b, CTR_NS_UTS);
	add_ns(b, CTR_NS_CGROUP);
	add_mount(b, "proc", "proc", "/proc", STRV(a, "nosuid", "noexec", "nodev"));
	add_mount(b, "tmpfs", "tmpfs", "/dev",
		  STRV(a, "nosuid", "strictatime", "mode=755", "size=65536k"));
	add_mount(
		b, "devpts", "devpts", "/dev/pts",
		STRV(a, "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"));
	add_mount(b, "tmpfs", "shm", "/dev/shm", STRV(a, "nosuid", "noexec", "nodev", "mode=1777"));
	add_mount(b, "mqueue", "mqueue", "/dev/mqueue", STRV(a, "nosuid", "noexec", "nodev"));
	add_mount(b, "sysfs", "sysfs", "/sys", STRV(a, "nosuid", "noexec", "nodev", "ro"));
	add_mount(b, "cgroup", "cgroup", "/sys/fs/cgroup",
		  STRV(a, "nosuid", "noexec", "nodev", "relatime", "ro"));
	b->spec->masked_paths = STRV(a, "/proc/kcore", "/proc/keys", "/proc/timer_list",
				     "/proc/scsi", "/sys/firmware", "/proc/not-there");
	b->spec->readonly_paths =
		STRV(a, "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");
}

static void on_done(void *data, const struct err *result)
{
	struct box *b = data;

	b->is_done = true;
	b->result = *result;
}

static void on_exit_of(void *data, unused_arg struct ctr_process *p)
{
	struct box *b = data;

	b->has_exited = true;
}

unused_arg static void drain(struct box *b)
{
	struct pollfd p = {.fd = b->out, .events = POLLIN};

	while (b->out >= 0 && poll(&p, 1, 0) > 0) {
		ssize_t n = read(b->out, b->text + b->n, sizeof(b->text) - 1 - b->n);

		if (n <= 0) {
			b->out = fd_close(b->out);
			break;
		}
		b->n += (size_t)n;
		b->text[b->n] = '\0';
	}
}

/* Runs the loop until *flag or the deadline. */
unused_arg static bool wait_for(struct box *b, const bool *flag)
{
	uint64_t end = loop_now_ns() + DEADLINE_MS * 1000000ULL;

	while (!*flag && loop_now_ns() < end) {
		if (loop_once(host.loop, 100) < 0)
			return false;
		drain(b);
	}
	if (!*flag)
		(void)fprintf(stderr, "# timed out\n");
	return *flag;
}

unused_arg static bool finished(struct box *b)
{
	bool ok = wait_for(b, &b->is_done);

	b->is_done = false;
	e = b->result;
	return ok && b->result.code == 0;
}

/* Return: 0, or the code of ctr_new or ctr_create. */
unused_arg static int box_create(struct box *b)
{
	int out[2], in[2], r;

	e = (struct err){0};
	r = ctr_new(&host, b->id, base, b->spec, &b->arena, &b->ctr, &e);
	if (r < 0)
		return r;
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(in, O_CLOEXEC) < 0)
		abort();
	b->out = out[0];
	b->in = in[1];
	r = ctr_create(b->ctr, (const int[3]){in[0], out[1], out[1]}, on_done, b, &e);
	(void)close(in[0]);
	(void)close(out[1]);
	if (r == 0 && !finished(b))
		r = e.code;
	if (r == 0)
		ctr_process_on_exit(ctr_init(b->ctr), on_exit_of, b);
	return r;
}

unused_arg static bool box_start(struct box *b)
{
	return ctr_start(b->ctr, on_done, b, &e) == 0 && finished(b);
}

unused_arg static bool box_delete(struct box *b)
{
	bool ok = ctr_delete(b->ctr, 0, on_done, b, &e) == 0 && finished(b);

	ctr_free(b->ctr);
	b->ctr = NULL;
	b->out = fd_close(b->out);
	b->in = fd_close(b->in);
	return ok;
}

unused_arg static void box_drop(struct box *b)
{
	ctr_free(b->ctr);
	arena_done(&b->arena);
	b->out = fd_close(b->out);
	b->in = fd_close(b->in);
}

/* Create, start, wait, delete. Return: exit code, or -1. */
unused_arg static int box_run(struct box *b)
{
	int code;

	if (box_create(b) < 0 || !box_start(b) || !wait_for(b, &b->has_exited))
		return -1;
	drain(b);
	code = ctr_process_exit_code(ctr_init(b->ctr));
	return box_delete(b) ? code : -1;
}

#define EXPECT(b, needle)                                                                          \
	do {                                                                                       \
		if (strstr((b)->text, needle) == NULL) {                                           \
			(void)fprintf(stderr, "# %s:%d: no \"%s\" in:\n%s\n", __FILE__, __LINE__,  \
				      needle, (b)->text);                                          \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static struct box box;

static void clean_up(void)
{
	box.is_done = false;
	if (box.ctr != NULL && ctr_delete(box.ctr, 0, on_done, &box, &e) == 0)
		(void)finished(&box);
}
