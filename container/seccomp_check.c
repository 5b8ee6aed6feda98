/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can be wrong with a seccomp profile, by field. Compiles nothing. */
#include "container/seccomp.h"

#include <errno.h>

#include "base/err.h"
#include "base/str.h"
#include "container/seccomp_tables.h"
#include "container/spec.h"

/* Bounds before allocation; real profiles have a few dozen groups and some 400 names. */
#define GROUPS_MAX    4096
#define NAMES_MAX     4096
#define ERRNO_MAX     4095 /* SECCOMP_RET_DATA carries no more to the caller, seccomp(2) */
#define ARG_MAX_INDEX 5

static int check_errno(const char *field, size_t i, const char *action, int64_t errno_ret,
		       struct err *e)
{
	if (errno_ret == CTR_UNSET)
		return 0;
	if (!ctr_seccomp_action_has_errno(action))
		return err_refuse(e, ERR_INVALID, "linux.seccomp.%s (group %zu) is given with %s",
				  field, i, action);
	if (errno_ret < 0 || errno_ret > ERRNO_MAX)
		return err_refuse(e, ERR_INVALID, "linux.seccomp.%s (group %zu) is above %d", field,
				  i, ERRNO_MAX);
	return 0;
}

static int check_notify(const struct ctr_seccomp *s, const struct ctr_seccomp_rule *rule, size_t i,
			struct err *e)
{
	if (str_empty(s->listener_path))
		return err_refuse(e, ERR_INVALID,
				  "linux.seccomp.syscalls[%zu].action SCMP_ACT_NOTIFY without "
				  "linux.seccomp.listenerPath",
				  i);

	/* The process that sets itself up reports with these two: it would wait for its own listener. */
	for (size_t n = 0; n < rule->names.n; n++) {
		if (streq(rule->names.v[n], "write") || streq(rule->names.v[n], "sendmsg"))
			return err_refuse(e, ERR_INVALID,
					  "linux.seccomp.syscalls[%zu]: SCMP_ACT_NOTIFY cannot be "
					  "used for %s",
					  i, rule->names.v[n]);
	}
	return err_refuse(e, ERR_UNIMPLEMENTED,
			  "linux.seccomp.syscalls[%zu].action SCMP_ACT_NOTIFY is not supported", i);
}

static int check_rule(const struct ctr_seccomp *s, size_t i, struct err *e)
{
	const struct ctr_seccomp_rule *rule = &s->rules[i];
	uint32_t word;
	unsigned op;
	int r;

	if (rule->names.n == 0)
		return err_refuse(e, ERR_INVALID, "linux.seccomp.syscalls[%zu].names is empty", i);
	if (rule->names.n > NAMES_MAX)
		return err_refuse(e, ERR_INVALID,
				  "linux.seccomp.syscalls[%zu].names has over %d entries", i,
				  NAMES_MAX);
	if (ctr_seccomp_action(rule->action, 0, &word) < 0)
		return err_refuse(e, ERR_INVALID,
				  "linux.seccomp.syscalls[%zu].action '%s' is unknown", i,
				  rule->action != NULL ? rule->action : "");

	r = check_errno("syscalls.errnoRet", i, rule->action, rule->errno_ret, e);
	if (r < 0)
		return r;

	for (size_t a = 0; a < rule->n_args; a++) {
		if (rule->args[a].index > ARG_MAX_INDEX)
			return err_refuse(e, ERR_INVALID,
					  "linux.seccomp.syscalls[%zu].args[%zu].index is above %d",
					  i, a, ARG_MAX_INDEX);
		if (ctr_seccomp_op(rule->args[a].op, &op) < 0)
			return err_refuse(
				e, ERR_INVALID,
				"linux.seccomp.syscalls[%zu].args[%zu].op '%s' is unknown", i, a,
				rule->args[a].op != NULL ? rule->args[a].op : "");
	}

	return streq(rule->action, "SCMP_ACT_NOTIFY") ? check_notify(s, rule, i, e) : 0;
}

int ctr_seccomp_check(const struct ctr_seccomp *s, struct err *e)
{
	uint32_t word;
	int r;

	if (str_empty(s->default_action))
		return err_refuse(e, ERR_INVALID, "linux.seccomp.defaultAction is missing");
	if (ctr_seccomp_action(s->default_action, 0, &word) < 0)
		return err_refuse(e, ERR_INVALID, "linux.seccomp.defaultAction '%s' is unknown",
				  s->default_action);
	if (streq(s->default_action, "SCMP_ACT_NOTIFY"))
		return err_refuse(e, ERR_INVALID,
				  "linux.seccomp.defaultAction cannot be SCMP_ACT_NOTIFY");
	r = check_errno("defaultErrnoRet", 0, s->default_action, s->default_errno_ret, e);
	if (r < 0)
		return r;
	if (!str_empty(s->listener_metadata) && str_empty(s->listener_path))
		return err_refuse(e, ERR_INVALID,
				  "linux.seccomp.listenerMetadata without listenerPath");

	for (size_t i = 0; i < s->architectures.n; i++) {
		if (ctr_seccomp_arch(s->architectures.v[i], &word) < 0)
			return err_refuse(e, ERR_INVALID,
					  "linux.seccomp.architectures[%zu] '%s' is unknown", i,
					  s->architectures.v[i]);
	}
	for (size_t i = 0; i < s->flags.n; i++) {
		if (ctr_seccomp_flag(s->flags.v[i], &word) < 0)
			return err_refuse(e, ERR_INVALID,
					  "linux.seccomp.flags[%zu] '%s' is unknown", i,
					  s->flags.v[i]);
	}

	if (s->n_rules > GROUPS_MAX)
		return err_refuse(e, ERR_INVALID, "linux.seccomp.syscalls has over %d groups",
				  GROUPS_MAX);
	for (size_t i = 0; i < s->n_rules; i++) {
		r = check_rule(s, i, e);
		if (r < 0)
			return r;
	}
	return 0;
}
