/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of QEMU: request, flags, size, whether an fd comes along, payload; until the input ends. */
#include <string.h>

#include "tests/unit/vsb_ring.h"
#include "vmm/bridge/vhost_user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void started(void *data, bool fresh unused_arg)
{
	struct vsb_vu *vu = *(struct vsb_vu **)data;
	struct vsb_chain c;

	for (unsigned i = 0; i < VSB_RINGS; i++)
		while (vsb_vring_pop(&vu->ring[i], &vu->mem, i == VSB_RX, &c) > 0)
			vsb_vring_push(&vu->ring[i], &c, 0);
}

static void stopped(void *data unused_arg)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vsb_vu_ops ops = {.started = started, .stopped = stopped};
	static struct guest g;
	struct err e = {0};
	struct vsb_vu vu, *self = &vu;

	if (g.p == NULL && (g_open(&g) < 0 || g.p == NULL))
		return 0;
	memset(g.p, 0, G_SIZE);
	vsb_vu_init(&vu, 3, &ops, &self);
	while (size >= 4) {
		struct vsb_vu_msg m = {.request = data[0], .flags = data[1], .size = data[2]};
		size_t n = MIN((size_t)m.size, size - 4);

		/* Memory messages get memory, the others an eventfd. */
		for (unsigned i = 0; i < data[3] % 4U; i++) {
			int fd = m.request == 5 || m.request == 37
					 ? dup(g.fd)
					 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

			if (fd >= 0)
				m.fds[m.n_fds++] = fd;
		}
		memcpy(m.payload, data + 4, n);
		if (vsb_vu_handle(&vu, &m, &e) < 0)
			break;
		data += 4 + n;
		size -= 4 + n;
	}
	vsb_vu_done(&vu);
	return 0;
}
