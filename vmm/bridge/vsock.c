/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-vsock packets. No state, no system calls. */
#include "vmm/bridge/vsock.h"

#include <endian.h>

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static void put(uint8_t *p, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

void vsb_pkt_decode(const uint8_t buf[static VSB_HDR_LEN], struct vsb_pkt *ret)
{
	*ret = (struct vsb_pkt){
		.src_cid = get(buf, 8),
		.dst_cid = get(buf + 8, 8),
		.src_port = (uint32_t)get(buf + 16, 4),
		.dst_port = (uint32_t)get(buf + 20, 4),
		.len = (uint32_t)get(buf + 24, 4),
		.type = (uint16_t)get(buf + 28, 2),
		.op = (uint16_t)get(buf + 30, 2),
		.flags = (uint32_t)get(buf + 32, 4),
		.buf_alloc = (uint32_t)get(buf + 36, 4),
		.fwd_cnt = (uint32_t)get(buf + 40, 4),
	};
}

void vsb_pkt_encode(const struct vsb_pkt *p, uint8_t buf[static VSB_HDR_LEN])
{
	put(buf, 8, p->src_cid);
	put(buf + 8, 8, p->dst_cid);
	put(buf + 16, 4, p->src_port);
	put(buf + 20, 4, p->dst_port);
	put(buf + 24, 4, p->len);
	put(buf + 28, 2, p->type);
	put(buf + 30, 2, p->op);
	put(buf + 32, 4, p->flags);
	put(buf + 36, 4, p->buf_alloc);
	put(buf + 40, 4, p->fwd_cnt);
}

uint32_t vsb_credit(uint32_t peer_buf_alloc, uint32_t tx_cnt, uint32_t peer_fwd_cnt)
{
	uint32_t under_way = tx_cnt - peer_fwd_cnt;

	return under_way < peer_buf_alloc ? peer_buf_alloc - under_way : 0;
}

static int cut(struct iovec **iov, unsigned *n_iov, uint8_t *out, const uint8_t *in, size_t n)
{
	while (n > 0) {
		if (*n_iov == 0)
			return -EMSGSIZE;

		struct iovec *v = *iov;
		size_t part = MIN(n, v->iov_len);

		if (out != NULL) {
			memcpy(out, v->iov_base, part);
			out += part;
		} else {
			memcpy(v->iov_base, in, part);
			in += part;
		}
		n -= part;
		v->iov_base = (uint8_t *)v->iov_base + part;
		v->iov_len -= part;
		if (v->iov_len == 0) {
			(*iov)++;
			(*n_iov)--;
		}
	}
	return 0;
}

int vsb_iov_cut_from(struct iovec **iov, unsigned *n_iov, void *buf, size_t n)
{
	return cut(iov, n_iov, buf, NULL, n);
}

int vsb_iov_cut_into(struct iovec **iov, unsigned *n_iov, const void *buf, size_t n)
{
	return cut(iov, n_iov, NULL, buf, n);
}

void vsb_iov_limit(struct iovec *iov, unsigned *n_iov, size_t n)
{
	unsigned used = 0;

	while (used < *n_iov && n > 0) {
		iov[used].iov_len = MIN(iov[used].iov_len, n);
		n -= iov[used].iov_len;
		used++;
	}
	*n_iov = used;
}
