/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in profile: its verdicts by capability, the cache, and real loads into a child. */
#include "tests/test.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/err.h"
#include "container/caps.h"
#include "container/seccomp.h"
#include "container/spec.h"
#include "tests/bpf_sim.h"
#include "tests/torture.h"

#define RET(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))
#define X32    UINT32_C(0x40000000)

static struct ctr_bpf *compile(const struct ctr_seccomp *s)
{
	struct ctr_bpf *b = NULL;
	struct err e = {0};

	CHECK_INT(ctr_seccomp_check(s, &e), 0);
	CHECK_INT(ctr_seccomp_compile(s, NULL, 0, &b, &e), 0);
	return b;
}

static struct ctr_bpf *compile_default(uint64_t caps)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 16);
	const struct ctr_seccomp *s = ctr_seccomp_default(caps, &a);

	assert_non_null(s);
	return compile(s);
}

static uint32_t ask(const struct ctr_bpf *b, uint32_t arch, long nr, uint64_t a0)
{
	struct seccomp_data d = {.nr = (int)nr, .arch = arch, .args = {a0}};

	return bpf_sim_run(b->insns, b->n, &d);
}

static uint32_t ask64(const struct ctr_bpf *b, long nr, uint64_t a0)
{
	return ask(b, AUDIT_ARCH_X86_64, nr, a0);
}

TEST(the_default_profile_denies_administration_without_its_capability)
{
	static const long nrs[] = {SYS_mount,
				   SYS_umount2,
				   SYS_unshare,
				   SYS_setns,
				   SYS_bpf,
				   SYS_reboot,
				   SYS_init_module,
				   SYS_swapon,
				   SYS_keyctl,
				   SYS_add_key,
				   SYS_perf_event_open,
				   SYS_userfaultfd,
				   SYS_move_mount,
				   SYS_fsopen,
				   SYS_pivot_root,
				   SYS_kexec_load,
				   SYS_open_by_handle_at,
				   SYS_settimeofday,
				   SYS_acct};
	struct ctr_bpf *b = compile_default(ctr_cap_default_set);

	for (size_t i = 0; i < ARRAY_LEN(nrs); i++)
		CHECK_INT(ask64(b, nrs[i], 0), RET(EPERM));
	CHECK_INT(ask64(b, SYS_read, 0), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_execve, 0), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_chroot, 0), SECCOMP_RET_ALLOW); /* CAP_SYS_CHROOT is in the set */
	CHECK_INT(ask64(b, 500, 0), RET(ENOSYS));
	ctr_bpf_unref(b);
}

TEST(two_default_profiles_do_not_share_memory)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 16);
	const struct ctr_seccomp *few = ctr_seccomp_default(0, &a);
	const struct ctr_seccomp *many = ctr_seccomp_default(CTR_CAP_BIT(CAP_SYS_ADMIN), &a);
	struct ctr_bpf *b;

	CHECK(few != NULL && many != NULL && few != many);
	b = compile(few);
	CHECK_INT(ask64(b, SYS_mount, 0), RET(EPERM));
	ctr_bpf_unref(b);
}

TEST(sys_admin_opens_its_group_and_nothing_of_the_others)
{
	struct ctr_bpf *b = compile_default(CTR_CAP_BIT(CAP_SYS_ADMIN));

	CHECK_INT(ask64(b, SYS_mount, 0), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_unshare, CLONE_NEWUSER), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_clone3, 0), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_clone, CLONE_NEWUSER), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_reboot, 0), RET(EPERM));
	CHECK_INT(ask64(b, SYS_chroot, 0), RET(EPERM));
	ctr_bpf_unref(b);
}

TEST(clone_makes_no_namespace_and_clone3_does_not_exist_without_sys_admin)
{
	static const uint64_t flags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
					 CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
	struct ctr_bpf *b = compile_default(0);

	CHECK_INT(ask64(b, SYS_clone, SIGCHLD | CLONE_VM | CLONE_FS), SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		CHECK_INT(ask64(b, SYS_clone, flags[i] | SIGCHLD), RET(EPERM));
	CHECK_INT(ask64(b, SYS_clone3, 0), RET(ENOSYS));
	ctr_bpf_unref(b);
}

TEST(vsock_and_odd_personalities_are_denied)
{
	struct ctr_bpf *b = compile_default(ctr_cap_default_set);

	CHECK_INT(ask64(b, SYS_socket, 40), RET(EPERM));
	CHECK_INT(ask64(b, SYS_socket, 2), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_personality, 0), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_personality, 0x20008), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_personality, 0xffffffff), SECCOMP_RET_ALLOW);
	CHECK_INT(ask64(b, SYS_personality, 0x0040000), RET(EPERM)); /* ADDR_NO_RANDOMIZE */
	ctr_bpf_unref(b);
}

TEST(x32_and_i386_numbers_of_denied_calls_are_denied_too)
{
	static const char *const names[] = {"mount", "unshare", "setns",   "reboot",
					    "bpf",   "keyctl",  "add_key", "swapon"};
	struct ctr_bpf *b = compile_default(ctr_cap_default_set);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int x32 = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X32, names[i]);
		int x86 = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, names[i]);

		CHECK_INT(ask(b, AUDIT_ARCH_X86_64, x32, 0), RET(EPERM));
		CHECK_INT(ask(b, AUDIT_ARCH_I386, x86, 0), RET(EPERM));
	}
	CHECK_INT(ask(b, AUDIT_ARCH_I386, 359, 40), RET(EPERM));
	CHECK_INT(ask(b, AUDIT_ARCH_I386, 359, 2), SECCOMP_RET_ALLOW);
	ctr_bpf_unref(b);
}

/* Forks, loads @b by the raw call and runs @fn; the wait status comes back. */
static int in_filter(const struct ctr_bpf *b, int (*fn)(void))
{
	const struct sock_fprog prog = {.len = (unsigned short)b->n, .filter = b->insns};
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, b->flags, &prog) < 0)
			_exit(99);
		_exit(fn());
	}
	CHECK(pid > 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static int try_denied(void)
{
	if (unshare(CLONE_NEWUTS) == 0 || errno != EPERM)
		return 1;
	if (mount("none", "/", NULL, MS_REMOUNT, NULL) == 0 || errno != EPERM)
		return 2;
	if (syscall(SYS_clone3, NULL, 0) == 0 || errno != ENOSYS)
		return 3;
	if (syscall(500) == 0 || errno != ENOSYS)
		return 4;
	return getppid() > 0 ? 0 : 5;
}

TEST(the_kernel_enforces_the_default_profile)
{
	struct ctr_bpf *b = compile_default(ctr_cap_default_set);
	int status = in_filter(b, try_denied);

	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
	ctr_bpf_unref(b);
}

static int call_getpriority(void)
{
	return (int)syscall(SYS_getpriority, 0, 0) < 0;
}

TEST(the_kernel_kills_where_the_profile_says_so)
{
	const char *names[] = {"getpriority", NULL};
	struct ctr_seccomp_rule r = {.names = {.v = names, .n = 1},
				     .action = "SCMP_ACT_KILL_PROCESS",
				     .errno_ret = CTR_UNSET};
	struct ctr_seccomp s = {.default_action = "SCMP_ACT_ALLOW",
				.default_errno_ret = CTR_UNSET,
				.rules = &r,
				.n_rules = 1};
	struct ctr_bpf *b = compile(&s);
	int status = in_filter(b, call_getpriority);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	ctr_bpf_unref(b);
}

TEST(the_cache_finds_by_content_and_tells_small_differences_apart)
{
	struct ctr_seccomp a = {.default_action = "SCMP_ACT_ALLOW", .default_errno_ret = CTR_UNSET};
	struct ctr_seccomp same = a, other = a;
	struct ctr_seccomp_cache *c = NULL;
	struct ctr_bpf *b = compile(&a), *got;

	other.has_flags = true;
	CHECK(ctr_seccomp_cache_new(&c) == 0);
	assert_null(ctr_seccomp_cache_get(c, &a));
	CHECK(ctr_seccomp_cache_put(c, &a, b) == 0);
	got = ctr_seccomp_cache_get(c, &same);
	CHECK(got == b);
	CHECK_INT(b->refs, 3);
	ctr_bpf_unref(got);
	assert_null(ctr_seccomp_cache_get(c, &other));
	ctr_seccomp_cache_free(c);
	CHECK_INT(b->refs, 1);
	ctr_bpf_unref(b);
}

TEST(the_cache_keeps_the_64_most_recently_used)
{
	struct ctr_seccomp s = {.default_action = "SCMP_ACT_ERRNO"};
	struct ctr_seccomp_cache *c = NULL;
	struct ctr_bpf *b = NULL;
	int n = 0;

	CHECK(ctr_bpf_from_bytes("12345678", 8, 0, false, &b) == 0);
	CHECK(ctr_seccomp_cache_new(&c) == 0);
	for (s.default_errno_ret = 0; s.default_errno_ret < 100; s.default_errno_ret++) {
		struct ctr_seccomp first = {.default_action = "SCMP_ACT_ERRNO"};

		CHECK(ctr_seccomp_cache_put(c, &s, b) == 0);
		ctr_bpf_unref(ctr_seccomp_cache_get(c, &first)); /* keeps it young */
	}
	for (s.default_errno_ret = 0; s.default_errno_ret < 100; s.default_errno_ret++) {
		struct ctr_bpf *got = ctr_seccomp_cache_get(c, &s);

		CHECK((got != NULL) ==
		      (s.default_errno_ret == 0 || s.default_errno_ret >= 100 - 63));
		n += got != NULL;
		ctr_bpf_unref(got);
	}
	CHECK_INT(n, 64);
	ctr_seccomp_cache_free(c);
	CHECK_INT(b->refs, 1);
	ctr_bpf_unref(b);
}

static int compile_and_cache(void *data)
{
	const struct ctr_seccomp s = {.default_action = "SCMP_ACT_ERRNO",
				      .default_errno_ret = CTR_UNSET};
	struct ctr_seccomp_cache *c = NULL;
	struct ctr_bpf *b = NULL;
	struct err e = {0};
	int r;

	(void)data;
	r = ctr_seccomp_compile(&s, NULL, 0, &b, &e);
	if (r == 0)
		r = ctr_seccomp_cache_new(&c);
	if (r == 0)
		r = ctr_seccomp_cache_put(c, &s, b);
	if (r == 0) {
		struct ctr_bpf *got = ctr_seccomp_cache_get(c, &s);

		/* A lookup without memory is a miss, no more. */
		r = got == NULL ? -ENOMEM : 0;
		ctr_bpf_unref(got);
	}
	ctr_bpf_unref(b);
	ctr_seccomp_cache_free(c);
	return r;
}

TEST(compiling_and_caching_survive_every_failed_allocation)
{
	CHECK(torture_each(compile_and_cache, NULL) > 4);
}
