/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles: programs are asked through an interpreter, then by real system calls. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/err.h"
#include "container/caps.h"
#include "container/seccomp.h"
#include "container/seccomp_tables.h"
#include "container/spec.h"
#include "tests/bpf_sim.h"

#define X32    UINT32_C(0x40000000)
#define RET(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))
#define STRV(...)                                                                                  \
	((struct ctr_strv){.v = (const char *[]){__VA_ARGS__, NULL},                               \
			   .n = ARRAY_LEN(((const char *[]){__VA_ARGS__}))})
#define RULE(act, ...)                                                                             \
	{                                                                                          \
		.names = STRV(__VA_ARGS__), .action = (act), .errno_ret = CTR_UNSET                \
	}
#define PROFILE(def, r)                                                                            \
	((struct ctr_seccomp){.default_action = (def),                                             \
			      .default_errno_ret = CTR_UNSET,                                      \
			      .rules = (r),                                                        \
			      .n_rules = ARRAY_LEN(r)})

static struct ctr_bpf *compile(const struct ctr_seccomp *s)
{
	struct ctr_bpf *b = NULL;
	struct err e = {0};

	CHECK_INT(ctr_seccomp_check(s, &e), 0);
	CHECK_INT(ctr_seccomp_compile(s, NULL, 0, &b, &e), 0);
	return b;
}

static uint32_t ask6(const struct ctr_bpf *b, uint32_t arch, uint32_t nr, uint64_t a0, uint64_t a1)
{
	struct seccomp_data d = {.nr = (int)nr, .arch = arch, .args = {a0, a1}};

	return bpf_sim_run(b->insns, b->n, &d);
}

static uint32_t ask(const struct ctr_bpf *b, uint32_t arch, uint32_t nr)
{
	return ask6(b, arch, nr, 0, 0);
}

static uint32_t nr_on(uint32_t token, const char *name)
{
	return (uint32_t)seccomp_syscall_resolve_name_arch(token, name);
}

static enum err_kind refused(const struct ctr_seccomp *s, const char *words)
{
	struct err e = {0};

	CHECK(ctr_seccomp_check(s, &e) < 0);
	if (strstr(e.msg, words) == NULL)
		CHECK_STR(e.msg, words);
	return e.kind;
}

TEST(an_unknown_word_is_refused_by_field)
{
	struct ctr_seccomp_rule bad_action[] = {RULE("SCMP_ACT_NOPE", "read")};
	struct ctr_seccomp_arg arg = {.index = 0, .op = "SCMP_CMP_XX"};
	struct ctr_seccomp_rule bad_op[] = {RULE("SCMP_ACT_ALLOW", "read")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", bad_action);

	CHECK(refused(&s, "syscalls[0].action 'SCMP_ACT_NOPE'") == ERR_INVALID);
	bad_op[0].args = &arg;
	bad_op[0].n_args = 1;
	s.rules = bad_op;
	CHECK(refused(&s, "args[0].op 'SCMP_CMP_XX'") == ERR_INVALID);
	arg = (struct ctr_seccomp_arg){.index = 6, .op = "SCMP_CMP_EQ"};
	CHECK(refused(&s, "args[0].index") == ERR_INVALID);
	s.n_rules = 0;
	s.architectures = STRV("SCMP_ARCH_Z80");
	CHECK(refused(&s, "architectures[0] 'SCMP_ARCH_Z80'") == ERR_INVALID);
	s.architectures.n = 0;
	s.flags = STRV("SECCOMP_FILTER_FLAG_LOG", "X");
	CHECK(refused(&s, "flags[1] 'X'") == ERR_INVALID);
	s.flags.n = 0;
	s.default_action = "ALLOW";
	CHECK(refused(&s, "defaultAction 'ALLOW'") == ERR_INVALID);
	s.default_action = NULL;
	CHECK(refused(&s, "defaultAction is missing") == ERR_INVALID);
}

TEST(an_empty_name_list_is_refused)
{
	struct ctr_seccomp_rule r[] = {{.action = "SCMP_ACT_ALLOW", .errno_ret = CTR_UNSET}};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", r);

	CHECK(refused(&s, "syscalls[0].names") == ERR_INVALID);
}

TEST(an_errno_belongs_to_errno_and_trace_and_fits_4095)
{
	struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_ALLOW", "read")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", r);
	struct err e = {0};

	r[0].errno_ret = 1;
	CHECK(refused(&s, "errnoRet") == ERR_INVALID);
	r[0].action = "SCMP_ACT_TRACE";
	CHECK(ctr_seccomp_check(&s, &e) == 0);
	r[0].errno_ret = 4096;
	CHECK(refused(&s, "errnoRet") == ERR_INVALID);
	r[0].errno_ret = CTR_UNSET;
	s.default_errno_ret = 4096;
	CHECK(refused(&s, "defaultErrnoRet") == ERR_INVALID);
	s.default_errno_ret = 4095;
	CHECK(ctr_seccomp_check(&s, &e) == 0);
	s.default_action = "SCMP_ACT_KILL";
	CHECK(refused(&s, "defaultErrnoRet") == ERR_INVALID);
}

TEST(notify_is_refused_and_never_silently_dropped)
{
	struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_NOTIFY", "mkdir")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ALLOW", r);

	CHECK(refused(&s, "listenerPath") == ERR_INVALID);
	s.listener_path = "/run/l";
	CHECK(refused(&s, "not supported") == ERR_UNIMPLEMENTED);
	r[0].names = STRV("mkdir", "write");
	CHECK(refused(&s, "write") == ERR_INVALID);
	s.n_rules = 0;
	s.default_action = "SCMP_ACT_NOTIFY";
	CHECK(refused(&s, "defaultAction") == ERR_INVALID);
	s.default_action = "SCMP_ACT_ALLOW";
	s.listener_path = NULL;
	s.listener_metadata = "x";
	CHECK(refused(&s, "listenerMetadata") == ERR_INVALID);
}

TEST(every_action_gives_its_verdict)
{
	static const struct {
		const char *name;
		uint32_t verdict;
	} v[] = {
		{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
		{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
		{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
		{"SCMP_ACT_ERRNO", RET(EPERM)},
		{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM},
		{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct ctr_seccomp_rule r[] = {RULE(v[i].name, "mkdir")};
		struct ctr_seccomp s = PROFILE("SCMP_ACT_ALLOW", r);
		struct ctr_bpf *b = compile(&s);

		CHECK_INT(ask(b, AUDIT_ARCH_X86_64, SYS_mkdir), v[i].verdict);
		CHECK_INT(ask(b, AUDIT_ARCH_X86_64, SYS_read), SECCOMP_RET_ALLOW);
		ctr_bpf_unref(b);
	}
}

TEST(a_given_errno_is_used_also_by_the_default_action)
{
	struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_ERRNO", "mkdir"),
				       RULE("SCMP_ACT_ALLOW", "mseal", "pidfd_open")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", r);
	struct ctr_bpf *b;

	r[0].errno_ret = EACCES;
	s.default_errno_ret = ENOTSUP;
	b = compile(&s);
	CHECK_INT(ask(b, AUDIT_ARCH_X86_64, SYS_mkdir), RET(EACCES));
	CHECK_INT(ask(b, AUDIT_ARCH_X86_64, SYS_read), RET(ENOTSUP));
	ctr_bpf_unref(b);
}

TEST(calls_above_the_highest_named_one_get_enosys_whatever_its_action)
{
	/* The highest name is in a group that repeats the default action. */
	struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_ALLOW", "read"),
				       RULE("SCMP_ACT_ERRNO", "statx")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", r);
	struct ctr_bpf *b = compile(&s);

	for (uint32_t nr = 0; nr <= 600; nr++) {
		uint32_t want = nr == SYS_read   ? SECCOMP_RET_ALLOW
				: nr > SYS_statx ? RET(ENOSYS)
						 : RET(EPERM);

		CHECK_INT(ask(b, AUDIT_ARCH_X86_64, nr), want);
	}
	ctr_bpf_unref(b);
}

TEST(no_stub_where_the_default_lets_calls_through)
{
	static const char *const actions[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"};

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_KILL", "read")};
		struct ctr_seccomp s = PROFILE(actions[i], r);
		struct ctr_bpf *b = compile(&s);

		CHECK(ask(b, AUDIT_ARCH_X86_64, 600) != RET(ENOSYS));
		ctr_bpf_unref(b);
	}
}

TEST(unlisted_architectures_and_x32_are_killed_never_let_through)
{
	struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_ALLOW", "read", "mount")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", r);
	struct ctr_bpf *b = compile(&s);

	for (uint32_t nr = 0; nr <= 600; nr++) {
		CHECK_INT(ask(b, AUDIT_ARCH_X86_64, X32 + nr), SECCOMP_RET_KILL_THREAD);
		CHECK_INT(ask(b, AUDIT_ARCH_I386, nr), SECCOMP_RET_KILL_THREAD);
		CHECK_INT(ask(b, AUDIT_ARCH_AARCH64, nr), SECCOMP_RET_KILL_THREAD);
	}
	ctr_bpf_unref(b);
}

static void check_numbers(const struct ctr_bpf *b, uint32_t audit, uint32_t token, uint32_t base)
{
	uint32_t read_nr = nr_on(token, "read"), max = nr_on(token, "statx");

	for (uint32_t nr = base; nr <= base + 600; nr++) {
		uint32_t want = nr == read_nr ? SECCOMP_RET_ALLOW
				: nr > max    ? RET(ENOSYS)
					      : RET(EPERM);

		CHECK_INT(ask(b, audit, nr), want);
	}
}

TEST(each_listed_architecture_has_its_own_numbers_and_its_own_maximum)
{
	struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_ALLOW", "read"),
				       RULE("SCMP_ACT_ERRNO", "statx")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", r);
	struct ctr_bpf *b;

	s.architectures = STRV("SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64",
			       "SCMP_ARCH_ARM", "SCMP_ARCH_RISCV64");
	b = compile(&s);
	check_numbers(b, AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, 0);
	check_numbers(b, AUDIT_ARCH_X86_64, SCMP_ARCH_X32, X32);
	check_numbers(b, AUDIT_ARCH_I386, SCMP_ARCH_X86, 0);
	check_numbers(b, AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64, 0);
	check_numbers(b, AUDIT_ARCH_ARM, SCMP_ARCH_ARM, 0);
	check_numbers(b, AUDIT_ARCH_RISCV64, SCMP_ARCH_RISCV64, 0);
	CHECK_INT(ask(b, AUDIT_ARCH_PPC64LE, 3), SECCOMP_RET_KILL_THREAD);
	ctr_bpf_unref(b);
}

TEST(architectures_of_the_other_byte_order_or_unknown_to_the_library_are_killed)
{
	struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_ALLOW", "read")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", r);
	struct ctr_bpf *b;

	s.architectures = STRV("SCMP_ARCH_S390X", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
			       "SCMP_ARCH_X86_64");
	b = compile(&s);
	CHECK_INT(ask(b, AUDIT_ARCH_S390X, 3), SECCOMP_RET_KILL_THREAD);
	CHECK_INT(ask(b, AUDIT_ARCH_X86_64, SYS_read), SECCOMP_RET_ALLOW);
	ctr_bpf_unref(b);
}

TEST(every_operator_compares_as_named)
{
	static const struct {
		const char *op;
		uint64_t value, value_two;
		uint64_t yes, no;
	} v[] = {
		{"SCMP_CMP_EQ", 5, 0, 5, 6},
		{"SCMP_CMP_NE", 5, 0, 6, 5},
		{"SCMP_CMP_LT", 5, 0, 4, 5},
		{"SCMP_CMP_LE", 5, 0, 5, 6},
		{"SCMP_CMP_GT", 5, 0, UINT64_C(1) << 40, 5},
		{"SCMP_CMP_GE", 5, 0, 5, 4},
		{"SCMP_CMP_MASKED_EQ", 0xf0, 0x30, 0x3c, 0x4c},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct ctr_seccomp_arg a = {.index = 1,
					    .op = v[i].op,
					    .value = v[i].value,
					    .value_two = v[i].value_two};
		struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_TRAP", "ioctl")};
		struct ctr_seccomp s = PROFILE("SCMP_ACT_ALLOW", r);
		struct ctr_bpf *b;

		r[0].args = &a;
		r[0].n_args = 1;
		b = compile(&s);
		CHECK_INT(ask6(b, AUDIT_ARCH_X86_64, SYS_ioctl, 0, v[i].yes), SECCOMP_RET_TRAP);
		CHECK_INT(ask6(b, AUDIT_ARCH_X86_64, SYS_ioctl, 0, v[i].no), SECCOMP_RET_ALLOW);
		ctr_bpf_unref(b);
	}
}

TEST(different_arguments_are_anded_and_a_repeated_one_makes_alternatives)
{
	struct ctr_seccomp_arg a[] = {{.index = 0, .op = "SCMP_CMP_EQ", .value = 1},
				      {.index = 1, .op = "SCMP_CMP_EQ", .value = 2}};
	struct ctr_seccomp_rule r[] = {RULE("SCMP_ACT_TRAP", "ioctl")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ALLOW", r);
	struct ctr_bpf *b;

	r[0].args = a;
	r[0].n_args = 2;
	b = compile(&s);
	CHECK_INT(ask6(b, AUDIT_ARCH_X86_64, SYS_ioctl, 1, 2), SECCOMP_RET_TRAP);
	CHECK_INT(ask6(b, AUDIT_ARCH_X86_64, SYS_ioctl, 1, 3), SECCOMP_RET_ALLOW);
	ctr_bpf_unref(b);

	a[1].index = 0;
	b = compile(&s);
	CHECK_INT(ask6(b, AUDIT_ARCH_X86_64, SYS_ioctl, 1, 0), SECCOMP_RET_TRAP);
	CHECK_INT(ask6(b, AUDIT_ARCH_X86_64, SYS_ioctl, 2, 0), SECCOMP_RET_TRAP);
	CHECK_INT(ask6(b, AUDIT_ARCH_X86_64, SYS_ioctl, 3, 0), SECCOMP_RET_ALLOW);
	ctr_bpf_unref(b);
}

TEST(unknown_names_are_recorded_and_skipped)
{
	struct ctr_seccomp_rule r[] = {
		RULE("SCMP_ACT_ALLOW", "read", "frobnicate", "write", "twiddle")};
	struct ctr_seccomp s = PROFILE("SCMP_ACT_ERRNO", r);
	struct ctr_bpf *b = NULL;
	struct err e = {0};
	char unknown[64];

	CHECK_INT(ctr_seccomp_compile(&s, unknown, sizeof(unknown), &b, &e), 0);
	CHECK_STR(unknown, "frobnicate,twiddle");
	CHECK_INT(ask(b, AUDIT_ARCH_X86_64, SYS_write), SECCOMP_RET_ALLOW);
	ctr_bpf_unref(b);
}

TEST(a_profile_without_rules_keeps_its_default_action)
{
	struct ctr_seccomp s = {.default_action = "SCMP_ACT_ERRNO", .default_errno_ret = CTR_UNSET};
	struct ctr_bpf *b = compile(&s);

	CHECK_INT(ask(b, AUDIT_ARCH_X86_64, SYS_read), RET(EPERM));
	CHECK_INT(ask(b, AUDIT_ARCH_X86_64, 600), RET(EPERM));
	ctr_bpf_unref(b);
}

TEST(absent_flags_mean_spec_allow_and_empty_ones_mean_none)
{
	struct ctr_seccomp s = {.default_action = "SCMP_ACT_ALLOW", .default_errno_ret = CTR_UNSET};
	struct ctr_bpf *b = compile(&s);

	CHECK_INT(b->flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	ctr_bpf_unref(b);
	s.has_flags = true;
	b = compile(&s);
	CHECK_INT(b->flags, 0);
	ctr_bpf_unref(b);
	s.flags = STRV("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
		       "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
	b = compile(&s);
	CHECK_INT(b->flags, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG);
	ctr_bpf_unref(b);
}

TEST(stored_bytes_must_be_whole_instructions_within_the_kernel_limit)
{
	static const char zero[8 * 4097];
	struct ctr_bpf *b = NULL;

	CHECK(ctr_bpf_from_bytes(zero, 0, 0, false, &b) == -EINVAL);
	CHECK(ctr_bpf_from_bytes(zero, 9, 0, false, &b) == -EINVAL);
	CHECK(ctr_bpf_from_bytes(zero, sizeof(zero), 0, false, &b) == -EINVAL);
	assert_null(b);
	CHECK(ctr_bpf_from_bytes(zero, 8 * 4096, 0, false, &b) == 0);
	ctr_bpf_unref(b);
}

TEST(every_word_of_the_tables_is_found)
{
	static const char *const archs[] = {
		"X86",     "X86_64",      "X32",    "ARM",      "AARCH64",     "MIPS",
		"MIPS64",  "MIPS64N32",   "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC",
		"PPC64",   "PPC64LE",     "S390",   "S390X",    "PARISC",      "PARISC64",
		"RISCV64", "LOONGARCH64", "M68K",   "SH",       "SHEB"};
	static const char *const ops[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
	static const char *const flags[] = {"TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"};
	char word[64];
	uint32_t v;
	unsigned op;

	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		(void)snprintf(word, sizeof(word), "SCMP_ARCH_%s", archs[i]);
		CHECK(ctr_seccomp_arch(word, &v) == 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		(void)snprintf(word, sizeof(word), "SCMP_CMP_%s", ops[i]);
		CHECK(ctr_seccomp_op(word, &op) == 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		(void)snprintf(word, sizeof(word), "SECCOMP_FILTER_FLAG_%s", flags[i]);
		CHECK(ctr_seccomp_flag(word, &v) == 0);
	}
	CHECK(ctr_seccomp_arch(NULL, &v) == -EINVAL && ctr_seccomp_flag("", &v) == -EINVAL);
}
