/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over the plan, and the operations of one system call. Never allocates, logs or takes a
 * lock: the process is a copy of a larger one, of which only this thread exists.
 */
#include "container/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "container/child_ops.h"

#define SWEEP_FIRST 5 /* 0..2, the channel and the root stay */

void child_report(const struct child *c, uint32_t type, int code, const int *fd)
{
	struct child_report report = {
		.type = type,
		.op = c->op,
		.code = code,
		.step = c->step,
		.detail = c->detail,
	};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = &report, .iov_len = sizeof(report)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd == NULL) {
		/* write and not send: the only form that every seccomp profile lets through. */
		(void)!write(c->report, &report, sizeof(report));
		return;
	}
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof(control.bytes);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	__builtin_memcpy(CMSG_DATA(&control.align), fd, sizeof(int));
	(void)!sendmsg(c->report, &msg, MSG_NOSIGNAL);
}

int child_fail(struct child *c, uint32_t step, int code)
{
	c->step = step;
	return code;
}

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int child_begin(const struct plan *plan)
{
	struct child_sigaction dfl = {0};
	uint64_t none = 0;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	/* Handlers went with the clone (CLONE_CLEAR_SIGHAND), what is ignored stays so. The raw call:
	 * the library's refuses to touch the two signals that it keeps to itself. */
	for (uint64_t left = plan->ignored_signals; left != 0; left &= left - 1)
		(void)syscall(SYS_rt_sigaction, __builtin_ctzll(left) + 1, &dfl, NULL,
			      sizeof(dfl.mask));
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	(void)umask(022);
	return result(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC));
}

/*
 * Closes all that set-up needed: the channel and the root stay, at the lowest numbers, so that a
 * small RLIMIT_NOFILE leaves room, and no working directory can name a descriptor of the guest.
 */
static int child_sweep(struct child *c)
{
	int report = fcntl(c->report, F_DUPFD_CLOEXEC, SWEEP_FIRST);
	int root = fcntl(c->root, F_DUPFD_CLOEXEC, SWEEP_FIRST);

	if (report < 0 || root < 0 || dup3(report, 3, O_CLOEXEC) < 0 ||
	    dup3(root, 4, O_CLOEXEC) < 0)
		return -errno;
	c->report = 3;
	c->root = 4;
	c->proc = c->mask = c->null = -EBADF;
	return result(close_range(SWEEP_FIRST, ~0U, 0));
}

static int child_sync(const struct child *c)
{
	char go;
	ssize_t n;

	child_report(c, CHILD_SYNC, 0, NULL);
	do
		n = read(c->report, &go, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -ECANCELED;
}

static int child_unshare(uint64_t flags)
{
	int r = 0;

	/* Some kernels answer EINVAL once in a while for a namespace owned by a fresh user namespace. */
	for (int i = 0; i < 5; i++) {
		r = result(unshare((int)flags));
		if (r != -EINVAL)
			break;
	}
	return r;
}

static int child_rlimit(const struct plan_op *op)
{
	struct rlimit limit = {.rlim_cur = op->arg2, .rlim_max = op->arg3};

	return result(prlimit(0, (__rlimit_resource_t)op->arg, &limit, NULL));
}

static int child_seccomp(const struct plan_op *op)
{
	union {
		const struct sock_filter *in;
		struct sock_filter *out;
	} insns = {.in = op->insns};
	struct sock_fprog prog = {.len = (unsigned short)op->n, .filter = insns.out};

	return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op->arg, &prog));
}

static int child_chdir(struct child *c, const struct plan_op *op)
{
	c->chdir_code = result(chdir(op->str));
	if (c->chdir_code == -EACCES || c->chdir_code == -EPERM)
		return 0; /* root may be a stranger on a network file system: once more as the user */
	return c->chdir_code;
}

static int child_exec(const struct child *c, const struct plan_op *op)
{
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = op->strv};
	union {
		const char **in;
		char *const *out;
	} env = {.in = c->plan->env};

	(void)execve(c->exec_path != NULL ? c->exec_path : op->str, args.out, env.out);
	return -errno;
}

/* Namespaces, root and mounts: everything that is over before the last capability goes. */
static int child_op_build(struct child *c, const struct plan_op *op)
{
	switch ((int)op->type) {
	case PLAN_BEGIN:
		return child_begin(c->plan);
	case PLAN_SETNS:
		return result(setns(op->fd, (int)op->arg));
	case PLAN_UNSHARE:
		return child_unshare(op->arg);
	case PLAN_BECOME_ROOT:
		return child_become_root(op);
	case PLAN_LOOPBACK:
		return child_loopback();
	case PLAN_KEYRING:
		return child_keyring(op);
	case PLAN_PROPAGATE:
		return result(mount(NULL, "/", NULL, op->arg, NULL));
	case PLAN_PARENT_PRIVATE:
		return child_parent_private(op);
	case PLAN_ROOT_OPEN:
		return child_root_open(c, op);
	case PLAN_PROC_OPEN:
		return child_proc_open(c);
	case PLAN_MOUNT:
		return child_mount(c, op->mount);
	case PLAN_MKDIR:
		/* A missing working directory is made if that is possible; chdir tells otherwise. */
		(void)close(child_make_target(c->root, op->str, 1, 0));
		return 0;
	case PLAN_DEVICE:
		return child_device(c, op->device);
	case PLAN_SYMLINK:
		return child_symlink(c, op);
	case PLAN_PIVOT:
		return child_pivot(c, op);
	case PLAN_CONSOLE:
		return child_console(c, op);
	case PLAN_READ_ONLY:
		return child_read_only(c, op);
	case PLAN_HOSTNAME:
		return result(sethostname(op->str, op->n));
	case PLAN_DOMAINNAME:
		return result(setdomainname(op->str, op->n));
	case PLAN_PROC_WRITE:
		return child_proc_write(c, op);
	case PLAN_PATH_READ_ONLY:
		return child_path_read_only(c, op);
	case PLAN_PATH_MASK:
		return child_path_mask(c, op);
	default:
		return -ENOSYS;
	}
}

/* The process itself. */
static int child_op_self(struct child *c, const struct plan_op *op)
{
	switch ((int)op->type) {
	case PLAN_SYNC:
		return child_sync(c);
	case PLAN_SESSION:
		(void)setsid(); /* EPERM: leads one already */
		return 0;
	case PLAN_STDIO:
		return child_stdio(c, op);
	case PLAN_NO_NEW_PRIVS:
		return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	case PLAN_SWEEP:
		return child_sweep(c);
	case PLAN_RLIMIT:
		return child_rlimit(op);
	case PLAN_USER:
		return child_user(c, op);
	case PLAN_SECCOMP:
		return child_seccomp(op);
	case PLAN_CHDIR:
		return child_chdir(c, op);
	case PLAN_BOUNDING:
		return child_bounding(op);
	case PLAN_STDIO_OWNER:
		return child_stdio_owner(c);
	case PLAN_GROUPS:
		return child_groups(op);
	case PLAN_IDS:
		return child_ids(c);
	case PLAN_CWD:
		return child_cwd(c, op);
	case PLAN_CAPS:
		return child_caps(op);
	case PLAN_AMBIENT:
		return child_ambient(c, op);
	case PLAN_UMASK:
		(void)umask((mode_t)op->arg);
		return 0;
	case PLAN_LOOKUP:
		return child_lookup(c, op);
	case PLAN_MARK:
		/* Refused by old or strict filters: everything is close-on-exec already. */
		(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
		child_report(c, CHILD_MARK, 0, NULL);
		return 0;
	case PLAN_EXEC:
		return child_exec(c, op);
	default:
		return child_op_build(c, op);
	}
}

noreturn void child_run(const struct plan *plan)
{
	struct child c = {
		.plan = plan, .root = -EBADF, .proc = -EBADF, .mask = -EBADF, .null = -EBADF};
	int r = 0;

	c.report = plan->report_fd;
	c.uid = plan->uid;
	c.gid = plan->gid;
	for (c.op = 0; c.op < plan->n_ops; c.op++) {
		if (plan->at != NULL)
			*plan->at = c.op;
		r = child_op_self(&c, &plan->op[c.op]);
		if (r < 0) {
			child_report(&c, CHILD_ERROR, r, NULL);
			break;
		}
	}
	_exit(r == -ENOENT ? CHILD_EXIT_NOT_FOUND : CHILD_EXIT_NOT_EXECUTABLE);
}
