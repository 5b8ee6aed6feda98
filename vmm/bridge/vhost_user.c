/* SPDX-License-Identifier: Apache-2.0 */
/* vhost-user messages: one function a request, one table. Never looks into a packet. */
#include "vmm/bridge/vhost_user.h"

#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"

#define F_VERSION      1U
#define F_VERSION_MASK 3U
#define F_REPLY        4U
#define F_NEED_REPLY   8U
#define FEATURES       (1ULL << 32 | 1ULL << 30) /* VERSION_1, vhost-user's own */
#define PF_MQ          (1ULL << 0)
#define PF_REPLY_ACK   (1ULL << 3)
#define PF_CONFIG      (1ULL << 9)
#define PF_MEM_SLOTS   (1ULL << 15)
#define PROTO_FEATURES (PF_MQ | PF_REPLY_ACK | PF_CONFIG | PF_MEM_SLOTS)
#define TABLE_REGIONS  8 /* what the table form of the memory message can carry */
#define VRING_NO_FD    (1ULL << 8)
#define REGION_LEN     32
#define CONFIG_HDR_LEN 12

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static int reply_u64(struct vsb_vu_msg *m, uint64_t v)
{
	memcpy(m->payload, &v, sizeof(v));
	m->size = sizeof(v);
	return 1;
}

/* ---- rings: run while both are complete ---- */

static void rings_pause(struct vsb_vu *vu)
{
	if (!vu->live)
		return;
	vu->live = false;
	vu->ops->stopped(vu->data);
}

static void rings_refresh(struct vsb_vu *vu)
{
	bool fresh;

	if (vu->live || !vsb_vring_usable(&vu->ring[VSB_RX]) ||
	    !vsb_vring_usable(&vu->ring[VSB_TX]))
		return;

	fresh = vu->bases_set && vu->ring[VSB_RX].last_avail == 0 &&
		vu->ring[VSB_TX].last_avail == 0;
	vu->bases_set = false;
	vu->live = true;
	vu->ops->started(vu->data, fresh);
}

/* Memory changed: pointers into it are found again; a ring that lost its memory stops. */
static void rings_remap(struct vsb_vu *vu)
{
	for (unsigned i = 0; i < VSB_RINGS; i++)
		if (vu->ring[i].kick_fd < 0 || vsb_vring_map(&vu->ring[i], &vu->mem) < 0)
			vsb_vring_unmap(&vu->ring[i]);
}

static int ring_of(struct vsb_vu *vu, uint64_t index, struct vsb_vring **ret, struct err *e)
{
	if (index >= VSB_RINGS)
		return err_refuse(e, ERR_INVALID, "ring index out of range");
	*ret = &vu->ring[index];
	return 0;
}

/* ---- requests ---- */

static int get_features(struct vsb_vu *vu unused_arg, struct vsb_vu_msg *m,
			struct err *e unused_arg)
{
	return reply_u64(m, FEATURES);
}

static int set_features(struct vsb_vu *vu unused_arg, struct vsb_vu_msg *m, struct err *e)
{
	uint64_t v = load64(m->payload);

	if ((v & ~FEATURES) != 0)
		return err_refuse(e, ERR_INVALID, "features that were not offered");
	return 0;
}

static int get_protocol_features(struct vsb_vu *vu unused_arg, struct vsb_vu_msg *m,
				 struct err *e unused_arg)
{
	return reply_u64(m, PROTO_FEATURES);
}

static int set_protocol_features(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	uint64_t v = load64(m->payload);

	if ((v & ~PROTO_FEATURES) != 0)
		return err_refuse(e, ERR_INVALID, "protocol features that were not offered");
	vu->protocol_features = v;
	return 0;
}

static int get_queue_num(struct vsb_vu *vu unused_arg, struct vsb_vu_msg *m,
			 struct err *e unused_arg)
{
	return reply_u64(m, VSB_RINGS);
}

static int get_max_mem_slots(struct vsb_vu *vu unused_arg, struct vsb_vu_msg *m,
			     struct err *e unused_arg)
{
	return reply_u64(m, VSB_REGIONS_MAX);
}

static int nothing(struct vsb_vu *vu unused_arg, struct vsb_vu_msg *m unused_arg,
		   struct err *e unused_arg)
{
	return 0;
}

static int get_config(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	uint32_t offset = load32(m->payload), size = load32(m->payload + 4);
	uint8_t config[sizeof(uint64_t)];

	if (m->size - CONFIG_HDR_LEN != size || offset > sizeof(config) ||
	    size > sizeof(config) - offset)
		return err_refuse(e, ERR_INVALID, "configuration space is 8 bytes");
	for (unsigned i = 0; i < sizeof(config); i++)
		config[i] = (uint8_t)(vu->cid >> (8 * i));
	memcpy(m->payload + CONFIG_HDR_LEN, config + offset, size);
	return 1;
}

static struct vsb_region_desc load_region(const uint8_t *p)
{
	return (struct vsb_region_desc){
		.gpa = load64(p),
		.size = load64(p + 8),
		.uva = load64(p + 16),
		.offset = load64(p + 24),
	};
}

static int set_mem_table(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	uint32_t n = load32(m->payload);
	int r;

	if (n > TABLE_REGIONS || n != m->n_fds || m->size != 8 + n * REGION_LEN)
		return err_refuse(e, ERR_INVALID, "memory table of the wrong size");

	rings_pause(vu);
	vsb_mem_clear(&vu->mem);
	for (uint32_t i = 0; i < n; i++) {
		struct vsb_region_desc d = load_region(m->payload + 8 + i * REGION_LEN);

		r = vsb_mem_add(&vu->mem, &d, m->fds[i], e);
		if (r < 0) {
			vsb_mem_clear(&vu->mem);
			rings_remap(vu);
			return r;
		}
	}
	rings_remap(vu);
	return 0;
}

static int add_mem_reg(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_region_desc d = load_region(m->payload + 8);

	if (m->n_fds != 1)
		return err_refuse(e, ERR_INVALID, "memory region without its file");
	/* No pointer moves: the rings run on. */
	return vsb_mem_add(&vu->mem, &d, m->fds[0], e);
}

static int rem_mem_reg(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_region_desc d = load_region(m->payload + 8);
	int r;

	rings_pause(vu);
	r = vsb_mem_del(&vu->mem, &d, e);
	rings_remap(vu);
	return r;
}

static int set_vring_num(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	uint32_t num = load32(m->payload + 4);
	struct vsb_vring *v;
	int r;

	r = ring_of(vu, load32(m->payload), &v, e);
	if (r < 0)
		return r;
	if (num == 0 || num > VSB_VRING_NUM_MAX || (num & (num - 1)) != 0)
		return err_refuse(e, ERR_INVALID, "ring of %u entries", num);

	rings_pause(vu);
	vsb_vring_unmap(v);
	v->num = (uint16_t)num;
	return 0;
}

static int set_vring_addr(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_vring *v;
	int r;

	r = ring_of(vu, load32(m->payload), &v, e);
	if (r < 0)
		return r;

	rings_pause(vu);
	vsb_vring_unmap(v);
	v->desc_uva = load64(m->payload + 8);
	v->used_uva = load64(m->payload + 16);
	v->avail_uva = load64(m->payload + 24);
	return 0;
}

static int set_vring_base(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_vring *v;
	int r;

	r = ring_of(vu, load32(m->payload), &v, e);
	if (r < 0)
		return r;

	rings_pause(vu);
	v->last_avail = (uint16_t)load32(m->payload + 4);
	vu->bases_set = true;
	return 0;
}

/* The driver stops, or the VM pauses: hand over where we are. */
static int get_vring_base(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_vring *v;
	uint32_t base;
	int r;

	r = ring_of(vu, load32(m->payload), &v, e);
	if (r < 0)
		return r;

	rings_pause(vu);
	v->kick_fd = fd_close(v->kick_fd);
	vsb_vring_unmap(v);
	base = v->last_avail;
	memcpy(m->payload + 4, &base, sizeof(base));
	return 1;
}

static int take_vring_fd(struct vsb_vu *vu, struct vsb_vu_msg *m, struct vsb_vring **ret_ring,
			 int *ret_fd, struct err *e)
{
	uint64_t v = load64(m->payload);
	bool no_fd = (v & VRING_NO_FD) != 0;
	int r;

	r = ring_of(vu, v & 0xff, ret_ring, e);
	if (r < 0)
		return r;
	if (m->n_fds != (no_fd ? 0U : 1U))
		return err_refuse(e, ERR_INVALID, "ring message with %zu fds", m->n_fds);

	if (!no_fd) {
		/* An eventfd that blocks would let the guest stop this process. */
		r = fd_set_nonblock(m->fds[0], true);
		if (r < 0)
			return err_set(e, r, "ring eventfd");
	}
	*ret_fd = no_fd ? -EBADF : TAKE_FD(m->fds[0]);
	return 0;
}

static int set_vring_kick(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_vring *v;
	int fd, r;

	r = take_vring_fd(vu, m, &v, &fd, e);
	if (r < 0)
		return r;

	rings_pause(vu);
	(void)fd_close(v->kick_fd);
	v->kick_fd = fd;
	if (fd < 0)
		return err_refuse(e, ERR_INVALID, "a ring without kicks is not supported");
	if (vsb_vring_map(v, &vu->mem) < 0)
		return err_refuse(e, ERR_INVALID, "ring lies outside the guest's memory");
	vsb_vring_resume(v);
	return 0;
}

static int set_vring_call(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_vring *v;
	int fd, r;

	r = take_vring_fd(vu, m, &v, &fd, e);
	if (r < 0)
		return r;

	(void)fd_close(v->call_fd);
	v->call_fd = fd;
	/* A signal that went to the old fd may never have been seen. */
	v->dirty = true;
	vsb_vring_signal(v);
	return 0;
}

/* QEMU does no more than print what comes through this fd; our log says it better. */
static int set_vring_err(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_vring *v;
	int fd, r;

	r = take_vring_fd(vu, m, &v, &fd, e);
	if (r < 0)
		return r;
	(void)fd_close(fd);
	return 0;
}

static int set_vring_enable(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	struct vsb_vring *v;
	int r;

	r = ring_of(vu, load32(m->payload), &v, e);
	if (r < 0)
		return r;
	rings_pause(vu);
	v->enabled = load32(m->payload + 4) != 0;
	return 0;
}

/* ---- dispatch ---- */

struct request {
	int (*fn)(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e);
	uint16_t min, max; /* payload */
};

static const struct request requests[] = {
	[1] = {get_features, 0, 0},
	[2] = {set_features, 8, 8},
	[3] = {nothing, 0, 0}, /* SET_OWNER */
	[4] = {nothing, 0, 0}, /* RESET_OWNER: deprecated, without effect */
	[5] = {set_mem_table, 8, 8 + TABLE_REGIONS *REGION_LEN},
	[8] = {set_vring_num, 8, 8},
	[9] = {set_vring_addr, 40, 40},
	[10] = {set_vring_base, 8, 8},
	[11] = {get_vring_base, 8, 8},
	[12] = {set_vring_kick, 8, 8},
	[13] = {set_vring_call, 8, 8},
	[14] = {set_vring_err, 8, 8},
	[15] = {get_protocol_features, 0, 0},
	[16] = {set_protocol_features, 8, 8},
	[17] = {get_queue_num, 0, 0},
	[18] = {set_vring_enable, 8, 8},
	[24] = {get_config, CONFIG_HDR_LEN, CONFIG_HDR_LEN + 8},
	[36] = {get_max_mem_slots, 0, 0},
	[37] = {add_mem_reg, 8 + REGION_LEN, 8 + REGION_LEN},
	[38] = {rem_mem_reg, 8 + REGION_LEN, 8 + REGION_LEN},
};

static int dispatch(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	const struct request *rq;

	if (m->request >= ARRAY_LEN(requests) || requests[m->request].fn == NULL)
		return err_refuse(e, ERR_UNIMPLEMENTED, "vhost-user request %u", m->request);

	rq = &requests[m->request];
	if (m->size < rq->min || m->size > rq->max)
		return err_refuse(e, ERR_INVALID, "vhost-user request %u with %u bytes", m->request,
				  m->size);
	return rq->fn(vu, m, e);
}

int vsb_vu_handle(struct vsb_vu *vu, struct vsb_vu_msg *m, struct err *e)
{
	bool wants_ack =
		(vu->protocol_features & PF_REPLY_ACK) != 0 && (m->flags & F_NEED_REPLY) != 0;
	int r;

	if ((m->flags & F_VERSION_MASK) != F_VERSION || (m->flags & F_REPLY) != 0)
		r = err_refuse(e, ERR_INVALID, "vhost-user flags 0x%x", m->flags);
	else
		r = dispatch(vu, m, e);

	for (size_t i = 0; i < m->n_fds; i++)
		m->fds[i] = fd_close(m->fds[i]);
	m->n_fds = 0;
	rings_refresh(vu);

	if (wants_ack && r <= 0)
		r = reply_u64(m, r < 0 ? 1 : 0);
	m->flags = F_VERSION | F_REPLY;
	return r;
}

int vsb_vu_serve(struct vsb_vu *vu, int sock, struct err *e)
{
	struct vsb_vu_msg m = {0};
	uint8_t out[VSB_VU_HDR_LEN + VSB_VU_PAYLOAD_MAX];
	ssize_t n;
	int r;

	/* The header's first byte carries the fds; the rest of it may come late, but then plain. */
	n = fd_recv(sock, out, VSB_VU_HDR_LEN, m.fds, VSB_VU_FDS_MAX, &m.n_fds);
	if (n > 0 && n < VSB_VU_HDR_LEN) {
		ssize_t more = fd_read_full(sock, out + n, VSB_VU_HDR_LEN - (size_t)n);

		n = more < 0 ? more : n + more;
	}
	if (n > 0 && n < VSB_VU_HDR_LEN)
		n = -ECONNRESET;
	if (n > 0) {
		m.request = load32(out);
		m.flags = load32(out + 4);
		m.size = load32(out + 8);
		n = m.size > sizeof(m.payload) ? -EMSGSIZE : fd_read_full(sock, m.payload, m.size);
		if (n >= 0 && (size_t)n < m.size)
			n = -ECONNRESET;
		if (n >= 0)
			n = 1;
	}
	if (n <= 0) {
		for (size_t i = 0; i < m.n_fds; i++)
			(void)fd_close(m.fds[i]);
		return n == 0 ? 0 : err_set(e, (int)n, "read from QEMU");
	}

	r = vsb_vu_handle(vu, &m, e);
	if (r <= 0)
		return r < 0 ? r : 1;

	memcpy(out, &m.request, 4);
	memcpy(out + 4, &m.flags, 4);
	memcpy(out + 8, &m.size, 4);
	memcpy(out + VSB_VU_HDR_LEN, m.payload, m.size);
	n = fd_send(sock, out, VSB_VU_HDR_LEN + m.size, NULL, 0);
	return n < 0 ? err_set(e, (int)n, "answer QEMU") : 1;
}

void vsb_vu_init(struct vsb_vu *vu, uint64_t cid, const struct vsb_vu_ops *ops, void *data)
{
	*vu = (struct vsb_vu){.cid = cid, .ops = ops, .data = data};
	for (unsigned i = 0; i < VSB_RINGS; i++)
		vsb_vring_init(&vu->ring[i]);
}

void vsb_vu_done(struct vsb_vu *vu)
{
	rings_pause(vu);
	for (unsigned i = 0; i < VSB_RINGS; i++)
		vsb_vring_done(&vu->ring[i]);
	vsb_mem_clear(&vu->mem);
	vu->protocol_features = 0;
	vu->bases_set = false;
}
