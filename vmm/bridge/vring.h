/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device half of a split virtqueue (virtio 1.2, 2.7), without indirect descriptors and event
 * indexes: neither is offered. The driver is hostile: every value it shares is fetched once, into a
 * local, and checked before use. A ring that breaks a rule is never looked at again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/bridge/mem.h"

#define VSB_VRING_NUM_MAX 1024
#define VSB_CHAIN_IOV_MAX 64

struct vsb_vring {
	uint16_t num; /* power of two; 0: not set up */
	uint16_t last_avail;
	uint16_t used_idx;
	bool enabled;
	bool broken;
	bool dirty; /* buffers were returned since the last signal */
	bool quiet; /* the driver was told not to kick */
	int kick_fd, call_fd;
	uint64_t desc_uva, avail_uva, used_uva;
	/* Guest memory; NULL unless the ring is mapped. */
	void *desc, *avail, *used;
};

/* One buffer of the driver: pieces of guest memory, all readable or all writable. */
struct vsb_chain {
	uint16_t head;
	unsigned n;
	size_t len;
	struct iovec iov[VSB_CHAIN_IOV_MAX];
};

void vsb_vring_init(struct vsb_vring *v);
void vsb_vring_done(struct vsb_vring *v); /* closes the fds and initialises again */

/* Finds the three parts in @m, again after each change of @m. Return: 0, or -EFAULT and unmapped. */
int vsb_vring_map(struct vsb_vring *v, const struct vsb_mem *m) must_check;

/* Forgets the pointers into guest memory. */
void vsb_vring_unmap(struct vsb_vring *v);

/* Takes the used index from the ring, what a restarted device must go on from, and asks for kicks. */
void vsb_vring_resume(struct vsb_vring *v);

/* Mapped, enabled, with a kick fd, and never caught breaking a rule. */
bool vsb_vring_usable(const struct vsb_vring *v);

/**
 * vsb_vring_pop() - next buffer of the driver
 * @writable: what all descriptors of the chain must be
 *
 * Return: 1, 0 when there is none, -EPROTO when the driver broke a rule (the ring is then broken).
 */
int vsb_vring_pop(struct vsb_vring *v, const struct vsb_mem *m, bool writable,
		  struct vsb_chain *ret) must_check;

/* Puts the last popped buffer back. */
void vsb_vring_unpop(struct vsb_vring *v);

/* Returns a buffer with @len bytes written into it. */
void vsb_vring_push(struct vsb_vring *v, const struct vsb_chain *c, uint32_t len);

/* Tells the driver about returned buffers, if there are any and it wants to know. */
void vsb_vring_signal(struct vsb_vring *v);

/* Asks the driver (not) to kick. Return: whether buffers are waiting, so that none is missed. */
bool vsb_vring_want_kick(struct vsb_vring *v, bool want);
