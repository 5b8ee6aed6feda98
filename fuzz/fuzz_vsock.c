/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the guest against a device with one open connection: op, flags, ports, length, data. */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "tests/unit/vsb_ring.h"
#include "vmm/bridge/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct vsb_dev *d, struct guest *g, unsigned i, const uint8_t *in)
{
	struct vsb_pkt p = {.src_cid = 3,
			    .dst_cid = 2,
			    .src_port = 1 + (in[2] & 1),
			    .dst_port = 2,
			    .type = 1,
			    .op = in[0] % 9,
			    .flags = in[1],
			    .len = in[3] * 16U,
			    .buf_alloc = in[4] * 64U,
			    .fwd_cnt = in[5]};

	vsb_pkt_encode(&p, g_buf(g, VSB_TX, i));
	g_offer(g, VSB_TX, i, VSB_HDR_LEN + in[6] * 16U, 0);
	g_offer(g, VSB_RX, i, in[7] == 0 ? 8 : in[7] * 16U, 2);
	vsb_dev_wake(d, NULL);
	assert(loop_once(d->loop, 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vsb_conn *c;
	static struct vsb_dev dev;
	struct guest g;
	struct loop *l;
	int sv[2];

	if (g_open(&g) < 0 || loop_new(&l) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) < 0)
		return 0;
	log_set_level(LOG_CRIT_LEVEL);
	vsb_dev_init(&dev, l, 3, NULL);
	assert(g_start(&g, &dev.vu, 0) == 0);
	c = vsb_conn_new_take(&dev, sv[0], VSB_CONN_OPEN);
	assert(c != NULL);
	vsb_conn_set_key(c, 1, 2);
	for (unsigned i = 0; size >= 8; i++, data += 8, size -= 8) {
		round_trip(&dev, &g, i % G_NUM, data);
		if ((data[2] & 2) != 0 && send(sv[1], data, size, MSG_NOSIGNAL) < 0)
			break;
		if ((data[2] & 4) != 0)
			(void)shutdown(sv[1], (data[2] >> 3) % 3);
	}
	vsb_dev_done(&dev);
	loop_free(l);
	(void)fd_close(sv[1]);
	g_close(&g);
	return 0;
}
