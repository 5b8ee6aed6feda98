/* SPDX-License-Identifier: Apache-2.0 */
/* Records of processes: streams, waiters, and the reply that lets a record go. */
#define LOG_MODULE "process"

#include "agent/process.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/journal.h"
#include "agent/rpc.h"
#include "agent/sandbox.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "proto/agent.pb-c.h"

struct waiter {
	struct list link;
	struct rpc_call *call;
};

static void on_ring(void *data)
{
	journal_rings(data);
}

int process_new(struct container *c, const char *exec_id, bool is_init, struct process **ret,
		struct err *e)
{
	struct sandbox *s = c->a->sandbox;
	struct process *p;

	if (s->n_processes >= PROCESSES_MAX)
		return err_refuse(e, ERR_LIMIT, "limit of %d processes reached", PROCESSES_MAX);
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return err_set(e, -ENOMEM, "process '%s'", exec_id);
	p->exec_id = strdup(exec_id);
	if (p->exec_id == NULL) {
		free(p);
		return err_set(e, -ENOMEM, "process '%s'", exec_id);
	}
	p->c = c;
	p->is_init = is_init;
	p->refs = 1;
	p->tty = p->journal_fd = -EBADF;
	in_stream_init(&p->in, c->a->loop);
	out_stream_init(&p->out, c->a->loop);
	out_stream_init(&p->err, c->a->loop);
	p->out.on_ring = p->err.on_ring = on_ring;
	p->out.ring_data = p->err.ring_data = p;
	list_init(&p->waiters);
	list_add_tail(&c->processes, &p->link);
	s->n_processes++;
	*ret = p;
	return 0;
}

static void process_unref(struct process *p)
{
	if (--p->refs > 0)
		return;
	free(p->exec_id);
	free(p);
}

/* ---- streams ---- */

static int make_pipe(const struct agent *a, int *ours, int *theirs, bool child_reads)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ours = child_reads ? fds[1] : fds[0];
	*theirs = child_reads ? fds[0] : fds[1];
	if (!child_reads && a->config.container_pipe_size > 0 &&
	    fcntl(*ours, F_SETPIPE_SZ, (int)a->config.container_pipe_size) < 0)
		return -errno;
	return 0;
}

int process_open_pipes(struct process *p, int child_fds[static 3], struct err *e)
{
	int ours[3] = {-EBADF, -EBADF, -EBADF}, theirs[3] = {-EBADF, -EBADF, -EBADF};
	int r = 0;

	for (int i = 0; i < 3 && r == 0; i++) {
		r = make_pipe(p->c->a, &ours[i], &theirs[i], i == 0);
		if (r < 0)
			(void)!err_set(e, r, "pipe for stream %d", i);
	}
	if (r == 0)
		r = in_stream_open_take(&p->in, ours[0], e);
	if (r == 0) {
		ours[0] = -EBADF;
		r = out_stream_open_take(&p->out, ours[1], e);
	}
	if (r == 0) {
		ours[1] = -EBADF;
		r = out_stream_open_take(&p->err, ours[2], e);
	}
	if (r == 0) {
		memcpy(child_fds, theirs, sizeof(theirs));
		return 0;
	}
	if (p->err.fd < 0)
		fd_close(ours[2]);
	fd_close(ours[1]);
	fd_close(ours[0]);
	for (int i = 0; i < 3; i++)
		fd_close(theirs[i]);
	return r;
}

int process_open_tty_consume(struct process *p, int master, struct err *e)
{
	cleanup_close int fd = master, in = -EBADF, out = -EBADF;
	int r;

	/* One fd for each direction: an fd can be in the loop only once. */
	in = fd_dup_above(fd, 3);
	out = fd_dup_above(fd, 3);
	if (in < 0 || out < 0)
		return err_set(e, in < 0 ? in : out, "duplicate the terminal");
	r = in_stream_open_take(&p->in, in, e);
	if (r < 0)
		return r;
	TAKE_FD(in);
	r = out_stream_open_take(&p->out, out, e);
	if (r < 0)
		return r;
	TAKE_FD(out);
	p->tty = TAKE_FD(fd);
	p->has_tty = true;
	return 0;
}

int process_resize(struct process *p, uint32_t rows, uint32_t columns, struct err *e)
{
	struct winsize ws = {
		.ws_row = (unsigned short)MIN(rows, (uint32_t)UINT16_MAX),
		.ws_col = (unsigned short)MIN(columns, (uint32_t)UINT16_MAX),
	};

	if (p->tty < 0)
		return err_refuse(e, ERR_UNAVAILABLE, "no tty");
	if (ioctl(p->tty, TIOCSWINSZ, &ws) < 0)
		return err_set(e, -errno, "ioctl error: resize the terminal");
	return 0;
}

/* ---- exit ---- */

bool process_has_exited(const struct process *p)
{
	return p->p != NULL && ctr_process_has_exited(p->p);
}

static void on_wait_delivered(void *data, bool delivered)
{
	struct process *p = data;

	if (delivered && p->c != NULL)
		process_forget(p);
	process_unref(p);
}

static void reply_code(struct process *p, struct rpc_call *call)
{
	Grpc__WaitProcessResponse msg = GRPC__WAIT_PROCESS_RESPONSE__INIT;

	msg.status = ctr_process_exit_code(p->p);
	p->refs++;
	rpc_on_cancel(call, NULL, NULL);
	rpc_on_delivered(call, on_wait_delivered, p);
	(void)rpc_reply(call, &msg.base);
}

static void answer_waiters(struct process *p)
{
	/* A reply may be delivered at once and take the record with it. */
	p->refs++;
	while (!list_empty(&p->waiters)) {
		struct waiter *w = list_entry(p->waiters.next, struct waiter, link);

		list_del(&w->link);
		reply_code(p, w->call);
	}
	process_unref(p);
}

static void on_exit_(void *data, unused_arg struct ctr_process *core)
{
	struct process *p = data;
	struct container *c = p->c;

	log_info("process '%s' of container '%s' ended with code %d", p->exec_id, c->id,
		 ctr_process_exit_code(p->p));
	journal_process_exited(p);
	out_stream_process_exited(&p->out);
	out_stream_process_exited(&p->err);
	p->refs++;
	answer_waiters(p);
	if (p->is_abandoned && p->c != NULL)
		process_forget(p);
	process_unref(p);
	container_process_exited(c);
}

void process_publish(struct process *p, struct ctr_process *core)
{
	p->p = core;
	p->is_published = true;
	ctr_process_on_exit(core, on_exit_, p);
}

static void waiter_cancel(struct rpc_call *call, void *data)
{
	struct waiter *w = data;
	struct err e = {0};

	list_del(&w->link);
	(void)!err_refuse(&e, ERR_TIMEOUT, "wait cancelled");
	(void)rpc_fail(call, &e);
}

int process_wait(struct process *p, struct rpc_call *call, struct err *e)
{
	struct waiter *w;

	if (process_has_exited(p)) {
		reply_code(p, call);
		return 0;
	}
	w = arena_alloc(rpc_arena(call), sizeof(*w));
	if (w == NULL)
		return err_set(e, -ENOMEM, "wait for process '%s'", p->exec_id);
	w->call = call;
	list_add_tail(&p->waiters, &w->link);
	rpc_on_cancel(call, waiter_cancel, w);
	return RPC_LATER;
}

void process_forget(struct process *p)
{
	struct container *c = p->c;

	journal_forget_process(p);
	p->c = NULL;
	c->a->sandbox->n_processes--;
	list_del(&p->link);
	if (c->init == p)
		c->init = NULL;
	if (p->p != NULL && process_has_exited(p)) {
		answer_waiters(p);
	} else {
		while (!list_empty(&p->waiters)) {
			struct waiter *w = list_entry(p->waiters.next, struct waiter, link);

			waiter_cancel(w->call, w);
		}
	}
	if (p->p != NULL)
		ctr_process_on_exit(p->p, NULL, NULL);
	in_stream_done(&p->in);
	out_stream_done(&p->out);
	out_stream_done(&p->err);
	p->tty = fd_close(p->tty);
	if (!p->is_init)
		ctr_process_free(p->p);
	p->p = NULL;
	process_unref(p);
}
