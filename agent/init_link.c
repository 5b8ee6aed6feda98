/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to init. Sending never blocks: init reads promptly, and a full socket only costs a copy. */
#define LOG_MODULE "init-link"

#include "agent/init_link.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/init_proto.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"

struct init_link {
	struct loop_io io;
	int fd;
};

static void on_message(struct loop_io *io, unused_arg uint32_t events)
{
	struct init_link *l = container_of(io, struct init_link, io);
	int fds[INIT_FDS_MAX];
	struct init_msg m = {0};
	size_t n_fds = 0;
	ssize_t n = fd_recv(l->fd, &m, sizeof(m), fds, ARRAY_LEN(fds), &n_fds);

	if (n == -EAGAIN)
		return;
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	if (n <= 0) {
		log_error("the socket to init is closed");
		loop_io_del(io);
		return;
	}
	m.key[INIT_KEY_MAX - 1] = '\0';
	if (n == (ssize_t)sizeof(m) && m.type == INIT_MSG_FD_REFUSED)
		log_warn("init does not keep the fds of '%s'", m.key);
}

int init_link_new_consume(struct loop *loop, int fd, struct init_link **ret, struct err *e)
{
	cleanup_close int owned = fd;
	struct init_link *l;
	int r = fd_set_cloexec(fd, true);

	if (r == 0)
		r = fd_set_nonblock(fd, true);
	if (r < 0)
		return err_set(e, r, "socket to init (fd %d)", fd);
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return err_set(e, -ENOMEM, "socket to init");
	l->io = LOOP_IO_INIT;
	l->fd = fd;
	r = loop_io_add(loop, &l->io, fd, EPOLLIN, on_message);
	if (r < 0) {
		free(l);
		return err_set(e, r, "watch the socket to init");
	}
	TAKE_FD(owned);
	*ret = l;
	return 0;
}

void init_link_free(struct init_link *l)
{
	if (l == NULL)
		return;
	loop_io_del(&l->io);
	fd_close(l->fd);
	free(l);
}

static void say(struct init_link *l, enum init_msg_type type, const char *key, const int *fds,
		size_t n_fds)
{
	struct init_msg m = {.type = type};
	ssize_t n;

	if (l == NULL)
		return;
	if (str_copy(m.key, sizeof(m.key), key) < 0) {
		log_warn("key '%s' is too long for init's store", key);
		return;
	}
	n = fd_send(l->fd, &m, sizeof(m), fds, n_fds);
	if (n < 0)
		log_warn("message %d to init: %s", (int)type, strerrordesc_np((int)-n));
}

void init_link_ready(struct init_link *l)
{
	say(l, INIT_MSG_READY, "", NULL, 0);
}

void init_link_shutdown(struct init_link *l)
{
	say(l, INIT_MSG_SHUTDOWN, "", NULL, 0);
}

void init_link_put(struct init_link *l, const char *key, const int *fds, size_t n)
{
	say(l, INIT_MSG_FD_PUT, key, fds, MIN(n, (size_t)INIT_FDS_MAX));
}

void init_link_del(struct init_link *l, const char *key)
{
	say(l, INIT_MSG_FD_DEL, key, NULL, 0);
}
