/* SPDX-License-Identifier: Apache-2.0 */
/* Rings to connections and back. Knows no unix sockets and no vhost-user messages. */
#define LOG_MODULE "device"
#include "vmm/bridge/device.h"

#include "base/log.h"
#include "vmm/bridge/hybrid.h"

#define TX_BUDGET 128
#define RX_BUDGET 256
/* One packet of the guest causes at most this many refusals. */
#define RST_MARGIN 2
#define RST_FULL   (VSB_RSTS_MAX - RST_MARGIN)
/* Ports below are for services that the guest dials. */
#define FIRST_PORT (1U << 30)

struct list *vsb_dev_bucket(struct vsb_dev *d, uint32_t guest_port, uint32_t host_port)
{
	return &d->bucket[(guest_port * 31 + host_port) % VSB_BUCKETS];
}

struct vsb_conn *vsb_dev_find(struct vsb_dev *d, uint32_t guest_port, uint32_t host_port)
{
	list_for_each(it, vsb_dev_bucket(d, guest_port, host_port)) {
		struct vsb_conn *c = list_entry(it, struct vsb_conn, hash);

		if (c->guest_port == guest_port && c->host_port == host_port)
			return c;
	}
	return NULL;
}

uint32_t vsb_dev_port(struct vsb_dev *d, uint32_t guest_port)
{
	/* There are far fewer connections than ports, so this ends. */
	do {
		d->next_port = d->next_port < FIRST_PORT || d->next_port > UINT32_MAX - 2
				       ? FIRST_PORT
				       : d->next_port + 1;
	} while (vsb_dev_find(d, guest_port, d->next_port) != NULL);
	return d->next_port;
}

void vsb_dev_reset(struct vsb_dev *d, uint32_t guest_port, uint32_t host_port)
{
	/* A lost refusal is harmless: the guest's next packet is refused again. */
	if (d->rst_n == VSB_RSTS_MAX)
		return;
	d->rst[(d->rst_head + d->rst_n++) % VSB_RSTS_MAX] =
		(struct vsb_rst){.guest_port = guest_port, .host_port = host_port};
	vsb_dev_wake(d, NULL);
}

uint32_t vsb_dev_emit(const struct vsb_pkt *p, const struct vsb_chain *chain)
{
	struct vsb_chain room = *chain;
	struct iovec *iov = room.iov;
	unsigned n = room.n;
	uint8_t hdr[VSB_HDR_LEN];

	vsb_pkt_encode(p, hdr);
	return vsb_iov_cut_into(&iov, &n, hdr, sizeof(hdr)) < 0 ? 0 : VSB_HDR_LEN + p->len;
}

static void complain(struct vsb_dev *d, const char *what)
{
	if (!d->told)
		log_warn("guest driver broke the rules of its %s ring; the ring is ignored", what);
	d->told = true;
}

/* ---- from the guest ---- */

static void take_packet(struct vsb_dev *d, struct vsb_chain *chain)
{
	uint8_t hdr[VSB_HDR_LEN];
	struct iovec *iov = chain->iov;
	unsigned n_iov = chain->n;
	struct vsb_conn *c;
	struct vsb_pkt p;

	/* The header is copied once; the guest may change it behind our back. */
	if (vsb_iov_cut_from(&iov, &n_iov, hdr, sizeof(hdr)) < 0)
		return;
	vsb_pkt_decode(hdr, &p);
	if (p.src_cid != d->vu.cid || p.len > chain->len - VSB_HDR_LEN)
		return;
	vsb_iov_limit(iov, &n_iov, p.len);

	c = p.dst_cid == VSB_HOST_CID && p.type == VSB_TYPE_STREAM
		    ? vsb_dev_find(d, p.src_port, p.dst_port)
		    : NULL;
	if (c == NULL && p.op == VSB_OP_RST)
		return;
	if (c == NULL && p.op == VSB_OP_REQUEST && p.dst_cid == VSB_HOST_CID &&
	    p.type == VSB_TYPE_STREAM) {
		vsb_hybrid_dial(d, &p);
		return;
	}
	if (c == NULL) {
		vsb_dev_reset(d, p.src_port, p.dst_port);
		return;
	}
	vsb_conn_input(c, &p, iov, n_iov);
	vsb_dev_wake(d, c);
}

/* Return: whether the ring may hold more. */
static bool run_tx(struct vsb_dev *d)
{
	struct vsb_vring *v = &d->vu.ring[VSB_TX];
	struct vsb_chain chain;

	(void)vsb_vring_want_kick(v, false);
	for (int i = 0; i < TX_BUDGET; i++) {
		int r;

		/* While the guest takes no refusals it may not cause more: nothing is queued without
		 * bound. Its next receive buffer wakes us. */
		if (d->rst_n > RST_FULL)
			return false;
		r = vsb_vring_pop(v, &d->vu.mem, false, &chain);
		if (r < 0) {
			complain(d, "transmit");
			return false;
		}
		if (r == 0)
			return vsb_vring_want_kick(v, true);
		take_packet(d, &chain);
		vsb_vring_push(v, &chain, 0);
	}
	return true;
}

/* ---- to the guest ---- */

static uint32_t fill_rst(struct vsb_dev *d, const struct vsb_chain *chain)
{
	const struct vsb_rst *r = &d->rst[d->rst_head];
	const struct vsb_pkt p = {
		.src_cid = VSB_HOST_CID,
		.dst_cid = d->vu.cid,
		.src_port = r->host_port,
		.dst_port = r->guest_port,
		.type = VSB_TYPE_STREAM,
		.op = VSB_OP_RST,
	};

	d->rst_head = (d->rst_head + 1) % VSB_RSTS_MAX;
	d->rst_n--;
	return vsb_dev_emit(&p, chain);
}

static uint32_t fill(struct vsb_dev *d, struct vsb_chain *chain)
{
	struct vsb_conn *c;
	uint32_t n;

	if (d->rst_n > 0)
		return fill_rst(d, chain);

	c = list_entry(d->run.next, struct vsb_conn, run);
	list_del(&c->run);
	n = vsb_conn_turn(c, chain);
	vsb_dev_wake(d, c);
	return n;
}

/* Return: whether there is more to do at once. */
static bool run_rx(struct vsb_dev *d)
{
	struct vsb_vring *v = &d->vu.ring[VSB_RX];
	struct vsb_chain chain;

	for (int i = 0; i < RX_BUDGET; i++) {
		uint32_t n;
		int r;

		if (d->rst_n == 0 && list_empty(&d->run)) {
			(void)vsb_vring_want_kick(v, false);
			return false;
		}
		r = vsb_vring_pop(v, &d->vu.mem, true, &chain);
		if (r == 0 && vsb_vring_want_kick(v, true))
			continue;
		if (r == 0)
			return false;
		if (r < 0 || chain.len < VSB_HDR_LEN) {
			v->broken = true;
			complain(d, "receive");
			return false;
		}
		n = fill(d, &chain);
		if (n == 0)
			vsb_vring_unpop(v);
		else
			vsb_vring_push(v, &chain, n);
	}
	return true;
}

/* ---- turns ---- */

static void free_dead(struct vsb_dev *d)
{
	list_for_each_safe(it, next, &d->dead)
		vsb_conn_free(list_entry(it, struct vsb_conn, all));
}

static void turn(struct loop_idle *idle)
{
	struct vsb_dev *d = list_entry(idle, struct vsb_dev, idle);
	bool more = false, stalled;

	if (d->vu.live) {
		more = run_tx(d);
		stalled = d->rst_n > RST_FULL;
		if (run_rx(d) || (stalled && d->rst_n <= RST_FULL))
			more = true;
		vsb_vring_signal(&d->vu.ring[VSB_TX]);
		vsb_vring_signal(&d->vu.ring[VSB_RX]);
	}
	free_dead(d);
	if (more)
		loop_idle_add(d->loop, &d->idle, turn);
	else
		loop_idle_del(&d->idle);
}

void vsb_dev_wake(struct vsb_dev *d, struct vsb_conn *c)
{
	if (c != NULL && list_empty(&c->run) && c->state != VSB_CONN_DEAD && vsb_conn_wants_turn(c))
		list_add_tail(&d->run, &c->run);
	loop_idle_add(d->loop, &d->idle, turn);
}

static void kicked(struct loop_io *io, uint32_t events unused_arg)
{
	struct vsb_dev *d = list_entry(io, struct vsb_kick, io)->dev;
	uint64_t count;

	/* Only the wake-up matters, not the count. */
	if (read(io->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	vsb_dev_wake(d, NULL);
}

/* ---- the rings come and go ---- */

static void started(void *data, bool fresh)
{
	struct vsb_dev *d = data;

	d->told = false;
	if (fresh) {
		d->rst_n = 0;
		list_for_each_safe(it, next, &d->all) {
			struct vsb_conn *c = list_entry(it, struct vsb_conn, all);

			if (c->state == VSB_CONN_REQUESTED || c->state == VSB_CONN_OPEN)
				vsb_conn_orphan(c);
		}
	}
	for (unsigned i = 0; i < VSB_RINGS; i++)
		if (loop_io_add(d->loop, &d->kick[i].io, d->vu.ring[i].kick_fd, EPOLLIN, kicked) <
		    0)
			log_warn("cannot watch the guest's kicks: the device is dead");
	vsb_dev_wake(d, NULL);
}

static void stopped(void *data)
{
	struct vsb_dev *d = data;

	for (unsigned i = 0; i < VSB_RINGS; i++)
		loop_io_del(&d->kick[i].io);
}

static const struct vsb_vu_ops vu_ops = {.started = started, .stopped = stopped};

void vsb_dev_init(struct vsb_dev *d, struct loop *l, uint64_t cid, const char *uds)
{
	*d = (struct vsb_dev){.loop = l, .uds = uds};
	for (unsigned i = 0; i < VSB_RINGS; i++)
		d->kick[i] = (struct vsb_kick){.io = LOOP_IO_INIT, .dev = d};
	for (unsigned i = 0; i < VSB_BUCKETS; i++)
		list_init(&d->bucket[i]);
	list_init(&d->all);
	list_init(&d->dead);
	list_init(&d->run);
	list_init(&d->idle.link);
	vsb_vu_init(&d->vu, cid, &vu_ops, d);
}

void vsb_dev_unplug(struct vsb_dev *d)
{
	vsb_vu_done(&d->vu);
	list_for_each_safe(it, next, &d->all)
		vsb_conn_kill(list_entry(it, struct vsb_conn, all));
	d->rst_n = 0;
}

void vsb_dev_done(struct vsb_dev *d)
{
	vsb_dev_unplug(d);
	free_dead(d);
	loop_idle_del(&d->idle);
}
