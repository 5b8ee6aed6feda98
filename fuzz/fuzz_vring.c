/* SPDX-License-Identifier: Apache-2.0 */
/* A ring whose memory is the input: every chain that comes out must lie inside that memory. */
#include <assert.h>
#include <string.h>

#include "tests/unit/vsb_ring.h"
#include "vmm/bridge/vring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vsb_mem mem;
static struct guest g;

static void drain(struct vsb_vring *v, bool writable)
{
	struct vsb_chain c;

	while (vsb_vring_pop(v, &mem, writable, &c) > 0) {
		size_t sum = 0;

		for (unsigned i = 0; i < c.n; i++) {
			const uint8_t *p = c.iov[i].iov_base;

			assert(p >= mem.r[0].host && c.iov[i].iov_len <= G_SIZE &&
			       p + c.iov[i].iov_len <= mem.r[0].host + G_SIZE);
			sum += c.iov[i].iov_len;
		}
		assert(sum == c.len && c.n <= VSB_CHAIN_IOV_MAX);
		vsb_vring_push(v, &c, 1);
	}
	vsb_vring_signal(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vsb_region_desc d = {.size = G_SIZE, .uva = G_UVA};
	struct vsb_vring v = {.num = G_NUM, .enabled = true, .desc_uva = G_UVA};
	struct err e = {0};

	if (g.p == NULL && (g_open(&g) < 0 || vsb_mem_add(&mem, &d, g.fd, &e) < 0))
		return 0;
	if (size < 2)
		return 0;

	/* Descriptors, then the available ring: close together, so that small inputs reach both. */
	v.avail_uva = G_UVA + 16 * G_NUM;
	v.used_uva = G_UVA + G_USED;
	v.last_avail = data[0];
	v.kick_fd = v.call_fd = -EBADF;
	memset(g.p, 0, G_USED);
	memcpy(g.p, data + 2, MIN(size - 2, (size_t)G_USED));
	if (vsb_vring_map(&v, &mem) < 0)
		return 0;
	v.kick_fd = 0;
	vsb_vring_resume(&v);
	drain(&v, (data[1] & 1) != 0);
	return 0;
}
