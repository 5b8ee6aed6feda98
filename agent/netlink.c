/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink framing. Knows messages and attributes, not what they mean. */
#include "agent/netlink.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

/* The kernel answers within the request itself; only a held rtnl lock makes it slow. */
#define SILENCE_MS 5000

/* rtnetlink fills dumps into buffers of up to 32 KiB (netlink_recvmsg in the kernel). */
#define RECEIVE_MAX 32768

static size_t align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* Room for @n bytes, zeroed up to the alignment. NULL once the message is full. */
static void *grow(struct nl_msg *m, size_t n)
{
	size_t start = align4(m->n), end;

	if (m->failed || n > sizeof(m->buf) || align4(start + n) > sizeof(m->buf)) {
		m->failed = true;
		return NULL;
	}
	end = align4(start + n);
	memset(m->buf + m->n, 0, end - m->n);
	m->n = start + n;
	return m->buf + start;
}

void nl_begin(struct nl_msg *m, uint16_t type, uint16_t flags, const void *family, size_t n)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = flags | NLM_F_REQUEST};
	void *p;

	m->n = 0;
	m->failed = false;
	p = grow(m, sizeof(h));
	if (p != NULL)
		memcpy(p, &h, sizeof(h));
	p = grow(m, n);
	if (p != NULL)
		memcpy(p, family, n);
}

void nl_put(struct nl_msg *m, uint16_t type, const void *data, size_t n)
{
	struct rtattr a = {.rta_type = type};
	uint8_t *p;

	if (n > NL_MSG_MAX) {
		m->failed = true;
		return;
	}
	a.rta_len = (unsigned short)(sizeof(a) + n);
	p = grow(m, sizeof(a) + n);
	if (p == NULL)
		return;
	memcpy(p, &a, sizeof(a));
	if (n > 0)
		memcpy(p + sizeof(a), data, n);
}

void nl_put_u32(struct nl_msg *m, uint16_t type, uint32_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_text(struct nl_msg *m, uint16_t type, const char *text)
{
	nl_put(m, type, text, strlen(text) + 1);
}

size_t nl_nest_begin(struct nl_msg *m, uint16_t type)
{
	size_t start = align4(m->n);

	nl_put(m, type | NLA_F_NESTED, NULL, 0);
	return start;
}

void nl_nest_end(struct nl_msg *m, size_t nest)
{
	struct rtattr a;

	if (m->failed)
		return;
	memcpy(&a, m->buf + nest, sizeof(a));
	a.rta_len = (unsigned short)(align4(m->n) - nest);
	memcpy(m->buf + nest, &a, sizeof(a));
}

size_t nl_finish(struct nl_msg *m, uint32_t seq)
{
	struct nlmsghdr h;

	if (m->failed)
		return 0;
	memcpy(&h, m->buf, sizeof(h));
	h.nlmsg_len = (uint32_t)align4(m->n);
	h.nlmsg_seq = seq;
	memcpy(m->buf, &h, sizeof(h));
	return h.nlmsg_len;
}

int nl_next_msg(const uint8_t **p, size_t *n, struct nl_view *ret)
{
	struct nlmsghdr h;
	size_t step;

	if (*n == 0)
		return 0;
	if (*n < sizeof(h))
		return -EBADMSG;
	memcpy(&h, *p, sizeof(h));
	if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > *n)
		return -EBADMSG;

	*ret = (struct nl_view){
		.type = h.nlmsg_type,
		.flags = h.nlmsg_flags,
		.seq = h.nlmsg_seq,
		.p = *p + sizeof(h),
		.n = h.nlmsg_len - sizeof(h),
	};
	step = MIN(align4(h.nlmsg_len), *n);
	*p += step;
	*n -= step;
	return 1;
}

int nl_attrs_of(const struct nl_view *msg, size_t header, struct nl_attrs *ret)
{
	size_t skip = align4(header);

	if (msg->n < header)
		return -EBADMSG;
	if (msg->n < skip)
		skip = msg->n;
	*ret = (struct nl_attrs){.p = msg->p + skip, .n = msg->n - skip};
	return 0;
}

int nl_next_attr(struct nl_attrs *a, struct nl_view *ret)
{
	struct rtattr h;
	size_t step;

	if (a->n == 0)
		return 0;
	if (a->n < sizeof(h))
		return -EBADMSG;
	memcpy(&h, a->p, sizeof(h));
	if (h.rta_len < sizeof(h) || h.rta_len > a->n)
		return -EBADMSG;

	*ret = (struct nl_view){
		.type = (uint16_t)(h.rta_type & NLA_TYPE_MASK),
		.p = a->p + sizeof(h),
		.n = h.rta_len - sizeof(h),
	};
	step = MIN(align4(h.rta_len), a->n);
	a->p += step;
	a->n -= step;
	return 1;
}

int nl_find_attr(struct nl_attrs a, uint16_t type, struct nl_view *ret)
{
	struct nl_view v;
	int r, found = 0;

	while ((r = nl_next_attr(&a, &v)) > 0) {
		if (v.type != type)
			continue;
		*ret = v;
		found = 1;
	}
	return r < 0 ? r : found;
}

int nl_get_u32(const struct nl_view *attr, uint32_t *ret)
{
	if (attr->n != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, attr->p, sizeof(*ret));
	return 0;
}

int nl_get_text(const struct nl_view *attr, char *buf, size_t size)
{
	size_t n = strnlen((const char *)attr->p, attr->n);

	if (n >= size)
		return -EBADMSG;
	memcpy(buf, attr->p, n);
	buf[n] = '\0';
	return 0;
}

int nl_open(struct nl_sock *s)
{
	const int one = 1;

	s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (s->fd < 0)
		return -errno;

	/* Without it a dump ignores the filters in its header, and with it never misleads. */
	(void)setsockopt(s->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	s->seq = 1;
	return 0;
}

void nl_close(struct nl_sock *s)
{
	s->fd = fd_close(s->fd);
}

static int error_of(const struct nl_view *msg)
{
	int32_t code;

	if (msg->n < sizeof(code))
		return -EBADMSG;
	memcpy(&code, msg->p, sizeof(code));
	return code > 0 ? -EBADMSG : code;
}

int nl_answer(const uint8_t *p, size_t n, uint32_t seq, nl_msg_fn fn, void *data)
{
	struct nl_view v;
	int r;

	while ((r = nl_next_msg(&p, &n, &v)) > 0) {
		if (v.seq != seq)
			continue; /* the late answer to a request that was given up */
		if (v.flags & NLM_F_DUMP_INTR)
			return -EINTR;
		if (v.type == NLMSG_ERROR || v.type == NLMSG_DONE)
			return v.type == NLMSG_DONE && v.n < sizeof(int32_t) ? 0 : error_of(&v);
		if (fn == NULL)
			continue;

		r = fn(data, &v);
		if (r < 0)
			return r;
		if (!(v.flags & NLM_F_MULTI))
			return 0;
	}
	return r < 0 ? r : 1;
}

int nl_request(struct nl_sock *s, struct nl_msg *m, nl_msg_fn fn, void *data)
{
	cleanup_free uint8_t *buf = malloc(RECEIVE_MAX);
	struct sockaddr_nl from = {0};
	size_t n;
	int r;

	if (buf == NULL)
		return -ENOMEM;
	n = nl_finish(m, ++s->seq);
	if (n == 0)
		return -EMSGSIZE;
	if (send(s->fd, m->buf, n, 0) < 0)
		return -errno;

	do {
		struct pollfd pfd = {.fd = s->fd, .events = POLLIN};
		socklen_t len = sizeof(from);
		ssize_t got;

		r = poll(&pfd, 1, SILENCE_MS);
		if (r < 0)
			return -errno;
		if (r == 0)
			return -ETIMEDOUT;
		got = recvfrom(s->fd, buf, RECEIVE_MAX, MSG_TRUNC | MSG_DONTWAIT,
			       (struct sockaddr *)&from, &len);
		if (got < 0)
			return -errno;
		if (from.nl_pid != 0)
			r = 1; /* not the kernel */
		else if (got > RECEIVE_MAX)
			r = -EMSGSIZE;
		else
			r = nl_answer(buf, (size_t)got, s->seq, fn, data);
	} while (r > 0);
	return r;
}
