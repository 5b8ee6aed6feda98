/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel command line, split as the kernel splits it. Pure: no file is opened here. */
#include "init/cmdline.h"

#include "base/parse.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The next word; double quotes protect spaces, as in the kernel's own parser. */
static bool next_word(struct slice *rest, struct slice *ret)
{
	bool quoted = false;
	size_t n = 0;

	while (rest->n > 0 && is_space(rest->p[0])) {
		rest->p++;
		rest->n--;
	}
	if (rest->n == 0)
		return false;
	while (n < rest->n && (quoted || !is_space(rest->p[n]))) {
		if (rest->p[n] == '"')
			quoted = !quoted;
		n++;
	}
	*ret = (struct slice){rest->p, n};
	rest->p += n;
	rest->n -= n;
	return true;
}

/* Kata's rule: true, false or an unsigned number, non-zero being true; anything else is false. */
static bool word_is_true(struct slice v)
{
	uint64_t n;

	if (slice_eq(v, "true"))
		return true;
	return parse_slice_u64(v, &n) == 0 && n != 0;
}

struct state {
	struct boot_params *p;
	bool v1_asked, no_v1_all;
};

/* Return: false when the value is not usable. */
static bool apply(struct state *s, struct slice key, struct slice value, bool has_value)
{
	uint64_t n;

	if (slice_eq(key, "systemd.unified_cgroup_hierarchy")) {
		s->v1_asked = has_value && !word_is_true(value);
	} else if (slice_eq(key, "cgroup_no_v1")) {
		s->no_v1_all = slice_eq(value, "all");
	} else if (slice_eq(key, "pith.timeline")) {
		s->p->show_timeline = !has_value || word_is_true(value);
	} else if (slice_eq(key, "pith.shutdown_grace")) {
		if (parse_slice_u64(value, &n) < 0 || n > BOOT_GRACE_MAX_S)
			return false;
		s->p->shutdown_grace_ms = n * 1000;
	} else if (slice_eq(key, "pith.agent")) {
		if (value.n == 0 || value.n >= sizeof(s->p->agent) || value.p[0] != '/')
			return false;
		memcpy(s->p->agent, value.p, value.n);
		s->p->agent[value.n] = '\0';
	}
	return true;
}

void boot_params_parse(struct slice text, struct boot_params *ret,
		       void (*bad)(void *data, struct slice word), void *data)
{
	struct state s = {.p = ret};
	struct slice word;

	*ret = (struct boot_params){
		.shutdown_grace_ms = BOOT_GRACE_DEFAULT_MS,
		.agent = "/usr/bin/pith-agent",
	};
	while (next_word(&text, &word)) {
		const char *eq = memchr(word.p, '=', word.n);
		size_t k = eq == NULL ? word.n : (size_t)(eq - word.p);
		struct slice value = {word.p + k + (eq != NULL), word.n - k - (eq != NULL)};

		if (!apply(&s, (struct slice){word.p, k}, value, eq != NULL) && bad != NULL)
			bad(data, word);
	}
	ret->cgroup_v1 = s.v1_asked && !s.no_v1_all;
}
