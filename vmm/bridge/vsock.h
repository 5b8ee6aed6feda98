/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of virtio-vsock (virtio 1.2, 5.10.6): header codec, credit, slices of buffers. Pure. */
#pragma once

#include <stdint.h>
#include <sys/uio.h>

#include "base/cleanup.h"

#define VSB_HDR_LEN   44
#define VSB_HOST_CID  2
#define VSB_BUF_ALLOC (256U * 1024) /* what we grant the guest, per connection */

#define VSB_TYPE_STREAM 1

enum vsb_op {
	VSB_OP_REQUEST = 1,
	VSB_OP_RESPONSE = 2,
	VSB_OP_RST = 3,
	VSB_OP_SHUTDOWN = 4,
	VSB_OP_RW = 5,
	VSB_OP_CREDIT_UPDATE = 6,
	VSB_OP_CREDIT_REQUEST = 7,
};

#define VSB_SHUT_RECEIVE 1U /* the sender of the packet will not receive any more */
#define VSB_SHUT_SEND    2U
#define VSB_SHUT_BOTH    3U

struct vsb_pkt {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t len;
	uint16_t type, op;
	uint32_t flags;
	uint32_t buf_alloc, fwd_cnt;
};

void vsb_pkt_decode(const uint8_t buf[static VSB_HDR_LEN], struct vsb_pkt *ret);
void vsb_pkt_encode(const struct vsb_pkt *p, uint8_t buf[static VSB_HDR_LEN]);

/* Bytes that may be sent to a peer; counters wrap at 2^32. A peer that shrank its buffer below what is under way gives 0. */
uint32_t vsb_credit(uint32_t peer_buf_alloc, uint32_t tx_cnt, uint32_t peer_fwd_cnt);

/**
 * vsb_iov_cut_from() - copy the first @n bytes out of a list of pieces and drop them from it
 * @iov, @n_iov: changed to what is left
 *
 * Return: 0, or -EMSGSIZE when there are fewer than @n bytes (list and buffer then undefined).
 */
int vsb_iov_cut_from(struct iovec **iov, unsigned *n_iov, void *buf, size_t n) must_check;
/* The same, copying into the pieces. */
int vsb_iov_cut_into(struct iovec **iov, unsigned *n_iov, const void *buf, size_t n) must_check;

/* Shortens the list to at most @n bytes. */
void vsb_iov_limit(struct iovec *iov, unsigned *n_iov, size_t n);
