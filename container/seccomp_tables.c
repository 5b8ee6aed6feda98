/* SPDX-License-Identifier: Apache-2.0 */
/* Tables only: words of the OCI runtime-spec, config-linux.md "Seccomp". */
#include "container/seccomp_tables.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "base/table.h"

static const struct table_entry actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD}, /* the name from before KILL_PROCESS existed */
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
};

/* 0: in the OCI spec, unknown to libseccomp 2.5. No machine that 2.5 runs on executes such code. */
static const struct table_entry archs[] = {
	{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
	{"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
	{"SCMP_ARCH_LOONGARCH64", 0},
	{"SCMP_ARCH_M68K", 0},
	{"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
	{"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
	{"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
	{"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
	{"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
	{"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
	{"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
	{"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
	{"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
	{"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
	{"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
	{"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
	{"SCMP_ARCH_S390", SCMP_ARCH_S390},
	{"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
	{"SCMP_ARCH_SH", 0},
	{"SCMP_ARCH_SHEB", 0},
	{"SCMP_ARCH_X32", SCMP_ARCH_X32},
	{"SCMP_ARCH_X86", SCMP_ARCH_X86},
	{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
};

static const struct table_entry ops[] = {
	{"SCMP_CMP_EQ", SCMP_CMP_EQ}, {"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT}, {"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_LT", SCMP_CMP_LT}, {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	{"SCMP_CMP_NE", SCMP_CMP_NE},
};

static const struct table_entry flags[] = {
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

static int lookup(const struct table_entry *table, size_t n, const char *name, uint32_t *ret)
{
	const struct table_entry *t = name != NULL ? table_find(table, n, name) : NULL;

	if (t == NULL)
		return -EINVAL;
	*ret = (uint32_t)t->value;
	return 0;
}

bool ctr_seccomp_action_has_errno(const char *name)
{
	uint32_t action = SCMP_ACT_ALLOW;

	return lookup(actions, ARRAY_LEN(actions), name, &action) == 0 &&
	       (action == SCMP_ACT_ERRNO(0) || action == SCMP_ACT_TRACE(0));
}

int ctr_seccomp_action(const char *name, uint32_t errno_ret, uint32_t *ret)
{
	uint32_t action = 0;
	int r = lookup(actions, ARRAY_LEN(actions), name, &action);

	if (r < 0)
		return r;
	if (ctr_seccomp_action_has_errno(name))
		action |= errno_ret & SECCOMP_RET_DATA;
	*ret = action;
	return 0;
}

int ctr_seccomp_arch(const char *name, uint32_t *ret)
{
	return lookup(archs, ARRAY_LEN(archs), name, ret);
}

int ctr_seccomp_op(const char *name, unsigned *ret)
{
	return lookup(ops, ARRAY_LEN(ops), name, ret);
}

int ctr_seccomp_flag(const char *name, uint32_t *ret)
{
	return lookup(flags, ARRAY_LEN(flags), name, ret);
}
