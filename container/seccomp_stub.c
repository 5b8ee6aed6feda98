/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the ENOSYS stub. Pure: knows neither profiles nor libseccomp's rules. */
#include "container/seccomp_stub.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>

#define X32_BIT UINT32_C(0x40000000)

struct stub {
	struct sock_filter *insns;
	size_t n;
	size_t ja[CTR_SECCOMP_STUB_MAX]; /* jumps that must land right behind the stub */
	size_t n_ja;
};

static void emit(struct stub *s, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	assert(s->n < CTR_SECCOMP_STUB_MAX);
	s->insns[s->n++] = (struct sock_filter){.code = code, .jt = jt, .jf = jf, .k = k};
}

static void emit_enosys_above(struct stub *s, uint32_t max)
{
	emit(s, BPF_JMP | BPF_JGT | BPF_K, max, 0, 1);
	emit(s, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
}

static void emit_leave(struct stub *s)
{
	s->ja[s->n_ja++] = s->n;
	emit(s, BPF_JMP | BPF_JA, 0, 0, 0);
}

static const struct ctr_seccomp_max *find(const struct ctr_seccomp_max *max, size_t n,
					  uint32_t arch)
{
	for (size_t i = 0; i < n; i++) {
		if (max[i].arch == arch)
			return &max[i];
	}
	return NULL;
}

/* The body for the two ABIs of AUDIT_ARCH_X86_64; either may be missing. */
static void emit_x86_64(struct stub *s, const struct ctr_seccomp_max *m64,
			const struct ctr_seccomp_max *x32)
{
	const uint8_t m64_len = m64 != NULL ? 3 : 1;

	emit(s, BPF_JMP | BPF_JSET | BPF_K, X32_BIT, m64_len, 0);
	if (m64 != NULL)
		emit_enosys_above(s, m64->nr);
	emit_leave(s);
	if (x32 != NULL)
		emit_enosys_above(s, x32->nr);
	emit_leave(s);
}

static void emit_arch(struct stub *s, const struct ctr_seccomp_max *max, size_t n, size_t i)
{
	uint32_t arch = max[i].arch;
	bool is_x86_64 = arch == SCMP_ARCH_X86_64 || arch == SCMP_ARCH_X32;
	size_t skip;

	/* Both x86-64 ABIs are written at the first one met. */
	if (arch == SCMP_ARCH_X32 && find(max, i, SCMP_ARCH_X86_64) != NULL)
		return;
	if (arch == SCMP_ARCH_X86_64 && find(max, i, SCMP_ARCH_X32) != NULL)
		return;

	skip = s->n;
	emit(s, BPF_JMP | BPF_JEQ | BPF_K, is_x86_64 ? AUDIT_ARCH_X86_64 : arch, 0, 0);
	emit(s, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	if (is_x86_64) {
		emit_x86_64(s, find(max, n, SCMP_ARCH_X86_64), find(max, n, SCMP_ARCH_X32));
	} else {
		if (arch == SCMP_ARCH_S390 || arch == SCMP_ARCH_S390X) {
			emit(s, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
			emit(s, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
		}
		emit_enosys_above(s, max[i].nr);
		emit_leave(s);
	}
	s->insns[skip].jf = (uint8_t)(s->n - skip - 1);
}

size_t ctr_seccomp_stub(const struct ctr_seccomp_max *max, size_t n,
			struct sock_filter ret[static CTR_SECCOMP_STUB_MAX])
{
	struct stub s = {.insns = ret};

	if (n == 0)
		return 0;

	emit(&s, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	for (size_t i = 0; i < n; i++)
		emit_arch(&s, max, n, i);
	for (size_t i = 0; i < s.n_ja; i++)
		ret[s.ja[i]].k = (uint32_t)(s.n - s.ja[i] - 1);
	return s.n;
}
