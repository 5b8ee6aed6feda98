/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The back-end side of the vhost-user protocol for a vsock device with two rings. QEMU is the peer;
 * it acts for the guest, so its messages are checked like the guest's own data. Owns memory table and
 * rings; tells the device when both rings run and when they stop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/bridge/mem.h"
#include "vmm/bridge/vring.h"

struct err;

#define VSB_RINGS          2
#define VSB_RX             0 /* buffers that we fill: to the guest */
#define VSB_TX             1 /* from the guest */
#define VSB_VU_HDR_LEN     12
#define VSB_VU_PAYLOAD_MAX 512
#define VSB_VU_FDS_MAX     8

struct vsb_vu_ops {
	/* Both rings run. @fresh: the driver starts from zero, old connections mean nothing to it. */
	void (*started)(void *data, bool fresh);
	/* The rings must not be touched from now on; their fds are closed after the return. */
	void (*stopped)(void *data);
};

struct vsb_vu {
	struct vsb_mem mem;
	struct vsb_vring ring[VSB_RINGS];
	uint64_t cid;
	uint64_t protocol_features; /* as negotiated */
	bool live;                  /* both rings run */
	bool bases_set; /* a driver start: SET_VRING_BASE came since the rings last ran */
	const struct vsb_vu_ops *ops;
	void *data;
};

struct vsb_vu_msg {
	uint32_t request, flags, size;
	uint8_t payload[VSB_VU_PAYLOAD_MAX];
	int fds[VSB_VU_FDS_MAX];
	size_t n_fds;
};

void vsb_vu_init(struct vsb_vu *vu, uint64_t cid, const struct vsb_vu_ops *ops, void *data);
void vsb_vu_done(struct vsb_vu *vu); /* stops and forgets everything the peer gave */

/**
 * vsb_vu_handle() - act on one message
 * @msg: its fds are owned by the call; on a return of 1 it holds the reply (header fields and payload)
 *
 * Return: 1 send the reply in @msg, 0 no reply is due, negative errno when the peer broke the
 *         protocol in a way it cannot be told about: hang up.
 * Source: QEMU docs/interop/vhost-user.rst.
 */
int vsb_vu_handle(struct vsb_vu *vu, struct vsb_vu_msg *msg, struct err *e) must_check;

/* Reads one message from @sock, handles and answers it. Return: 1, 0 at end of file, negative errno. */
int vsb_vu_serve(struct vsb_vu *vu, int sock, struct err *e) must_check;
