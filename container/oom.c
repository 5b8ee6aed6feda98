/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches a group for processes that the kernel killed for lack of memory. v2: inotify on
 * memory.events; v1: an eventfd that the kernel signals. Every increase of the count is told once.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/path.h"
#include "container/cgroup_impl.h"

/* The v1 notice comes when the group is out of memory, before the kill is counted. */
#define RECHECK_NS  (20 * UINT64_C(1000000))
#define RECHECK_MAX 100

struct ctr_oom_watch {
	struct loop *loop;
	struct loop_io io;
	struct loop_timer timer; /* v1: looks again for a kill that was announced */
	unsigned rechecks;
	bool is_v1;
	int fd;  /* inotify or eventfd */
	int dir; /* the group's memory directory, own copy: the watch may outlive the group */
	const char *file;
	uint64_t seen;
	void (*fn)(void *data, uint64_t kills);
	void *data;
};

static int read_kills(int dir, const char *file, uint64_t *ret)
{
	return ctr_cg_read_key(dir, file, "oom_kill", ret);
}

static void check_kills(struct ctr_oom_watch *w);

static void on_recheck(struct loop_timer *t)
{
	check_kills(container_of(t, struct ctr_oom_watch, timer));
}

static void check_kills(struct ctr_oom_watch *w)
{
	uint64_t kills = 0, before = w->seen;

	/* The eventfd fires once more when the group is removed: then there is no file to read. */
	if (read_kills(w->dir, w->file, &kills) < 0) {
		loop_io_del(&w->io);
		return;
	}
	if (kills <= before) {
		if (w->is_v1 && w->rechecks++ < RECHECK_MAX)
			(void)!loop_timer_set(w->loop, &w->timer, loop_now_ns() + RECHECK_NS,
					      on_recheck);
		return;
	}
	w->seen = kills;
	w->rechecks = 0;
	loop_timer_del(&w->timer);
	w->fn(w->data, kills - before);
}

static void on_wake(struct loop_io *io, uint32_t events)
{
	struct ctr_oom_watch *w = container_of(io, struct ctr_oom_watch, io);
	char drain[4096];

	(void)events;
	while (read(w->fd, drain, sizeof(drain)) > 0)
		;
	w->rechecks = 0;
	check_kills(w);
}

static int open_v2(struct ctr_oom_watch *w, struct err *e)
{
	cleanup_close int file = path_open_beneath(w->dir, w->file, O_RDONLY, 0, true);
	char path[FD_PATH_MAX];

	if (file < 0)
		return err_set(e, file, "open memory.events");
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0)
		return err_set(e, -errno, "watch memory.events");
	if (inotify_add_watch(w->fd, fd_path(file, path), IN_MODIFY) < 0)
		return err_set(e, -errno, "watch memory.events");
	return 0;
}

static int open_v1(struct ctr_oom_watch *w, struct err *e)
{
	cleanup_close int file = path_open_beneath(w->dir, w->file, O_RDONLY, 0, true);
	char text[32];
	int r;

	if (file < 0)
		return err_set(e, file, "open memory.oom_control");
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		return err_set(e, -errno, "make an eventfd");
	(void)snprintf(text, sizeof(text), "%d %d", w->fd, file);
	r = ctr_cg_write(w->dir, "cgroup.event_control", text);
	return r < 0 ? err_set(e, r, "watch memory.oom_control") : 0;
}

int ctr_oom_watch_new(struct loop *loop, struct ctr_cgroup *g,
		      void (*fn)(void *data, uint64_t kills), void *data,
		      struct ctr_oom_watch **ret, struct err *e)
{
	bool is_v2 = ctr_cgroup_get_mode() == CTR_CGROUP_V2;
	int dir = is_v2 ? g->dir[0] : ctr_cg_dir(g, CG_MEMORY);
	struct ctr_oom_watch *w;
	int r;

	if (dir < 0)
		return err_refuse(e, ERR_PRECONDITION, "the memory cgroup is not available");
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return err_set(e, -ENOMEM, "watch for out-of-memory kills");
	*w = (struct ctr_oom_watch){.loop = loop,
				    .io = LOOP_IO_INIT,
				    .is_v1 = !is_v2,
				    .fd = -EBADF,
				    .dir = fcntl(dir, F_DUPFD_CLOEXEC, 3),
				    .file = is_v2 ? "memory.events" : "memory.oom_control",
				    .fn = fn,
				    .data = data};
	r = w->dir < 0 ? err_set(e, -errno, "watch for out-of-memory kills")
		       : (is_v2 ? open_v2(w, e) : open_v1(w, e));
	/* After the watch stands, so that no kill falls in between. */
	if (r == 0) {
		(void)!read_kills(w->dir, w->file, &w->seen);
		r = loop_io_add(loop, &w->io, w->fd, EPOLLIN, on_wake);
		if (r < 0)
			r = err_set(e, r, "watch for out-of-memory kills");
	}
	if (r < 0) {
		ctr_oom_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void ctr_oom_watch_free(struct ctr_oom_watch *w)
{
	if (w == NULL)
		return;
	loop_io_del(&w->io);
	loop_timer_del(&w->timer);
	(void)fd_close(w->fd);
	(void)fd_close(w->dir);
	free(w);
}
