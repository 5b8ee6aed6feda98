/* SPDX-License-Identifier: Apache-2.0 */
/* The server as a whole: listeners, accepting, and waiting until everything is written. */
#define LOG_MODULE "ttrpc"

#include "ttrpc/server.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "ttrpc/server_priv.h"

#define ACCEPT_BATCH    16
#define ACCEPT_RETRY_NS UINT64_C(100000000)

struct listener {
	struct list link;
	struct ttrpc_server *server;
	int fd;
	struct loop_io io;
	struct loop_timer retry;
};

static void listener_free(struct listener *l)
{
	loop_io_del(&l->io);
	loop_timer_del(&l->retry);
	list_del(&l->link);
	(void)fd_close(l->fd);
	free(l);
}

static void accept_again(struct loop_timer *t)
{
	struct listener *l = container_of(t, struct listener, retry);

	if (loop_io_set(&l->io, EPOLLIN) < 0)
		log_error("cannot watch a listener any more");
}

/* Whatever is wrong (no descriptors, no memory, a peer that gave up), it may pass. */
static void pause_accepting(struct listener *l, int error)
{
	log_warn("accept: %s, trying again", strerrordesc_np(error));
	if (loop_io_set(&l->io, 0) < 0 ||
	    loop_timer_set(l->server->loop, &l->retry, loop_now_ns() + ACCEPT_RETRY_NS,
			   accept_again) < 0)
		log_error("cannot pause a listener");
}

static void on_listener(struct loop_io *io, uint32_t events unused_arg)
{
	struct listener *l = container_of(io, struct listener, io);

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		int r;

		if (fd < 0) {
			if (errno != EAGAIN && errno != EINTR)
				pause_accepting(l, errno);
			return;
		}
		r = server_conn_new_take(l->server, fd);
		if (r < 0) {
			(void)fd_close(fd);
			pause_accepting(l, -r);
			return;
		}
	}
}

int ttrpc_server_add_listener_take(struct ttrpc_server *s, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return -ENOMEM;
	*l = (struct listener){.server = s, .fd = fd, .io = LOOP_IO_INIT};
	list_init(&l->link);
	r = loop_io_add(s->loop, &l->io, fd, EPOLLIN, on_listener);
	if (r < 0) {
		free(l);
		return r;
	}
	list_add_tail(&s->listeners, &l->link);
	return 0;
}

int ttrpc_server_add_conn_take(struct ttrpc_server *s, int fd)
{
	return server_conn_new_take(s, fd);
}

void ttrpc_server_stop_accepting(struct ttrpc_server *s)
{
	while (!list_empty(&s->listeners))
		listener_free(list_entry(s->listeners.next, struct listener, link));
}

/* ---- flushed ---- */

static void run_flushed(struct ttrpc_server *s)
{
	void (*fn)(void *) = TAKE_PTR(s->flushed);

	loop_timer_del(&s->flush_timer);
	loop_idle_del(&s->flush_idle);
	if (fn != NULL)
		fn(s->flushed_data);
}

void server_check_flushed(struct ttrpc_server *s)
{
	if (s->flushed != NULL && s->out_bytes == 0)
		run_flushed(s);
}

static void flush_timed_out(struct loop_timer *t)
{
	run_flushed(container_of(t, struct ttrpc_server, flush_timer));
}

static void check_flushed_idle(struct loop_idle *i)
{
	server_check_flushed(container_of(i, struct ttrpc_server, flush_idle));
}

int ttrpc_server_on_flushed(struct ttrpc_server *s, uint64_t timeout_ns, void (*fn)(void *data),
			    void *data)
{
	int r = loop_timer_set(s->loop, &s->flush_timer, loop_now_ns() + timeout_ns,
			       flush_timed_out);

	if (r < 0)
		return r;
	s->flushed = fn;
	s->flushed_data = data;
	/* Perhaps there is nothing to write; even then @fn does not run inside this call. */
	loop_idle_add(s->loop, &s->flush_idle, check_flushed_idle);
	return 0;
}

/* ---- life ---- */

int ttrpc_server_new(struct loop *loop, ttrpc_request_fn fn, void *data, struct ttrpc_server **ret)
{
	struct ttrpc_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->fn = fn;
	s->data = data;
	list_init(&s->conns);
	list_init(&s->listeners);
	list_init(&s->orphans);
	*ret = s;
	return 0;
}

void ttrpc_server_free(struct ttrpc_server *s)
{
	if (s == NULL)
		return;
	loop_timer_del(&s->flush_timer);
	loop_idle_del(&s->flush_idle);
	ttrpc_server_stop_accepting(s);
	while (!list_empty(&s->conns))
		server_conn_free(list_entry(s->conns.next, struct server_conn, link));
	/* Handlers may still hold calls; they complete them into nothing. */
	while (!list_empty(&s->orphans)) {
		struct ttrpc_call *c = list_entry(s->orphans.next, struct ttrpc_call, link);

		list_del(&c->link);
		c->server = NULL;
	}
	free(s);
}

void ttrpc_server_get_stats(const struct ttrpc_server *s, struct ttrpc_server_stats *ret)
{
	*ret = (struct ttrpc_server_stats){
		.connections = s->n_conns,
		.calls_in_flight = s->n_calls,
		.calls_total = s->n_calls_total,
		.bytes_queued = s->out_bytes,
	};
}
