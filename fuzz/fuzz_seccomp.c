/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes choose a profile from words good and bad; whatever passes the check compiles or refuses. */
#include <stdint.h>

#include "base/err.h"
#include "container/seccomp.h"
#include "container/spec.h"

static const char words[] =
	"SCMP_ACT_ALLOW\0    SCMP_ACT_ERRNO\0    SCMP_ACT_KILL\0     SCMP_ACT_TRACE\0    "
	"SCMP_ARCH_X32\0     SCMP_ARCH_X86\0     SCMP_ARCH_ARM\0     SCMP_ARCH_S390X\0   "
	"SCMP_CMP_EQ\0       SCMP_CMP_MASKED_EQ\0SCMP_CMP_NE\0       SCMP_CMP_GE\0       "
	"SCMP_ACT_NOTIFY\0   socketcall\0        read\0              socket\0            "
	"ipc\0               clone\0             nope\0              cacheflush\0        ";

struct input {
	const uint8_t *p;
	size_t n;
};

static uint8_t take(struct input *in)
{
	return in->n > 0 ? in->p[--in->n] : 0;
}

static const char *word(struct input *in)
{
	return words + take(in) % 20 * 19;
}

/* libseccomp 2.5.4 loses a node when two rules of one call conflict. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size > 256 ? 256 : size};
	const char *archs[] = {word(&in), word(&in), NULL}, *names[8];
	struct ctr_seccomp_rule rules[8];
	struct ctr_seccomp_arg args[8][2];
	struct ctr_seccomp s = {.default_action = word(&in),
				.default_errno_ret = CTR_UNSET,
				.architectures = {archs, take(&in) % 3},
				.rules = rules};
	struct ctr_bpf *b = NULL;
	struct err e = {0};
	char unknown[16];

	for (size_t i = 0; i < ARRAY_LEN(rules) && in.n > 0; i++, s.n_rules++) {
		names[i] = word(&in);
		for (size_t a = 0; a < 2; a++)
			args[i][a] = (struct ctr_seccomp_arg){take(&in) % 8, take(&in), take(&in),
							      word(&in)};
		rules[i] = (struct ctr_seccomp_rule){
			{&names[i], 1}, word(&in), CTR_UNSET, args[i], take(&in) % 3};
	}
	if (ctr_seccomp_check(&s, &e) == 0 &&
	    ctr_seccomp_compile(&s, unknown, sizeof(unknown), &b, &e) == 0)
		ctr_bpf_unref(b);
	return 0;
}
