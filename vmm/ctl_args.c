/* SPDX-License-Identifier: Apache-2.0 */
/* Options of pith-vm as options of pith-ctl. */
#include "vmm/ctl_args.h"

#define ARGS_MAX 512

struct args {
	struct arena *a;
	char **v;
	size_t n;
	bool failed;
};

static void add_text(struct args *x, char *text)
{
	if (text == NULL || x->n == ARGS_MAX) {
		x->failed = true;
		return;
	}
	x->v[x->n++] = text;
}

static void add(struct args *x, const char *text)
{
	add_text(x, arena_dup(x->a, text));
}

static void add2(struct args *x, const char *option, const char *value)
{
	add(x, option);
	add(x, value);
}

static struct args begin(const char *ctl, const char *vsock, struct arena *a)
{
	struct args x = {.a = a, .v = arena_array(a, ARGS_MAX + 1, sizeof(char *))};

	if (x.v == NULL) {
		x.failed = true;
		return x;
	}
	add(&x, ctl);
	add(&x, "--address");
	add_text(&x, arena_printf(a, "hvsock://%s", vsock));
	return x;
}

static char **end(const struct args *x)
{
	return x->failed ? NULL : x->v;
}

char **vmm_ctl_run(const char *ctl, const char *vsock, const struct vmm_config *c, bool dry_run,
		   struct arena *a)
{
	struct args x = begin(ctl, vsock, a);

	if (x.failed)
		return NULL;
	add(&x, "run");
	add(&x, "--destroy-sandbox");
	if (dry_run)
		add(&x, "--dry-run");
	if (c->bundle != NULL)
		add2(&x, "--bundle", c->bundle);
	add2(&x, "--rootfs", "share:" VMM_FS_TAG "/rootfs");
	if (c->interactive)
		add(&x, "-i");
	if (c->tty)
		add(&x, "-t");
	if (c->limit_memory != NULL)
		add2(&x, "--memory", c->limit_memory);
	if (c->limit_cpus != NULL)
		add2(&x, "--cpus", c->limit_cpus);
	if (c->limit_pids != NULL)
		add2(&x, "--pids", c->limit_pids);
	for (size_t i = 0; i < c->n_env; i++)
		add2(&x, "--env", c->env[i]);
	if (c->user != NULL)
		add2(&x, "--user", c->user);
	if (c->workdir != NULL)
		add2(&x, "--cwd", c->workdir);
	for (size_t i = 0; i < c->n_shares; i++) {
		add(&x, "--mount");
		add_text(&x, arena_printf(a, "type=bind,src=" VMM_GUEST_SHARE "/%zu,dst=%s%s", i,
					  c->share[i].guest, c->share[i].read_only ? ",ro" : ""));
	}
	add(&x, "--");
	for (char **p = c->cmd; p != NULL && *p != NULL; p++)
		add(&x, *p);
	return end(&x);
}

char **vmm_ctl_destroy(const char *ctl, const char *vsock, struct arena *a)
{
	struct args x = begin(ctl, vsock, a);

	if (x.failed)
		return NULL;
	add(&x, "destroy");
	return end(&x);
}
