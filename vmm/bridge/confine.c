/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's own jail. The list below is all that the event loop does: no open, no exec, no fork. */
#include "vmm/bridge/confine.h"

#include <linux/capability.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/err.h"
#include "vmm/bridge/device.h"

static const int allowed[] = {
	/* data */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(close),
	SCMP_SYS(shutdown),
	/* connections */
	SCMP_SYS(accept4),
	SCMP_SYS(connect),
	SCMP_SYS(fcntl),
	SCMP_SYS(setsockopt),
	/* the loop */
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	/* memory: the guest's regions and malloc */
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(munmap),
	SCMP_SYS(brk),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	/* log lines and the end, abort included */
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static int load_filter(struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(allowed); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	/* Nothing ever becomes executable. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? err_set(e, r, "load the system call filter") : 0;
}

static int set_limit(__rlimit_resource_t what, rlim_t value, struct err *e)
{
	struct rlimit rl;

	if (getrlimit(what, &rl) < 0)
		return err_set(e, -errno, "read a resource limit");
	/* Raising the soft limit up to the hard one needs no privilege; a lower hard limit stays. */
	rl.rlim_max = MIN(rl.rlim_max, value);
	rl.rlim_cur = rl.rlim_max;
	return setrlimit(what, &rl) < 0 ? err_set(e, -errno, "set a resource limit") : 0;
}

static int drop_ids(const struct vsb_confine *c, struct err *e)
{
	const struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {0};

	if (c->root != NULL && (chroot(c->root) < 0 || chdir("/") < 0))
		return err_set(e, -errno, "chroot to '%s'", c->root);
	if (c->gid != (gid_t)-1 &&
	    (setgroups(0, NULL) < 0 || setresgid(c->gid, c->gid, c->gid) < 0))
		return err_set(e, -errno, "become group %u", c->gid);
	if (c->uid != (uid_t)-1 && setresuid(c->uid, c->uid, c->uid) < 0)
		return err_set(e, -errno, "become user %u", c->uid);

	/* Root without --uid keeps its files, but no capability. */
	if (syscall(SYS_capset, &hdr, none) < 0)
		return err_set(e, -errno, "drop capabilities");
	return 0;
}

int vsb_confine(const struct vsb_confine *c, struct err *e)
{
	int r;

	r = set_limit(RLIMIT_NOFILE, VSB_CONNS_MAX + 256, e);
	if (r == 0)
		r = set_limit(RLIMIT_CORE, 0, e);
	if (r == 0)
		r = set_limit(RLIMIT_NPROC, 0, e);
	if (r == 0)
		r = drop_ids(c, e);
	if (r < 0)
		return r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, -errno, "no_new_privs");
	return c->seccomp ? load_filter(e) : 0;
}
