/* SPDX-License-Identifier: Apache-2.0 */
/* Split virtqueue, device side. Touches guest memory only through struct vsb_mem. */
#include "vmm/bridge/vring.h"

#include <endian.h>

#include "base/fd.h"

/* Layout and flags: virtio 1.2, sections 2.7.5, 2.7.6 and 2.7.8. */
struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];
};

struct used_elem {
	uint32_t id;
	uint32_t len;
};

struct used {
	uint16_t flags;
	uint16_t idx;
	struct used_elem ring[];
};

#define DESC_F_NEXT          1
#define DESC_F_WRITE         2
#define AVAIL_F_NO_INTERRUPT 1
#define USED_F_NO_NOTIFY     1

void vsb_vring_init(struct vsb_vring *v)
{
	*v = (struct vsb_vring){.kick_fd = -EBADF, .call_fd = -EBADF};
}

void vsb_vring_done(struct vsb_vring *v)
{
	(void)fd_close(v->kick_fd);
	(void)fd_close(v->call_fd);
	vsb_vring_init(v);
}

void vsb_vring_unmap(struct vsb_vring *v)
{
	v->desc = v->avail = v->used = NULL;
}

int vsb_vring_map(struct vsb_vring *v, const struct vsb_mem *m)
{
	vsb_vring_unmap(v);
	if (v->num == 0 || v->desc_uva % 16 != 0 || v->avail_uva % 2 != 0 || v->used_uva % 4 != 0)
		return -EFAULT;

	void *d = vsb_mem_uva(m, v->desc_uva, sizeof(struct desc) * v->num);
	void *a = vsb_mem_uva(m, v->avail_uva, sizeof(struct avail) + 2UL * v->num);
	void *u = vsb_mem_uva(m, v->used_uva,
			      sizeof(struct used) + sizeof(struct used_elem) * v->num);

	/* The mapping's own offset may undo the alignment of the address. */
	if (d == NULL || a == NULL || u == NULL || (uintptr_t)d % 16 != 0 ||
	    (uintptr_t)a % 2 != 0 || (uintptr_t)u % 4 != 0)
		return -EFAULT;

	v->desc = d;
	v->avail = a;
	v->used = u;
	return 0;
}

void vsb_vring_resume(struct vsb_vring *v)
{
	struct used *u = v->used;

	__atomic_store_n(&u->flags, 0, __ATOMIC_RELAXED);
	v->used_idx = le16toh(__atomic_load_n(&u->idx, __ATOMIC_ACQUIRE));
	v->broken = v->dirty = v->quiet = false;
}

bool vsb_vring_usable(const struct vsb_vring *v)
{
	return v->enabled && !v->broken && v->desc != NULL && v->kick_fd >= 0;
}

/* Adds one descriptor's memory; a buffer may cross regions that touch. */
static int chain_add(struct vsb_chain *c, const struct vsb_mem *m, uint64_t addr, uint64_t len)
{
	while (len > 0) {
		uint64_t part;
		void *p = vsb_mem_gpa(m, addr, len, &part);

		if (p == NULL || c->n == VSB_CHAIN_IOV_MAX)
			return -EPROTO;
		c->iov[c->n++] = (struct iovec){.iov_base = p, .iov_len = part};
		c->len += part;
		addr += part;
		len -= part;
	}
	return 0;
}

static int walk(const struct vsb_vring *v, const struct vsb_mem *m, bool writable,
		struct vsb_chain *c)
{
	const struct desc *table = v->desc;
	uint16_t i = c->head;

	/* A chain longer than the table is a loop. */
	for (unsigned hops = 0; hops < v->num; hops++) {
		if (i >= v->num)
			return -EPROTO;

		uint64_t addr = le64toh(__atomic_load_n(&table[i].addr, __ATOMIC_RELAXED));
		uint32_t len = le32toh(__atomic_load_n(&table[i].len, __ATOMIC_RELAXED));
		uint16_t flags = le16toh(__atomic_load_n(&table[i].flags, __ATOMIC_RELAXED));
		uint16_t next = le16toh(__atomic_load_n(&table[i].next, __ATOMIC_RELAXED));

		if ((flags & ~(DESC_F_NEXT | DESC_F_WRITE)) != 0 ||
		    ((flags & DESC_F_WRITE) != 0) != writable || len == 0)
			return -EPROTO;
		if (chain_add(c, m, addr, len) < 0)
			return -EPROTO;
		if ((flags & DESC_F_NEXT) == 0)
			return 0;
		i = next;
	}
	return -EPROTO;
}

int vsb_vring_pop(struct vsb_vring *v, const struct vsb_mem *m, bool writable,
		  struct vsb_chain *ret)
{
	const struct avail *a = v->avail;
	uint16_t idx, waiting;

	if (!vsb_vring_usable(v))
		return 0;

	idx = le16toh(__atomic_load_n(&a->idx, __ATOMIC_ACQUIRE));
	waiting = (uint16_t)(idx - v->last_avail);
	if (waiting == 0)
		return 0;
	if (waiting > v->num)
		goto broken;

	ret->n = 0;
	ret->len = 0;
	ret->head =
		le16toh(__atomic_load_n(&a->ring[v->last_avail & (v->num - 1)], __ATOMIC_RELAXED));
	if (walk(v, m, writable, ret) < 0)
		goto broken;

	v->last_avail++;
	return 1;

broken:
	v->broken = true;
	return -EPROTO;
}

void vsb_vring_unpop(struct vsb_vring *v)
{
	v->last_avail--;
}

void vsb_vring_push(struct vsb_vring *v, const struct vsb_chain *c, uint32_t len)
{
	struct used *u = v->used;
	struct used_elem *elem = &u->ring[v->used_idx & (v->num - 1)];

	__atomic_store_n(&elem->id, htole32(c->head), __ATOMIC_RELAXED);
	__atomic_store_n(&elem->len, htole32(len), __ATOMIC_RELAXED);
	v->used_idx++;
	__atomic_store_n(&u->idx, htole16(v->used_idx), __ATOMIC_RELEASE);
	v->dirty = true;
}

void vsb_vring_signal(struct vsb_vring *v)
{
	const struct avail *a = v->avail;
	const uint64_t one = 1;

	if (!v->dirty || a == NULL)
		return;
	v->dirty = false;

	/* The index must be visible before the flag is read (virtio 1.2, 2.7.7.2). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if ((le16toh(__atomic_load_n(&a->flags, __ATOMIC_RELAXED)) & AVAIL_F_NO_INTERRUPT) != 0)
		return;

	/* The eventfd does not block; when its counter is full the driver has a wake-up pending anyway. */
	if (v->call_fd >= 0 && write(v->call_fd, &one, sizeof(one)) < 0)
		return;
}

bool vsb_vring_want_kick(struct vsb_vring *v, bool want)
{
	struct used *u = v->used;
	const struct avail *a = v->avail;

	if (!vsb_vring_usable(v))
		return false;
	if (v->quiet == want) {
		v->quiet = !want;
		__atomic_store_n(&u->flags, htole16(want ? 0 : USED_F_NO_NOTIFY), __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	return le16toh(__atomic_load_n(&a->idx, __ATOMIC_ACQUIRE)) != v->last_avail;
}
