/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checked profile becomes a BPF program by libseccomp, with the ENOSYS stub in front. Loads
 * nothing: the child does that with one raw seccomp(2), so it needs no library.
 */
#include "container/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define LOG_MODULE "seccomp"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/seccomp_stub.h"
#include "container/seccomp_tables.h"
#include "container/spec.h"

/* With fewer names the linear search that libseccomp writes by default is as fast; and 2.5.4 loses
 * the default action of a tree without any rule. */
#define TREE_MIN_RULES 33
#define ARCHS_MAX      24

static void cleanup_ctx_fn(scmp_filter_ctx *ctx)
{
	if (*ctx != NULL)
		seccomp_release(*ctx);
}
#define cleanup_ctx __attribute__((cleanup(cleanup_ctx_fn)))

struct compile {
	scmp_filter_ctx ctx;
	const struct ctr_seccomp *s;
	uint32_t default_action;
	struct ctr_seccomp_max max[ARCHS_MAX]; /* nr is meaningful when seen */
	bool seen[ARCHS_MAX];
	size_t n_archs;
	size_t n_rules;
	char *unknown;
	size_t unknown_size, unknown_used;
};

static uint32_t errno_or_eperm(int64_t errno_ret)
{
	return errno_ret == CTR_UNSET ? EPERM : (uint32_t)errno_ret;
}

static void add_max_arch(struct compile *c, uint32_t arch)
{
	for (size_t i = 0; i < c->n_archs; i++) {
		if (c->max[i].arch == arch)
			return;
	}
	if (c->n_archs < ARCHS_MAX)
		c->max[c->n_archs++].arch = arch;
}

static int add_archs(struct compile *c, struct err *e)
{
	uint32_t arch = 0;
	int r;

	add_max_arch(c, seccomp_arch_native());
	for (size_t i = 0; i < c->s->architectures.n; i++) {
		const char *name = c->s->architectures.v[i];

		if (ctr_seccomp_arch(name, &arch) < 0)
			return err_refuse(e, ERR_INVALID, "seccomp architecture '%s' is unknown",
					  name);
		if (arch == 0)
			continue;
		r = seccomp_arch_add(c->ctx, arch);
		/* The other byte order: this machine never runs such code, and without the entry
		 * the filter kills it. */
		if (r == -EDOM)
			continue;
		if (r < 0 && r != -EEXIST)
			return err_set(e, r, "add seccomp architecture '%s'", name);
		add_max_arch(c, arch);
	}
	return 0;
}

static void note_max(struct compile *c, const char *name)
{
	for (size_t i = 0; i < c->n_archs; i++) {
		int nr = seccomp_syscall_resolve_name_arch(c->max[i].arch, name);

		/* Negative: not a call of this architecture. */
		if (nr < 0 || (c->seen[i] && (uint32_t)nr <= c->max[i].nr))
			continue;
		c->seen[i] = true;
		c->max[i].nr = (uint32_t)nr;
	}
}

static void note_unknown(struct compile *c, const char *name)
{
	int n;

	log_debug("system call '%s' is unknown to libseccomp, skipped", name);
	if (c->unknown == NULL || c->unknown_used >= c->unknown_size)
		return;
	n = snprintf(c->unknown + c->unknown_used, c->unknown_size - c->unknown_used, "%s%s",
		     c->unknown_used > 0 ? "," : "", name);
	c->unknown_used += n > 0 ? (size_t)n : 0;
}

static int add_one(struct compile *c, const char *name, int nr, uint32_t action,
		   const struct scmp_arg_cmp *args, unsigned n, struct err *e)
{
	int r = seccomp_rule_add_array(c->ctx, action, nr, n, args);

	/* Said twice is fine. A negative number is a call that only other architectures have. */
	if (r == 0 || r == -EEXIST || (nr < 0 && (r == -EDOM || r == -EINVAL))) {
		c->n_rules++;
		return 0;
	}
	return err_set(e, r, "add seccomp rule for '%s'", name);
}

/* One libseccomp rule cannot compare an argument twice: then each comparison is a rule of its own. */
static bool has_repeated_index(const struct ctr_seccomp_rule *rule)
{
	unsigned seen = 0;

	for (size_t i = 0; i < rule->n_args; i++) {
		unsigned bit = 1U << rule->args[i].index;

		if (seen & bit)
			return true;
		seen |= bit;
	}
	return false;
}

static int to_cmp(const struct ctr_seccomp_arg *arg, struct scmp_arg_cmp *ret)
{
	unsigned op = 0;
	int r = ctr_seccomp_op(arg->op, &op);

	if (r < 0)
		return r;
	*ret = (struct scmp_arg_cmp){
		.arg = (unsigned)arg->index,
		.op = (enum scmp_compare)op,
		.datum_a = arg->value,
		.datum_b = arg->value_two,
	};
	return 0;
}

static int add_name(struct compile *c, const struct ctr_seccomp_rule *rule, const char *name,
		    uint32_t action, struct err *e)
{
	int nr = seccomp_syscall_resolve_name(name);
	bool alone = has_repeated_index(rule);
	struct scmp_arg_cmp args[6] = {0};
	unsigned n = 0;
	int r;

	if (nr == __NR_SCMP_ERROR) {
		note_unknown(c, name);
		return 0;
	}
	note_max(c, name);
	if (action == c->default_action)
		return 0;

	for (size_t i = 0; i < rule->n_args; i++) {
		if (to_cmp(&rule->args[i], &args[n]) < 0)
			return err_refuse(e, ERR_INVALID, "seccomp operator is unknown");
		if (!alone) {
			n++;
			continue;
		}
		r = add_one(c, name, nr, action, args, 1, e);
		if (r < 0)
			return r;
	}
	return alone ? 0 : add_one(c, name, nr, action, args, n, e);
}

static int add_rules(struct compile *c, struct err *e)
{
	for (size_t i = 0; i < c->s->n_rules; i++) {
		const struct ctr_seccomp_rule *rule = &c->s->rules[i];
		uint32_t action = 0;
		int r;

		r = ctr_seccomp_action(rule->action, errno_or_eperm(rule->errno_ret), &action);
		if (r < 0)
			return err_refuse(e, ERR_INVALID, "seccomp action is unknown");
		for (size_t n = 0; n < rule->names.n; n++) {
			r = add_name(c, rule, rule->names.v[n], action, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static bool wants_stub(uint32_t default_action)
{
	uint32_t kind = default_action & SECCOMP_RET_ACTION_FULL;

	return kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE;
}

/* The kernel answers EFAULT to a missing program only after it accepted the flag. */
static bool kernel_has_flag(uint32_t flag)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

static uint32_t load_flags(const struct ctr_seccomp *s)
{
	uint32_t flags = 0, flag = 0;

	if (!s->has_flags)
		return kernel_has_flag(SECCOMP_FILTER_FLAG_SPEC_ALLOW)
			       ? SECCOMP_FILTER_FLAG_SPEC_ALLOW
			       : 0;

	for (size_t i = 0; i < s->flags.n; i++) {
		if (ctr_seccomp_flag(s->flags.v[i], &flag) == 0)
			flags |= flag;
	}
	if (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
		/* The kernel takes it only together with a listener. */
		log_warn("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV without a notify rule, ignored");
		flags &= ~(uint32_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	}
	return flags;
}

static int export_program(struct compile *c, const struct sock_filter *stub, size_t n_stub,
			  struct ctr_bpf **ret, struct err *e)
{
	cleanup_close int fd = -EBADF;
	cleanup_free struct sock_filter *all = NULL;
	struct stat st;
	size_t n;
	ssize_t got;
	int r;

	fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "create a memfd for the seccomp program");
	r = seccomp_export_bpf(c->ctx, fd);
	if (r < 0)
		return err_set(e, r, "compile the seccomp profile");
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, -errno, "read back the seccomp program");

	n = n_stub + (size_t)st.st_size / sizeof(*all);
	if (n > BPF_MAXINSNS)
		return err_refuse(e, ERR_INVALID,
				  "linux.seccomp needs %zu instructions, the kernel takes %d", n,
				  BPF_MAXINSNS);
	all = calloc(n, sizeof(*all));
	if (all == NULL)
		return err_set(e, -ENOMEM, "hold the seccomp program");
	memcpy(all, stub, n_stub * sizeof(*all));
	got = fd_read_full(fd, all + n_stub, (size_t)st.st_size);
	if (got != st.st_size)
		return err_set(e, got < 0 ? (int)got : -EIO, "read back the seccomp program");

	r = ctr_bpf_from_bytes(all, n * sizeof(*all), load_flags(c->s), false, ret);
	return r < 0 ? err_set(e, r, "hold the seccomp program") : 0;
}

int ctr_seccomp_compile(const struct ctr_seccomp *s, char *unknown, size_t size,
			struct ctr_bpf **ret, struct err *e)
{
	struct sock_filter stub[CTR_SECCOMP_STUB_MAX];
	struct compile c = {.s = s, .unknown = unknown, .unknown_size = size};
	cleanup_ctx scmp_filter_ctx ctx = NULL;
	size_t n_max = 0, n_stub = 0;
	int r;

	if (unknown != NULL && size > 0)
		unknown[0] = '\0';
	if (ctr_seccomp_action(s->default_action, errno_or_eperm(s->default_errno_ret),
			       &c.default_action) < 0)
		return err_refuse(e, ERR_INVALID, "linux.seccomp.defaultAction is unknown");

	ctx = seccomp_init(c.default_action);
	if (ctx == NULL)
		return err_set(e, -EINVAL, "start a seccomp filter with %s", s->default_action);
	c.ctx = ctx;
	/* Without this libseccomp turns every errno of the kernel into ECANCELED. */
	r = seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (r < 0)
		return err_set(e, r, "set up the seccomp filter");

	r = add_archs(&c, e);
	if (r == 0)
		r = add_rules(&c, e);
	if (r < 0)
		return r;
	if (c.n_rules >= TREE_MIN_RULES) {
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		if (r < 0)
			return err_set(e, r, "ask for a binary tree");
	}

	for (size_t i = 0; i < c.n_archs; i++) {
		if (c.seen[i])
			c.max[n_max++] = c.max[i];
	}
	if (wants_stub(c.default_action))
		n_stub = ctr_seccomp_stub(c.max, n_max, stub);
	return export_program(&c, stub, n_stub, ret, e);
}

int ctr_bpf_from_bytes(const void *p, size_t n, uint32_t flags, bool has_notify,
		       struct ctr_bpf **ret)
{
	struct ctr_bpf *b;

	if (n == 0 || n % sizeof(struct sock_filter) != 0 ||
	    n / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return -EINVAL;

	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return -ENOMEM;
	b->insns = malloc(n);
	if (b->insns == NULL) {
		free(b);
		return -ENOMEM;
	}
	memcpy(b->insns, p, n);
	b->n = n / sizeof(struct sock_filter);
	b->flags = flags;
	b->has_notify = has_notify;
	b->refs = 1;
	*ret = b;
	return 0;
}

struct ctr_bpf *ctr_bpf_ref(struct ctr_bpf *b)
{
	b->refs++;
	return b;
}

void ctr_bpf_unref(struct ctr_bpf *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	free(b->insns);
	free(b);
}
