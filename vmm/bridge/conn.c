/* SPDX-License-Identifier: Apache-2.0 */
/* Both directions of one connection. Never touches a ring, never looks up another connection. */
#include "vmm/bridge/conn.h"

#include <inttypes.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "vmm/bridge/device.h"
#include "vmm/bridge/hybrid.h"

#define CLOSE_WAIT_NS (5ULL * 1000000000)  /* for the guest's RST after a full shutdown */
#define OPEN_WAIT_NS  (10ULL * 1000000000) /* for the CONNECT line, and for the guest's answer */

/* ---- to the client ---- */

/* One write of buffered bytes. Return: bytes written, 0 when the socket is full, -EPIPE. */
static ssize_t flush_some(struct vsb_conn *c)
{
	uint32_t first = MIN(c->buf_n, VSB_BUF_ALLOC - c->buf_head);
	struct iovec iov[2] = {
		{.iov_base = c->buf + c->buf_head, .iov_len = first},
		{.iov_base = c->buf, .iov_len = c->buf_n - first},
	};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	return n;
}

static void consumed(struct vsb_conn *c, uint32_t n)
{
	c->fwd_cnt += n;
	if (c->fwd_cnt - c->announced >= VSB_BUF_ALLOC / 4)
		c->due |= VSB_DUE_CREDIT_UPDATE;
}

static void buf_drop(struct vsb_conn *c, uint32_t n)
{
	c->buf_head = (c->buf_head + n) % VSB_BUF_ALLOC;
	c->buf_n -= n;
	c->dev->buffered -= n;
	consumed(c, n);
	if (c->buf_n == 0) {
		free(TAKE_PTR(c->buf));
		c->buf_head = 0;
	}
}

static void shut_host(struct vsb_conn *c, uint32_t how);

/* The client does not read any more: its bytes are dropped so that the guest does not stall. */
static void client_deaf(struct vsb_conn *c)
{
	if (c->buf_n > 0)
		buf_drop(c, c->buf_n);
	shut_host(c, VSB_SHUT_RECEIVE);
}

/* After the last buffered byte: pass on the guest's end of stream. */
static void flushed(struct vsb_conn *c)
{
	if (c->state == VSB_CONN_ORPHAN) {
		vsb_conn_kill(c);
		return;
	}
	if ((c->guest_shut & VSB_SHUT_SEND) != 0)
		(void)shutdown(c->fd, SHUT_WR);
}

static void flush(struct vsb_conn *c)
{
	while (c->buf_n > 0) {
		ssize_t n = flush_some(c);

		if (n == 0)
			return;
		if (n < 0)
			client_deaf(c);
		else
			buf_drop(c, (uint32_t)n);
	}
	flushed(c);
}

static int buf_put(struct vsb_conn *c, struct iovec *iov, unsigned n_iov, uint32_t n)
{
	if (n > VSB_BUF_ALLOC - c->buf_n || n > VSB_BUFFERED_MAX - c->dev->buffered)
		return -ENOBUFS;
	if (c->buf == NULL) {
		c->buf = malloc(VSB_BUF_ALLOC);
		if (c->buf == NULL)
			return -ENOMEM;
	}

	while (n > 0) {
		uint32_t tail = (c->buf_head + c->buf_n) % VSB_BUF_ALLOC;
		uint32_t part = MIN(n, VSB_BUF_ALLOC - tail);

		if (vsb_iov_cut_from(&iov, &n_iov, c->buf + tail, part) < 0)
			return -EMSGSIZE;
		c->buf_n += part;
		c->dev->buffered += part;
		n -= part;
	}
	return 0;
}

/* Bytes of the guest: straight to the client while nothing waits, the rest into the buffer. */
static int to_client(struct vsb_conn *c, struct iovec *iov, unsigned n_iov, uint32_t len)
{
	if ((c->host_shut & VSB_SHUT_RECEIVE) != 0) {
		consumed(c, len);
		return 0;
	}

	if (c->buf_n == 0 && len > 0) {
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n_iov};
		ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			client_deaf(c);
			consumed(c, len);
			return 0;
		}
		for (uint32_t done = n > 0 ? (uint32_t)n : 0; done > 0;) {
			uint32_t part = (uint32_t)MIN(iov->iov_len, (size_t)done);

			iov->iov_base = (uint8_t *)iov->iov_base + part;
			iov->iov_len -= part;
			if (iov->iov_len == 0) {
				iov++;
				n_iov--;
			}
			done -= part;
			len -= part;
			consumed(c, part);
		}
	}
	return len > 0 ? buf_put(c, iov, n_iov, len) : 0;
}

/* ---- ends ---- */

static void timed_out(struct loop_timer *t)
{
	struct vsb_conn *c = list_entry(t, struct vsb_conn, timer);

	if (c->state == VSB_CONN_OPEN)
		vsb_dev_reset(c->dev, c->guest_port, c->host_port);
	vsb_conn_kill(c);
}

static int arm(struct vsb_conn *c, uint64_t wait_ns)
{
	return loop_timer_set(c->dev->loop, &c->timer, loop_now_ns() + wait_ns, timed_out);
}

static void shut_host(struct vsb_conn *c, uint32_t how)
{
	if ((c->host_shut & how) == how)
		return;
	c->host_shut |= how;
	if (c->state != VSB_CONN_OPEN)
		return;

	c->due |= VSB_DUE_SHUTDOWN;
	if (c->host_shut == VSB_SHUT_BOTH && arm(c, CLOSE_WAIT_NS) < 0) {
		vsb_dev_reset(c->dev, c->guest_port, c->host_port);
		vsb_conn_kill(c);
	}
}

void vsb_conn_orphan(struct vsb_conn *c)
{
	vsb_conn_drop_key(c);
	loop_timer_del(&c->timer);
	list_del(&c->run);
	c->due = 0;
	if (c->buf_n == 0) {
		vsb_conn_kill(c);
		return;
	}
	c->state = VSB_CONN_ORPHAN;
	(void)shutdown(c->fd, SHUT_RD);
}

/* ---- to the guest ---- */

static bool can_read(const struct vsb_conn *c)
{
	return c->state == VSB_CONN_OPEN && c->readable && (c->host_shut & VSB_SHUT_SEND) == 0 &&
	       (c->guest_shut & VSB_SHUT_RECEIVE) == 0;
}

bool vsb_conn_wants_turn(const struct vsb_conn *c)
{
	if (c->due != 0)
		return true;
	return can_read(c) &&
	       (!c->asked || vsb_credit(c->peer_buf_alloc, c->tx_cnt, c->peer_fwd_cnt) > 0);
}

/* A client that is gone altogether will not read either. */
static void client_eof(struct vsb_conn *c)
{
	c->readable = false;
	shut_host(c, c->hup ? VSB_SHUT_BOTH : VSB_SHUT_SEND);
}

/* Reads what credit and buffer allow straight into guest memory. Return: bytes. */
static uint32_t read_into(struct vsb_conn *c, const struct vsb_chain *chain)
{
	struct vsb_chain room = *chain;
	uint8_t hdr[VSB_HDR_LEN];
	struct iovec *iov = room.iov;
	unsigned n_iov = room.n;
	uint32_t credit = vsb_credit(c->peer_buf_alloc, c->tx_cnt, c->peer_fwd_cnt);
	ssize_t n;

	if (credit == 0) {
		if (!c->asked)
			c->due |= VSB_DUE_CREDIT_REQUEST;
		c->asked = true;
		return 0;
	}

	if (vsb_iov_cut_from(&iov, &n_iov, hdr, sizeof(hdr)) < 0)
		return 0;
	vsb_iov_limit(iov, &n_iov, credit);
	if (n_iov == 0)
		return 0;

	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n_iov};

	n = recvmsg(c->fd, &msg, MSG_DONTWAIT);
	if (n > 0) {
		c->tx_cnt += (uint32_t)n;
		return (uint32_t)n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		c->readable = errno == EINTR;
		return 0;
	}
	if (n < 0)
		c->hup = true;
	client_eof(c);
	return 0;
}

static uint32_t emit(struct vsb_conn *c, struct vsb_chain *chain, enum vsb_op op, uint32_t flags,
		     uint32_t len)
{
	const struct vsb_pkt p = {
		.src_cid = VSB_HOST_CID,
		.dst_cid = c->dev->vu.cid,
		.src_port = c->host_port,
		.dst_port = c->guest_port,
		.len = len,
		.type = VSB_TYPE_STREAM,
		.op = (uint16_t)op,
		.flags = flags,
		.buf_alloc = VSB_BUF_ALLOC,
		.fwd_cnt = c->fwd_cnt,
	};

	/* Every packet announces what was read. */
	c->announced = c->fwd_cnt;
	c->due &= ~VSB_DUE_CREDIT_UPDATE;
	return vsb_dev_emit(&p, chain);
}

uint32_t vsb_conn_turn(struct vsb_conn *c, struct vsb_chain *chain)
{
	uint32_t n;

	if ((c->due & VSB_DUE_REQUEST) != 0) {
		c->due &= ~VSB_DUE_REQUEST;
		return emit(c, chain, VSB_OP_REQUEST, 0, 0);
	}
	if ((c->due & VSB_DUE_RESPONSE) != 0) {
		c->due &= ~VSB_DUE_RESPONSE;
		return emit(c, chain, VSB_OP_RESPONSE, 0, 0);
	}
	if (can_read(c)) {
		n = read_into(c, chain);
		if (n > 0)
			return emit(c, chain, VSB_OP_RW, 0, n);
	}
	/* The end of the stream goes after its last byte: reading stopped above, or does not matter. */
	if ((c->due & VSB_DUE_SHUTDOWN) != 0) {
		c->due &= ~VSB_DUE_SHUTDOWN;
		return emit(c, chain, VSB_OP_SHUTDOWN, c->host_shut, 0);
	}
	if ((c->due & VSB_DUE_CREDIT_UPDATE) != 0)
		return emit(c, chain, VSB_OP_CREDIT_UPDATE, 0, 0);
	if ((c->due & VSB_DUE_CREDIT_REQUEST) != 0) {
		c->due &= ~VSB_DUE_CREDIT_REQUEST;
		return emit(c, chain, VSB_OP_CREDIT_REQUEST, 0, 0);
	}
	return 0;
}

/* ---- packets of the guest ---- */

int vsb_conn_say_ok(struct vsb_conn *c)
{
	char line[sizeof("OK 4294967295\n")];
	int n = snprintf(line, sizeof(line), "OK %" PRIu32 "\n", c->host_port);

	return send(c->fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n ? 0 : -EPIPE;
}

static void refuse(struct vsb_conn *c)
{
	vsb_dev_reset(c->dev, c->guest_port, c->host_port);
	vsb_conn_kill(c);
}

static void guest_shutdown(struct vsb_conn *c, uint32_t flags)
{
	c->guest_shut |= flags & VSB_SHUT_BOTH;
	if (c->guest_shut == VSB_SHUT_BOTH) {
		vsb_dev_reset(c->dev, c->guest_port, c->host_port);
		vsb_conn_orphan(c);
		return;
	}
	if ((c->guest_shut & VSB_SHUT_RECEIVE) != 0)
		(void)shutdown(c->fd, SHUT_RD);
	else if (c->buf_n == 0)
		flushed(c);
}

void vsb_conn_input(struct vsb_conn *c, const struct vsb_pkt *p, struct iovec *iov, unsigned n_iov)
{
	c->peer_buf_alloc = p->buf_alloc;
	c->peer_fwd_cnt = p->fwd_cnt;
	if (vsb_credit(c->peer_buf_alloc, c->tx_cnt, c->peer_fwd_cnt) > 0)
		c->asked = false;

	if (p->op == VSB_OP_RST) {
		vsb_conn_orphan(c);
		return;
	}

	if (c->state == VSB_CONN_REQUESTED) {
		if (p->op != VSB_OP_RESPONSE || vsb_conn_say_ok(c) < 0) {
			refuse(c);
			return;
		}
		loop_timer_del(&c->timer);
		c->state = VSB_CONN_OPEN;
		return;
	}

	switch (p->op) {
	case VSB_OP_RW:
		/* More than was granted, or after its own end: the guest's driver is broken. */
		if ((c->guest_shut & VSB_SHUT_SEND) != 0 || to_client(c, iov, n_iov, p->len) < 0)
			refuse(c);
		return;
	case VSB_OP_SHUTDOWN:
		guest_shutdown(c, p->flags);
		return;
	case VSB_OP_CREDIT_UPDATE:
		return;
	case VSB_OP_CREDIT_REQUEST:
		c->due |= VSB_DUE_CREDIT_UPDATE;
		return;
	default:
		refuse(c);
	}
}

/* ---- life ---- */

static void socket_ready(struct loop_io *io, uint32_t events)
{
	struct vsb_conn *c = list_entry(io, struct vsb_conn, io);

	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		c->hup = true;
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		c->readable = true;

	if (c->state == VSB_CONN_LINE) {
		vsb_hybrid_line(c);
	} else if (c->state == VSB_CONN_REQUESTED && c->hup) {
		refuse(c);
	} else {
		/* A half-closed client that closed for good has nothing left to be read. */
		if (c->hup && (c->host_shut & VSB_SHUT_SEND) != 0)
			shut_host(c, VSB_SHUT_BOTH);
		if (c->state != VSB_CONN_DEAD && c->buf_n > 0)
			flush(c);
	}
	vsb_dev_wake(c->dev, c);
}

struct vsb_conn *vsb_conn_new_take(struct vsb_dev *dev, int fd, enum vsb_conn_state state)
{
	struct vsb_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		goto fail;
	c->dev = dev;
	c->state = state;
	c->io = LOOP_IO_INIT;
	list_init(&c->all);
	list_init(&c->hash);
	list_init(&c->run);

	/* Edge triggered, once for its life: what is readable is remembered until the guest takes it. */
	if (loop_io_add(dev->loop, &c->io, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
			socket_ready) < 0)
		goto fail;
	c->fd = fd;
	if (state != VSB_CONN_OPEN && arm(c, OPEN_WAIT_NS) < 0) {
		loop_io_del(&c->io);
		goto fail;
	}

	list_add_tail(&dev->all, &c->all);
	dev->n_conns++;
	return c;

fail:
	(void)fd_close(fd);
	free(c);
	return NULL;
}

void vsb_conn_set_key(struct vsb_conn *c, uint32_t guest_port, uint32_t host_port)
{
	c->guest_port = guest_port;
	c->host_port = host_port;
	list_add_head(vsb_dev_bucket(c->dev, guest_port, host_port), &c->hash);
}

void vsb_conn_drop_key(struct vsb_conn *c)
{
	list_del(&c->hash);
}

void vsb_conn_kill(struct vsb_conn *c)
{
	if (c->state == VSB_CONN_DEAD)
		return;
	c->state = VSB_CONN_DEAD;
	c->due = 0;
	list_del(&c->hash);
	list_del(&c->run);
	list_del(&c->all);
	loop_io_del(&c->io);
	loop_timer_del(&c->timer);
	c->fd = fd_close(c->fd);
	c->dev->buffered -= c->buf_n;
	c->buf_n = 0;
	c->dev->n_conns--;
	list_add_tail(&c->dev->dead, &c->all);
	vsb_dev_wake(c->dev, NULL);
}

void vsb_conn_free(struct vsb_conn *c)
{
	list_del(&c->all);
	free(c->buf);
	free(c);
}
