/* SPDX-License-Identifier: Apache-2.0 */
/* The shared state and how containers join it. Creating and destroying it is rpc_sandbox.c. */
#define LOG_MODULE "sandbox"

#include "agent/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"

#define HOOKS_ARENA_MAX (256u << 10)
#define TRIM_DELAY_NS   (500 * UINT64_C(1000000))
#define HOOKS_MAX       64 /* of one kind, in the guest's image */

int sandbox_new(struct sandbox **ret)
{
	struct sandbox *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->ipc_fd = s->uts_fd = s->pid_fd = -EBADF;
	s->hooks_arena = ARENA_INIT(HOOKS_ARENA_MAX);
	*ret = s;
	return 0;
}

void sandbox_reset(struct sandbox *s)
{
	s->is_running = false;
	s->ipc_fd = fd_close(s->ipc_fd);
	s->uts_fd = fd_close(s->uts_fd);
	s->pid_fd = fd_close(s->pid_fd);
	arena_done(&s->hooks_arena);
	s->hooks_arena = ARENA_INIT(HOOKS_ARENA_MAX);
	memset(s->hooks, 0, sizeof(s->hooks));
	free(TAKE_PTR(s->id));
}

void sandbox_free(struct sandbox *s)
{
	if (s == NULL)
		return;
	sandbox_reset(s);
	loop_timer_del(&s->trim_timer);
	map_done(&s->containers);
	free(s);
}

static void on_trim(unused_arg struct loop_timer *t)
{
	(void)malloc_trim(0);
}

void sandbox_container_gone(struct sandbox *s, struct loop *loop)
{
	/* Once for a burst of removals. The heap's top is rarely what a container gave back. */
	if (s->trim_timer.loop == NULL)
		(void)!loop_timer_set(loop, &s->trim_timer, loop_now_ns() + TRIM_DELAY_NS, on_trim);
	if (s->containers.n == 0 && s->on_empty != NULL)
		s->on_empty(s->on_empty_data);
}

/* ---- hooks of the guest's image ---- */

static void add_hook(struct sandbox *s, struct ctr_hooks *list, const char *dir, const char *name,
		     const char *kind)
{
	struct arena *a = &s->hooks_arena;
	struct ctr_hook *h = &list->v[list->n];
	const char **argv = arena_array(a, 3, sizeof(*argv));

	if (argv == NULL)
		return;
	argv[0] = arena_dup(a, name);
	argv[1] = arena_dup(a, kind);
	*h = (struct ctr_hook){
		.path = arena_printf(a, "%s/%s", dir, name),
		.args = {.v = argv, .n = 2},
		.timeout_s = CTR_UNSET,
	};
	if (h->path != NULL && argv[0] != NULL && argv[1] != NULL)
		list->n++;
}

static void scan_dir(struct sandbox *s, const char *path, const char *kind, struct ctr_hooks *list)
{
	cleanup_closedir DIR *d = NULL;
	const char *dir = arena_printf(&s->hooks_arena, "%s/%s", path, kind);
	const struct dirent *ent;

	list->v = arena_array(&s->hooks_arena, HOOKS_MAX, sizeof(*list->v));
	if (dir == NULL || list->v == NULL)
		return;
	d = opendir(dir);
	if (d == NULL) {
		if (errno != ENOENT)
			log_warn("guest hooks in '%s': %s, ignored", dir, strerrordesc_np(errno));
		return;
	}
	while (list->n < HOOKS_MAX && (ent = readdir(d)) != NULL) {
		struct stat st;

		if (fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0)
			add_hook(s, list, dir, ent->d_name, kind);
	}
}

void sandbox_scan_hooks(struct sandbox *s, const char *path)
{
	scan_dir(s, path, "prestart", &s->hooks[CTR_HOOK_PRESTART]);
	scan_dir(s, path, "poststart", &s->hooks[CTR_HOOK_POSTSTART]);
	scan_dir(s, path, "poststop", &s->hooks[CTR_HOOK_POSTSTOP]);
}

int sandbox_add_hooks(const struct sandbox *s, struct ctr_spec *spec, struct arena *arena,
		      struct err *e)
{
	for (size_t k = 0; k < CTR_HOOK_KINDS; k++) {
		const struct ctr_hooks *ours = &s->hooks[k];
		struct ctr_hooks *theirs = &spec->hooks[k];
		struct ctr_hook *all;

		if (ours->n == 0)
			continue;
		all = arena_array(arena, theirs->n + ours->n, sizeof(*all));
		if (all == NULL)
			return err_refuse(e, ERR_LIMIT, "OCI: too many hooks");
		if (theirs->n > 0)
			memcpy(all, theirs->v, theirs->n * sizeof(*all));
		/* Their strings live as long as the sandbox, which outlives its containers. */
		memcpy(all + theirs->n, ours->v, ours->n * sizeof(*all));
		theirs->v = all;
		theirs->n += ours->n;
	}
	return 0;
}

/* ---- namespaces ---- */

int sandbox_join_namespaces(const struct sandbox *s, struct ctr_spec *spec, bool shared_pidns,
			    struct err *e)
{
	struct ctr_namespace *pid = NULL;

	for (size_t i = 0; i < spec->n_namespaces; i++) {
		struct ctr_namespace *ns = &spec->namespaces[i];

		if (ns->type == CTR_NS_PID)
			pid = ns;
		if (ns->type != CTR_NS_IPC && ns->type != CTR_NS_UTS)
			continue;
		ns->path = NULL; /* a path of the host means nothing here */
		ns->fd = ns->type == CTR_NS_IPC ? s->ipc_fd : s->uts_fd;
	}
	/* Hosts leave the entry out and say what they want in the request. */
	if (pid == NULL)
		pid = &spec->namespaces[spec->n_namespaces++];
	*pid = (struct ctr_namespace){.type = CTR_NS_PID, .fd = -EBADF};
	if (!shared_pidns)
		return 0;
	if (s->pid_fd < 0 && s->containers.n > 1)
		return err_refuse(e, ERR_INTERNAL, "Sandbox does not have sandbox_pidns");
	pid->fd = s->pid_fd;
	return 0;
}
