/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity of the process, for the child: ids, groups, capabilities, keyring, working directory and
 * the program to run. Ids are set by raw system calls: the library's versions signal all threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/child_ops.h"
#include "container/child_user.h"

static int set_ids(uint32_t uid, uint32_t gid)
{
	if (syscall(SYS_setresgid, gid, gid, gid) < 0)
		return -errno;
	return syscall(SYS_setresuid, uid, uid, uid) < 0 ? -errno : 0;
}

int child_become_root(const struct plan_op *op)
{
	if (op->arg && syscall(SYS_setgroups, 0, NULL) < 0)
		return -errno;
	return set_ids(0, 0);
}

int child_loopback(void)
{
	struct ifreq req = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFFLAGS, &req) < 0) {
		r = -errno;
	} else {
		req.ifr_flags = (short)(req.ifr_flags | IFF_UP | IFF_RUNNING);
		if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
			r = -errno;
	}
	(void)close(fd);
	return r;
}

int child_keyring(const struct plan_op *op)
{
	long id = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, op->str);

	if (id < 0)
		return errno == ENOSYS ? 0 : -errno;
	if (op->arg != 0 && syscall(SYS_keyctl, KEYCTL_SETPERM, id, op->arg) < 0)
		return -errno;
	return 0;
}

/* The whole of the container's /etc/passwd in memory of our own. Return: bytes or -errno. */
static ssize_t read_passwd(int root, char **ret)
{
	int fd = child_open_in(root, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	size_t at = 0, size;
	struct stat st;
	ssize_t n = 0;
	char *p;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)CHILD_USER_FILE_MAX) {
		(void)close(fd);
		return -EFBIG;
	}
	size = (size_t)st.st_size + 1;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (at < size && (n = read(fd, p + at, size - at)) > 0)
		at += (size_t)n;
	(void)close(fd);
	*ret = p; /* left mapped: the process execs or exits */
	return n < 0 ? -EIO : (ssize_t)at;
}

/* env[home_at] is "HOME=" with room for a path behind it. */
static void set_home(const struct plan *plan, const char *home, size_t n)
{
	union {
		const char *in;
		char *out;
	} slot = {.in = plan->env[plan->home_at]};

	if (n == 0 || n >= PLAN_HOME_MAX || memchr(home, '\0', n) != NULL) {
		home = "/";
		n = 1;
	}
	memcpy(slot.out + sizeof("HOME=") - 1, home, n);
	slot.out[sizeof("HOME=") - 1 + n] = '\0';
}

int child_user(struct child *c, const struct plan_op *op)
{
	struct child_user entry = {.home = "/", .home_n = 1};
	char *text = NULL;
	ssize_t n = read_passwd(c->root, &text);
	int r = n < 0 ? (int)n : child_user_find(text, (size_t)n, op->str, c->uid, &entry);

	if (op->str != NULL) {
		if (r < 0)
			return child_fail(c, PLAN_STEP_NO_USER, r);
		c->uid = entry.uid;
		c->gid = entry.gid;
	}
	if (c->plan->home_at != SIZE_MAX)
		set_home(c->plan, entry.home, entry.home_n);
	return 0;
}

int child_groups(const struct plan_op *op)
{
	return syscall(SYS_setgroups, op->n, op->ids) < 0 ? -errno : 0;
}

/* The parent has asked the kernel, not a file, how many there are. */
int child_bounding(const struct plan_op *op)
{
	for (unsigned cap = 0; cap < op->n; cap++) {
		if (op->arg & (UINT64_C(1) << cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return -EPERM;
	}
	return 0;
}

int child_ids(const struct child *c)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	return set_ids(c->uid, c->gid);
}

int child_caps(const struct plan_op *op)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)op->arg, (uint32_t)op->arg2, (uint32_t)op->arg3},
		{(uint32_t)(op->arg >> 32), (uint32_t)(op->arg2 >> 32), (uint32_t)(op->arg3 >> 32)},
	};

	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int child_ambient(struct child *c, const struct plan_op *op)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (unsigned cap = 0; cap < 64; cap++) {
		if (!(op->arg & (UINT64_C(1) << cap)))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0) {
			c->detail = cap;
			child_report(c, CHILD_WARNING, -errno, NULL);
			c->detail = 0;
		}
	}
	return 0;
}

/* Raw getcwd(2) writes "(unreachable)" in front of a directory outside; the library hides it. */
int child_cwd(struct child *c, const struct plan_op *op)
{
	char cwd[4096];

	if (c->chdir_code < 0 && chdir(op->str) < 0)
		return -errno;
	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0 || cwd[0] != '/')
		return child_fail(c, PLAN_STEP_OUTSIDE, -ENOENT);
	return 0;
}

/* Whether the file may be run. Return: 0 or -errno. */
static int try_exec(struct child *c, const struct plan_op *op, const char *path)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		(void)close(fd);
		return -errno;
	}
	(void)close(fd);
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	/* Real and effective ids are the same here; the old call is in every seccomp profile. */
	if (!S_ISREG(st.st_mode) || syscall(SYS_faccessat, AT_FDCWD, path, X_OK) < 0)
		return -EACCES;
	/* Our own program, reached through a magic link: never to be run inside a container. */
	if (st.st_dev == op->arg && st.st_ino == op->arg2)
		return child_fail(c, PLAN_STEP_OWN_BINARY, -EACCES);
	return 0;
}

int child_lookup(struct child *c, const struct plan_op *op)
{
	int remembered = 0, r;

	if (op->strv == NULL) {
		c->exec_path = op->str;
		return try_exec(c, op, op->str);
	}
	for (const char *const *dir = op->strv; *dir != NULL; dir++) {
		size_t n = strlen(*dir), name = strlen(op->str);

		if (n + 1 + name >= sizeof(c->path))
			continue;
		memcpy(c->path, *dir, n);
		c->path[n] = '/';
		memcpy(c->path + n + 1, op->str, name + 1);
		r = try_exec(c, op, c->path);
		if (r == 0) {
			c->exec_path = c->path;
			return 0;
		}
		if (c->step == PLAN_STEP_OWN_BINARY)
			return r;
		if (r == -EACCES)
			remembered = r;
		else if (r != -ENOENT && r != -ENOTDIR && r != -EISDIR)
			return r;
	}
	return remembered < 0 ? remembered : child_fail(c, PLAN_STEP_NOT_IN_PATH, -ENOENT);
}
