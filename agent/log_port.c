/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of whole lines between the log and its reader. Nothing here may log from the sink. */
#define LOG_MODULE "log-port"

#include "agent/log_port.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "ttrpc/addr.h"

struct log_port {
	struct loop *loop;
	struct loop_io listener, reader;
	int listen_fd;
	int out_fd; /* standard output, non-blocking; -EBADF: a port */
	/* Bytes ever; [start, end) is held, [start, sent) has been written to a reader. */
	uint64_t start, sent, end;
	uint64_t dropped;
	bool is_cut; /* the reader's line was dropped in the middle: a newline goes first */
	char *buf;
};

static char at(const struct log_port *p, uint64_t pos)
{
	return p->buf[pos % LOG_PORT_BUFFER];
}

static void drop_line(struct log_port *p)
{
	uint64_t pos = p->start;
	bool is_partly_read = p->reader.loop != NULL && p->sent > p->start;

	while (pos < p->end && at(p, pos) != '\n')
		pos++;
	p->start = MIN(pos + 1, p->end);
	if (p->sent >= p->start)
		return;
	p->dropped++;
	p->is_cut = p->is_cut || is_partly_read;
	p->sent = p->start;
}

static void store(struct log_port *p, const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->buf[(p->end + i) % LOG_PORT_BUFFER] = line[i];
	p->end += n;
}

static void wake_reader(struct log_port *p)
{
	if (p->reader.loop != NULL)
		(void)!loop_io_set(&p->reader, EPOLLIN | EPOLLOUT);
}

static int sink(void *data, const char *line, size_t n)
{
	struct log_port *p = data;
	ssize_t r;

	if (p->out_fd >= 0) {
		r = write(p->out_fd, line, n);
		return r == (ssize_t)n ? 0 : -EAGAIN;
	}
	if (n > LOG_PORT_BUFFER)
		return -EMSGSIZE;
	while (LOG_PORT_BUFFER - (p->end - p->start) < n)
		drop_line(p);
	store(p, line, n);
	wake_reader(p);
	return 0;
}

static void watch_listener(struct log_port *p);

static void close_reader(struct log_port *p)
{
	int fd = p->reader.fd;

	loop_io_del(&p->reader);
	fd_close(fd);
	/* The next reader begins with a whole line. */
	while (p->sent > p->start && at(p, p->sent - 1) != '\n')
		p->sent--;
	p->is_cut = false;
	watch_listener(p);
}

/* Return: 0 while there is more than the reader takes, 1 when it has everything, -errno. */
static int flush(struct log_port *p)
{
	while (p->is_cut || p->sent < p->end) {
		size_t from = p->sent % LOG_PORT_BUFFER;
		size_t len = MIN((size_t)(p->end - p->sent), LOG_PORT_BUFFER - from);
		const char *data = p->buf + from;
		ssize_t n;

		if (p->is_cut) {
			data = "\n";
			len = 1;
		}
		n = send(p->reader.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (p->is_cut)
			p->is_cut = false;
		else
			p->sent += (uint64_t)n;
	}
	return 1;
}

static void on_reader(struct loop_io *io, uint32_t events)
{
	struct log_port *p = container_of(io, struct log_port, reader);
	char scratch[256];
	int r;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
		ssize_t n = recv(io->fd, scratch, sizeof(scratch), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			close_reader(p);
			return;
		}
	}
	r = flush(p);
	if (r < 0)
		close_reader(p);
	else if (r > 0)
		(void)!loop_io_set(io, EPOLLIN);
}

static void on_connect(struct loop_io *io, unused_arg uint32_t events)
{
	struct log_port *p = container_of(io, struct log_port, listener);
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	/* One reader: the next one waits in the backlog. */
	loop_io_del(io);
	if (loop_io_add(p->loop, &p->reader, fd, EPOLLIN | EPOLLOUT, on_reader) < 0) {
		fd_close(fd);
		watch_listener(p);
	}
}

static void watch_listener(struct log_port *p)
{
	/* When it cannot be watched there is no reader any more; the lines stay bounded. */
	(void)!loop_io_add(p->loop, &p->listener, p->listen_fd, EPOLLIN, on_connect);
}

static int listen_on(struct log_port *p, const char *addr, struct err *e)
{
	struct ttrpc_addr a;
	int fd = -EBADF;
	int r = ttrpc_addr_parse(addr, &a, e);

	if (r == 0)
		r = ttrpc_addr_listen(&a, &fd, e);
	if (r < 0)
		return err_wrap(e, "log port");
	p->buf = malloc(LOG_PORT_BUFFER);
	if (p->buf == NULL) {
		fd_close(fd);
		return err_set(e, -ENOMEM, "log port");
	}
	p->listen_fd = fd;
	watch_listener(p);
	return 0;
}

/* A description of our own, so that non-blocking is ours alone. Where that cannot be had (a
 * socket), the shared one is used as it is. */
static int open_stdout(void)
{
	int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_APPEND | O_CLOEXEC);

	return fd >= 0 ? fd : fd_dup_above(1, 3);
}

int log_port_new(struct loop *loop, const char *addr, struct log_port **ret, struct err *e)
{
	struct log_port *p = calloc(1, sizeof(*p));
	int r = 0;

	if (p == NULL)
		return err_set(e, -ENOMEM, "log");
	p->loop = loop;
	p->listener = p->reader = LOOP_IO_INIT;
	p->out_fd = p->listen_fd = -EBADF;
	if (addr != NULL) {
		r = listen_on(p, addr, e);
	} else {
		p->out_fd = open_stdout();
		if (p->out_fd < 0)
			r = err_set(e, p->out_fd, "standard output");
	}
	if (r < 0) {
		free(p);
		return r;
	}
	log_set_sink(&(struct log_sink){.write = sink, .data = p});
	*ret = p;
	return 0;
}

void log_port_free(struct log_port *p)
{
	int reader;

	if (p == NULL)
		return;
	log_set_sink(NULL);
	if (p->reader.loop != NULL)
		(void)flush(p);
	reader = p->reader.fd;
	loop_io_del(&p->listener);
	loop_io_del(&p->reader);
	fd_close(p->listen_fd);
	fd_close(reader);
	fd_close(p->out_fd);
	free(p->buf);
	free(p);
}

uint64_t log_port_dropped(const struct log_port *p)
{
	return p->dropped;
}
