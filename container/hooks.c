/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks one by one: pipes, deadline, process group, and what to say when one fails. */
#define LOG_MODULE "hooks"
#include "container/hooks.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "container/ctr.h"

struct hook_run {
	struct loop *loop;
	struct hook_list list;
	const struct hook_ops *ops;
	void *data;
	size_t at; /* index of the hook under way */
	struct spawn spawn;
	struct loop_idle idle;
	struct loop_timer timer;
	struct loop_io in, out;
	int in_fd, out_fd;
	size_t written;
	char tail[HOOK_TAIL_MAX];
	size_t tail_n;
	bool is_killed;
	struct err cancelled;
};

static void next(struct loop_idle *idle);

static const struct ctr_hook *current(const struct hook_run *h)
{
	return &h->list.hooks->v[h->at];
}

static void close_in(struct hook_run *h)
{
	loop_io_del(&h->in);
	h->in_fd = fd_close(h->in_fd);
}

static void close_out(struct hook_run *h)
{
	loop_io_del(&h->out);
	h->out_fd = fd_close(h->out_fd);
}

static void finish(struct hook_run *h, const struct err *e)
{
	static const struct err ok;

	loop_timer_del(&h->timer);
	close_in(h);
	close_out(h);
	h->ops->done(h->data, e == NULL ? &ok : e);
}

/* A hook need not read its state, and may be gone before it could: EPIPE is no failure. */
static void on_in(struct loop_io *io, unused_arg uint32_t events)
{
	struct hook_run *h = container_of(io, struct hook_run, in);
	size_t n = strlen(h->list.state);
	ssize_t r = write(h->in_fd, h->list.state + h->written, n - h->written);

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (r > 0)
		h->written += (size_t)r;
	if (r < 0 || h->written == n)
		close_in(h);
}

/* Keeps the last bytes. Return: false at the end of the stream. */
static bool read_out(struct hook_run *h)
{
	char buf[4096];
	ssize_t n = read(h->out_fd, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR;
	if (n == 0)
		return false;
	if (h->tail_n + (size_t)n > sizeof(h->tail)) {
		size_t drop = h->tail_n + (size_t)n - sizeof(h->tail);

		memmove(h->tail, h->tail + drop, h->tail_n - drop);
		h->tail_n -= drop;
	}
	memcpy(h->tail + h->tail_n, buf, (size_t)n);
	h->tail_n += (size_t)n;
	return true;
}

static void on_out(struct loop_io *io, unused_arg uint32_t events)
{
	struct hook_run *h = container_of(io, struct hook_run, out);

	if (!read_out(h) && errno != EAGAIN)
		close_out(h);
}

static void on_timeout(struct loop_timer *t)
{
	struct hook_run *h = container_of(t, struct hook_run, timer);

	h->is_killed = true;
	/* It leads a session of its own, and cannot be reaped by anybody else: the group is its. */
	(void)kill(-h->spawn.ref.pid, SIGKILL);
	ctr_spawn_kill(&h->spawn, NULL);
}

static int judge(struct hook_run *h, const siginfo_t *info, struct err *e)
{
	int code = pidref_exit_code(info->si_code, info->si_status);
	const char *path = current(h)->path;
	struct str tail = STR_INIT(ERR_MSG_MAX);
	size_t from = h->tail_n > 200 ? h->tail_n - 200 : 0; /* what fits into a sentence */

	if (h->cancelled.code != 0) {
		*e = h->cancelled;
		return e->code;
	}
	if (h->is_killed)
		return err_refuse(e, ERR_INTERNAL, "%s hook %s: killed, it ran into its timeout",
				  h->list.kind, path);
	if (!h->spawn.is_running) {
		*e = h->spawn.err;
		return err_wrap(e, "%s hook %s", h->list.kind, path);
	}
	if (code == 0)
		return 0;
	str_add_json(&tail, h->tail + from, h->tail_n - from);
	code = err_refuse(e, ERR_INTERNAL, "%s hook %s: exit code %d, output: \"%s\"", h->list.kind,
			  path, code, str_text(&tail));
	str_done(&tail);
	return code;
}

static void on_hook_exit(struct spawn *s, const siginfo_t *info)
{
	struct hook_run *h = container_of(s, struct hook_run, spawn);
	struct err e = {0};
	int r;

	/* What has been written is read; a descendant that keeps the pipe is not waited for. */
	for (int i = 0; h->out_fd >= 0 && i < 64 && read_out(h); i++)
		continue;
	r = judge(h, info, &e);
	close_in(h);
	close_out(h);
	loop_timer_del(&h->timer);
	ctr_spawn_done(&h->spawn);
	if (r < 0 && h->list.goes_on && h->cancelled.code == 0) {
		char text[ERR_TEXT_MAX];

		log_warn("%s: goes on", err_text(&e, text, sizeof(text)));
		r = 0;
	}
	h->at++;
	if (r < 0)
		finish(h, &e);
	else
		loop_idle_add(h->loop, &h->idle, next);
}

static void on_hook_sync(unused_arg struct spawn *s, unused_arg enum plan_sync which)
{
	/* PLAN_SYNC_GO was answered ahead, by born. */
}

static void on_hook_running(unused_arg struct spawn *s)
{
}

static const struct spawn_ops hook_spawn_ops = {
	.sync = on_hook_sync,
	.running = on_hook_running,
	.exited = on_hook_exit,
};

/* Pipes: the hook's ends in @stdio (0 read, 1 and 2 one write end), ours in the object. */
static int open_pipes(struct hook_run *h, int stdio[static 2], struct err *e)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set(e, -errno, "pipe");
	stdio[0] = in[0];
	h->in_fd = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set(e, -errno, "pipe");
	stdio[1] = out[1];
	h->out_fd = out[0];
	if (fd_set_nonblock(h->in_fd, true) < 0 || fd_set_nonblock(h->out_fd, true) < 0)
		return err_set(e, -EBADF, "pipe");
	return 0;
}

static int start_one(struct hook_run *h, struct err *e)
{
	cleanup_close int read_end = -EBADF, write_end = -EBADF;
	const struct ctr_hook *hook = current(h);
	int64_t timeout =
		hook->timeout_s != CTR_UNSET ? hook->timeout_s : h->list.default_timeout_s;
	struct spawn_how how = {.cgroup_fd = -EBADF};
	struct plan *plan = NULL;
	int ends[2] = {-EBADF, -EBADF}, r;

	h->tail_n = h->written = 0;
	h->is_killed = false;
	h->spawn = SPAWN_INIT;
	r = open_pipes(h, ends, e);
	read_end = ends[0];
	write_end = ends[1];
	if (r == 0) {
		const int stdio[3] = {read_end, write_end, write_end};

		r = h->ops->plan(h->data, hook, stdio, &plan, &how, e);
	}
	if (r == 0)
		r = ctr_spawn_start(&h->spawn, h->loop, plan, &how, &hook_spawn_ops, e);
	if (r < 0)
		return r;
	h->ops->born(h->data, &h->spawn);
	/* The child lives: from here on a failure only loses the state, the output or the deadline. */
	if (loop_io_add(h->loop, &h->in, h->in_fd, EPOLLOUT, on_in) < 0 ||
	    loop_io_add(h->loop, &h->out, h->out_fd, EPOLLIN, on_out) < 0 ||
	    (timeout != CTR_UNSET &&
	     loop_timer_set(h->loop, &h->timer, loop_now_ns() + (uint64_t)timeout * 1000000000U,
			    on_timeout) < 0))
		ctr_spawn_kill(&h->spawn, NULL);
	return 0;
}

static void next(struct loop_idle *idle)
{
	struct hook_run *h = container_of(idle, struct hook_run, idle);
	struct err e = {0};

	while (h->cancelled.code == 0 && h->at < h->list.hooks->n) {
		char text[ERR_TEXT_MAX];

		if (start_one(h, &e) == 0)
			return;
		close_in(h);
		close_out(h);
		(void)!err_wrap(&e, "%s hook %s", h->list.kind, current(h)->path);
		if (!h->list.goes_on) {
			finish(h, &e);
			return;
		}
		log_warn("%s: goes on", err_text(&e, text, sizeof(text)));
		e = (struct err){0};
		h->at++;
	}
	finish(h, h->cancelled.code != 0 ? &h->cancelled : NULL);
}

int ctr_hook_run_new(struct loop *loop, const struct hook_list *list, const struct hook_ops *ops,
		     void *data, struct hook_run **ret, struct err *e)
{
	struct hook_run *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return err_set(e, -ENOMEM, "hooks");
	h->loop = loop;
	h->list = *list;
	h->ops = ops;
	h->data = data;
	h->in = h->out = LOOP_IO_INIT;
	h->in_fd = h->out_fd = -EBADF;
	h->spawn = SPAWN_INIT;
	loop_idle_add(loop, &h->idle, next);
	*ret = h;
	return 0;
}

void ctr_hook_run_cancel(struct hook_run *h, const struct err *why)
{
	h->cancelled = *why;
	if (pidref_is_set(&h->spawn.ref) && !h->spawn.has_exited) {
		(void)kill(-h->spawn.ref.pid, SIGKILL);
		ctr_spawn_kill(&h->spawn, NULL);
	}
}

void ctr_hook_run_free(struct hook_run *h)
{
	if (h == NULL)
		return;
	loop_idle_del(&h->idle);
	loop_timer_del(&h->timer);
	close_in(h);
	close_out(h);
	free(h);
}
