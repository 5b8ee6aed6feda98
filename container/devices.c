/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: normal form, v1 set, text. The BPF program is written in devices_bpf.c. */
#include "container/devices.h"

#include <errno.h>
#include <inttypes.h>

#include "base/err.h"
#include "base/str.h"
#include "container/spec.h"

/* After the user's rules, as runc does: no image works without them. */
static const struct ctr_dev_rule defaults[] = {
	{true, 'c', CTR_DEV_MKNOD, -1, -1}, {true, 'b', CTR_DEV_MKNOD, -1, -1},
	{true, 'c', CTR_DEV_ALL, 1, 3},    /* null */
	{true, 'c', CTR_DEV_ALL, 1, 5},    /* zero */
	{true, 'c', CTR_DEV_ALL, 1, 7},    /* full */
	{true, 'c', CTR_DEV_ALL, 1, 8},    /* random */
	{true, 'c', CTR_DEV_ALL, 1, 9},    /* urandom */
	{true, 'c', CTR_DEV_ALL, 5, 0},    /* tty */
	{true, 'c', CTR_DEV_ALL, 5, 2},    /* ptmx */
	{true, 'c', CTR_DEV_ALL, 136, -1}, /* pts */
	{true, 'c', CTR_DEV_ALL, 10, 200}, /* tun */
};

static int parse_access(const char *text, uint8_t *ret)
{
	uint8_t access = 0;

	if (str_empty(text)) {
		*ret = CTR_DEV_ALL;
		return 0;
	}
	for (; *text != '\0'; text++) {
		switch (*text) {
		case 'r':
			access |= CTR_DEV_READ;
			break;
		case 'w':
			access |= CTR_DEV_WRITE;
			break;
		case 'm':
			access |= CTR_DEV_MKNOD;
			break;
		default:
			return -EINVAL;
		}
	}
	*ret = access;
	return 0;
}

static int parse_number(int64_t v, int32_t *ret)
{
	if (v == CTR_UNSET || v == -1) {
		*ret = -1;
		return 0;
	}
	/* 12 and 20 bits in the kernel; anything that fits here just never matches. */
	if (v < 0 || v > INT32_MAX)
		return -EINVAL;
	*ret = (int32_t)v;
	return 0;
}

static int push(struct ctr_dev_rules *l, struct ctr_dev_rule r, char type)
{
	if (l->n == CTR_DEV_RULES_MAX)
		return -ENOSPC;
	r.type = type;
	l->v[l->n++] = r;
	return 0;
}

static int add_user_rule(struct ctr_dev_rules *l, const struct ctr_device_rule *rule)
{
	struct ctr_dev_rule r = {.allow = rule->allow};
	int failed;

	failed = parse_access(rule->access, &r.access);
	if (failed == 0)
		failed = parse_number(rule->major, &r.major);
	if (failed == 0)
		failed = parse_number(rule->minor, &r.minor);
	if (failed < 0)
		return failed;

	switch (rule->type) {
	case 'b':
	case 'c':
		return push(l, r, rule->type);
	case 'a':
	case '\0':
		/* Hosts that cannot send "absent" send 0:0 for everything; there is no device 0:0. */
		if ((r.major == -1 && r.minor == -1) || (r.major == 0 && r.minor == 0)) {
			r.major = r.minor = -1;
			if (r.access == CTR_DEV_ALL) {
				l->n = 0; /* nothing before it matters any more */
				return push(l, r, 'a');
			}
		}
		failed = push(l, r, 'b');
		return failed < 0 ? failed : push(l, r, 'c');
	default:
		return -EINVAL;
	}
}

int ctr_dev_rules_build(const struct ctr_device_rule *rules, size_t n, struct ctr_dev_rules *ret,
			struct err *e)
{
	ret->n = 0;
	for (size_t i = 0; i < n; i++) {
		int r = add_user_rule(ret, &rules[i]);

		if (r == -ENOSPC)
			return err_refuse(e, ERR_INVALID,
					  "linux.resources.devices has over %d rules",
					  CTR_DEV_RULES_MAX);
		if (r < 0)
			return err_refuse(e, ERR_INVALID,
					  "linux.resources.devices[%zu]: type '%c', %" PRId64
					  ":%" PRId64 ", access '%s'",
					  i, rules[i].type != '\0' ? rules[i].type : '?',
					  rules[i].major, rules[i].minor,
					  rules[i].access != NULL ? rules[i].access : "");
	}
	ret->n_user = ret->n;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		if (push(ret, defaults[i], defaults[i].type) < 0)
			return err_refuse(e, ERR_INVALID,
					  "linux.resources.devices has over %d rules",
					  CTR_DEV_RULES_MAX);
	}
	return 0;
}

/* ---- the v1 set ---- */

static bool covers_number(int32_t wide, int32_t narrow)
{
	return wide == -1 || wide == narrow;
}

static bool covers(const struct ctr_dev_rule *wide, const struct ctr_dev_rule *narrow)
{
	return wide->type == narrow->type && covers_number(wide->major, narrow->major) &&
	       covers_number(wide->minor, narrow->minor);
}

static bool overlaps(const struct ctr_dev_rule *a, const struct ctr_dev_rule *b)
{
	return a->type == b->type &&
	       (covers_number(a->major, b->major) || covers_number(b->major, a->major)) &&
	       (covers_number(a->minor, b->minor) || covers_number(b->minor, a->minor));
}

static int add_exception(struct ctr_dev_set *s, const struct ctr_dev_rule *r)
{
	for (size_t i = 0; i < s->n; i++) {
		if (covers(&s->v[i], r) && covers(r, &s->v[i])) {
			s->v[i].access |= r->access;
			return 0;
		}
	}
	if (s->n == CTR_DEV_RULES_MAX)
		return -ENOSPC;
	s->v[s->n++] = *r;
	return 0;
}

/* Takes the rights of @r away from the exceptions. -EINVAL: one of them is wider than @r. */
static int drop_exception(struct ctr_dev_set *s, const struct ctr_dev_rule *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if ((s->v[i].access & r->access) != 0 && overlaps(&s->v[i], r) &&
		    !covers(r, &s->v[i]))
			return -EINVAL;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct ctr_dev_rule v = s->v[i];

		if (covers(r, &v))
			v.access &= (uint8_t)~r->access;
		if (v.access != 0)
			s->v[kept++] = v;
	}
	s->n = kept;
	return 0;
}

int ctr_dev_set_build(const struct ctr_device_rule *rules, size_t n, struct ctr_dev_set *ret,
		      struct err *e)
{
	cleanup_free struct ctr_dev_rules *l = malloc(sizeof(*l));
	int r;

	if (l == NULL)
		return err_set(e, -ENOMEM, "hold the device rules");
	r = ctr_dev_rules_build(rules, n, l, e);
	if (r < 0)
		return r;

	ret->allow_all = false;
	ret->n = 0;
	for (size_t i = 0; i < l->n; i++) {
		const struct ctr_dev_rule *rule = &l->v[i];

		if (rule->type == 'a') {
			ret->allow_all = rule->allow;
			ret->n = 0;
			continue;
		}
		r = rule->allow != ret->allow_all ? add_exception(ret, rule)
						  : drop_exception(ret, rule);
		/* A default that the user's denial covers stays denied. */
		if (r < 0 && i < l->n_user)
			return err_refuse(e, ERR_INVALID,
					  "linux.resources.devices: a rule is narrower than an "
					  "earlier opposite one, which cgroup v1 cannot hold");
	}
	return 0;
}

/* ---- text ---- */

static void number_text(int32_t v, char buf[static 12])
{
	if (v < 0)
		(void)str_copy(buf, 12, "*");
	else
		(void)snprintf(buf, 12, "%" PRId32, v);
}

void ctr_dev_rule_text(const struct ctr_dev_rule *r, char buf[static CTR_DEV_RULE_TEXT])
{
	char major[12], minor[12];

	number_text(r->major, major);
	number_text(r->minor, minor);
	(void)snprintf(buf, CTR_DEV_RULE_TEXT, "%c %s:%s %s%s%s", r->type, major, minor,
		       r->access & CTR_DEV_READ ? "r" : "", r->access & CTR_DEV_WRITE ? "w" : "",
		       r->access & CTR_DEV_MKNOD ? "m" : "");
}

static bool holds(const struct ctr_dev_set *s, struct slice line)
{
	for (size_t i = 0; i < s->n; i++) {
		char text[CTR_DEV_RULE_TEXT];

		ctr_dev_rule_text(&s->v[i], text);
		if (slice_eq(line, text))
			return true;
	}
	return false;
}

bool ctr_dev_set_matches(const struct ctr_dev_set *want, const char *list)
{
	struct slice rest = slice_of(list), line;
	size_t n = 0;

	if (want->allow_all)
		return streq(list, "a *:* rwm");
	while (slice_cut(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (!holds(want, line))
			return false;
		n++;
	}
	return n == want->n;
}
