/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets at both ends of a connection's birth. Bytes after the first line are conn.c's. */
#include "vmm/bridge/hybrid.h"

#include <inttypes.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/parse.h"
#include "vmm/bridge/device.h"

#define VERB         "CONNECT "
#define VERB_LEN     (sizeof(VERB) - 1)
#define ACCEPT_BATCH 64

ssize_t vsb_hybrid_parse(const char *buf, size_t n, uint32_t *ret_port)
{
	const char *end = memchr(buf, '\n', MIN(n, (size_t)VSB_LINE_MAX));
	char port[VSB_LINE_MAX];
	size_t len;

	if (end == NULL)
		return n >= VSB_LINE_MAX ? -EPROTO : 0;

	len = (size_t)(end - buf);
	if (len <= VERB_LEN || strncasecmp(buf, VERB, VERB_LEN) != 0)
		return -EPROTO;
	memcpy(port, buf + VERB_LEN, len - VERB_LEN);
	port[len - VERB_LEN] = '\0';
	if (parse_u32(port, ret_port) < 0)
		return -EPROTO;
	return (ssize_t)len + 1;
}

void vsb_hybrid_line(struct vsb_conn *c)
{
	char buf[VSB_LINE_MAX];
	uint32_t port;
	ssize_t n, len;

	/* Peeked: bytes after the newline belong to the guest. */
	n = recv(c->fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	len = n > 0 ? vsb_hybrid_parse(buf, (size_t)n, &port) : -EPROTO;
	if (len == 0 && !c->hup)
		return;

	/* No driver, no listener: to the client both are an end of file instead of OK. */
	if (len <= 0 || !c->dev->vu.live || recv(c->fd, buf, (size_t)len, MSG_DONTWAIT) != len) {
		vsb_conn_kill(c);
		return;
	}

	vsb_conn_set_key(c, port, vsb_dev_port(c->dev, port));
	c->state = VSB_CONN_REQUESTED;
	c->due = VSB_DUE_REQUEST;
	vsb_dev_wake(c->dev, c);
}

void vsb_hybrid_accept(struct vsb_dev *d, int fd)
{
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int s = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (s < 0)
			return;
		if (!d->vu.live || d->n_conns >= VSB_CONNS_MAX)
			(void)fd_close(s);
		else
			(void)vsb_conn_new_take(d, s, VSB_CONN_LINE);
	}
}

static int dial(const struct vsb_dev *d, uint32_t port)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	cleanup_close int fd = -EBADF;
	int n;

	if (d->uds == NULL || d->n_conns >= VSB_CONNS_MAX)
		return -ECONNREFUSED;
	n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s_%" PRIu32, d->uds, port);
	if (n < 0 || (size_t)n >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* On a unix socket this never waits: a full backlog is EAGAIN. */
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

void vsb_hybrid_dial(struct vsb_dev *d, const struct vsb_pkt *p)
{
	struct vsb_conn *c = NULL;
	int fd = dial(d, p->dst_port);

	if (fd >= 0)
		c = vsb_conn_new_take(d, fd, VSB_CONN_OPEN);
	if (c == NULL) {
		vsb_dev_reset(d, p->src_port, p->dst_port);
		return;
	}
	vsb_conn_set_key(c, p->src_port, p->dst_port);
	c->peer_buf_alloc = p->buf_alloc;
	c->peer_fwd_cnt = p->fwd_cnt;
	c->due = VSB_DUE_RESPONSE;
	vsb_dev_wake(d, c);
}
