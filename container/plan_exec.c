/* SPDX-License-Identifier: Apache-2.0 */
/* The program in the plan: environment, working directory, where to look, and the exec itself. */
#include <string.h>

#include "base/str.h"
#include "container/plan_steps.h"

/* For lookup only, when the environment has no PATH: what shells use. */
#define DEFAULT_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULT_UMASK 022

static uint32_t name_hash(const char *s, size_t n)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619U;
	return h;
}

/* Slot of the variable's name in an open table of indices + 1, so that 0 is free. */
static size_t slot_of(const char *const *env, const uint32_t *slots, size_t size, const char *name,
		      size_t n)
{
	size_t at = name_hash(name, n) & (size - 1);

	while (slots[at] != 0) {
		const char *have = env[slots[at] - 1];

		if (strncmp(have, name, n) == 0 && have[n] == '=')
			break;
		at = (at + 1) & (size - 1);
	}
	return at;
}

int plan_exec_env(struct plan *p, const struct ctr_strv *env, bool wants_home, struct err *e)
{
	size_t size = 16;
	uint32_t *slots;

	while (size < 2 * (env->n + 1))
		size *= 2;
	slots = arena_array(&p->arena, size, sizeof(*slots));
	p->env = arena_array(&p->arena, env->n + 2, sizeof(*p->env));
	if (slots == NULL || p->env == NULL)
		return plan_oom(e);
	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');
		size_t n = equals == NULL ? 0 : (size_t)(equals - env->v[i]), at;

		if (n == 0)
			return err_refuse(e, ERR_INVALID, "env \"%.64s\": not NAME=value",
					  env->v[i]);
		at = slot_of(p->env, slots, size, env->v[i], n);
		if (slots[at] == 0) {
			p->env[p->n_env] = env->v[i];
			slots[at] = (uint32_t)++p->n_env;
		} else {
			p->env[slots[at] - 1] = env->v[i];
		}
	}
	if (wants_home) {
		size_t at = slot_of(p->env, slots, size, "HOME", 4);
		char *home = arena_alloc(&p->arena, sizeof("HOME=") + PLAN_HOME_MAX);

		if (home == NULL)
			return plan_oom(e);
		memcpy(home, "HOME=/", sizeof("HOME=/"));
		p->home_at = slots[at] == 0 ? p->n_env++ : slots[at] - 1;
		p->env[p->home_at] = home;
	}
	return 0;
}

int plan_exec_cwd_dir(struct plan *p, const struct plan_in *in, struct err *e)
{
	return plan_put(p, PLAN_MKDIR, in->process->cwd, 0, e);
}

int plan_exec_chdir(struct plan *p, const struct plan_in *in, struct err *e)
{
	return plan_put(p, PLAN_CHDIR, in->process->cwd, 0, e);
}

static const char *env_path(const struct plan *p)
{
	for (size_t i = 0; i < p->n_env; i++) {
		if (str_starts(p->env[i], "PATH="))
			return p->env[i] + 5;
	}
	return DEFAULT_PATH;
}

/* Empty elements would mean the working directory, which nobody asks for knowingly. */
static const char *const *path_dirs(struct plan *p)
{
	const char *path = env_path(p);
	struct slice rest = slice_of(path), dir;
	size_t n = 2, at = 0;
	const char **dirs;

	for (const char *c = path; *c != '\0'; c++)
		n += *c == ':';
	dirs = arena_array(&p->arena, n, sizeof(*dirs));
	while (dirs != NULL && slice_cut(&rest, ':', &dir)) {
		if (dir.n == 0)
			continue;
		dirs[at] = arena_dup_n(&p->arena, dir.p, dir.n);
		if (dirs[at++] == NULL)
			return NULL;
	}
	return dirs;
}

int plan_exec_lookup(struct plan *p, const struct plan_in *in, struct err *e)
{
	const char *name = in->process->args.v[0];
	struct plan_op *op;
	int64_t mask = in->process->umask;
	int r;

	r = plan_put(p, PLAN_UMASK, NULL, mask == CTR_UNSET ? DEFAULT_UMASK : (uint64_t)mask & 0777,
		     e);
	if (r < 0)
		return r;
	op = plan_add(p, PLAN_LOOKUP);
	if (op == NULL)
		return plan_oom(e);
	op->str = name;
	op->arg = in->own_dev;
	op->arg2 = in->own_ino;
	if (strchr(name, '/') == NULL) {
		op->strv = path_dirs(p);
		if (op->strv == NULL)
			return plan_oom(e);
	}
	return 0;
}

int plan_exec_final(struct plan *p, const struct plan_in *in, struct err *e)
{
	struct plan_op *op;
	int r = plan_put(p, PLAN_MARK, NULL, 0, e);

	if (r < 0)
		return r;
	op = plan_add(p, PLAN_EXEC);
	if (op == NULL)
		return plan_oom(e);
	op->str = in->process->args.v[0];
	op->strv = in->process->args.v;
	return 0;
}
