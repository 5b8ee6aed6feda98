/* SPDX-License-Identifier: Apache-2.0 */
/* vhost-user messages: what is answered, what is refused, when the rings run. */
#include "tests/test.h"

#include "tests/unit/vsb_ring.h"
#include "vmm/bridge/vhost_user.h"

struct seen {
	int started, fresh, stopped;
};

static void on_started(void *data, bool fresh)
{
	struct seen *s = data;

	s->started++;
	s->fresh += fresh;
}

static void on_stopped(void *data)
{
	((struct seen *)data)->stopped++;
}

static const struct vsb_vu_ops ops = {.started = on_started, .stopped = on_stopped};

static uint64_t answer(const struct vsb_vu_msg *m)
{
	uint64_t v;

	memcpy(&v, m->payload, sizeof(v));
	return v;
}

TEST(features_that_were_not_offered_are_refused)
{
	const uint64_t all = UINT64_MAX;
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;

	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_send(&vu, 1, NULL, 0, -1, &m), 1);
	CHECK(answer(&m) == (1ULL << 32 | 1ULL << 30) && m.flags == 5 && m.size == 8);
	CHECK_INT(g_send(&vu, 2, &all, 8, -1, &m), -EINVAL);
	vsb_vu_done(&vu);
}

TEST(the_configuration_is_the_cid_in_exactly_the_asked_size)
{
	const uint32_t ask[5] = {0, 8, 0}, beyond[5] = {4, 8, 0};
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;
	uint64_t cid;

	vsb_vu_init(&vu, 0x1122, &ops, &s);
	CHECK_INT(g_send(&vu, 24, ask, sizeof(ask), -1, &m), 1);
	memcpy(&cid, m.payload + 12, 8);
	CHECK(cid == 0x1122 && m.size == 20);
	CHECK_INT(g_send(&vu, 24, beyond, sizeof(beyond), -1, &m), -EINVAL);
	vsb_vu_done(&vu);
}

TEST(rings_run_once_both_are_complete_and_a_zero_base_is_a_fresh_driver)
{
	struct seen s = {0};
	struct vsb_vu vu;
	struct guest g;

	CHECK_INT(g_open(&g), 0);
	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_start(&g, &vu, 0), 0);
	CHECK(vu.live && s.started == 1 && s.fresh == 1);
	vsb_vu_done(&vu);
	CHECK_INT(s.stopped, 1);
	g_close(&g);
}

TEST(a_resumed_driver_is_not_fresh_and_its_base_is_handed_over)
{
	const uint32_t ring[2] = {1, 0};
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;
	struct guest g;

	CHECK_INT(g_open(&g), 0);
	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_start(&g, &vu, 5), 0);
	CHECK(s.started == 1 && s.fresh == 0);
	CHECK_INT(g_send(&vu, 11, ring, 8, -1, &m), 1);
	CHECK(answer(&m) == (1 | 5ULL << 32) && s.stopped == 1 && !vu.live);
	vsb_vu_done(&vu);
	g_close(&g);
}

TEST(removing_the_memory_of_a_running_ring_stops_it)
{
	const uint64_t region[5] = {0, 0, G_SIZE, G_UVA, 0};
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;
	struct guest g;

	CHECK_INT(g_open(&g), 0);
	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_start(&g, &vu, 0), 0);
	CHECK_INT(g_send(&vu, 38, region, sizeof(region), -1, &m), 0);
	CHECK(!vu.live && s.stopped == 1 && vu.ring[0].avail == NULL);
	vsb_vu_done(&vu);
	g_close(&g);
}

TEST(memory_added_while_the_rings_run_does_not_stop_them)
{
	const uint64_t region[5] = {0, G_SIZE, 0x1000, 0x1000, 0};
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;
	struct guest g;

	CHECK_INT(g_open(&g), 0);
	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_start(&g, &vu, 0), 0);
	CHECK_INT(g_send(&vu, 37, region, sizeof(region), dup(g.fd), &m), 0);
	CHECK(vu.live && s.stopped == 0 && vu.mem.n == 2);
	vsb_vu_done(&vu);
	g_close(&g);
}

TEST(regions_that_overlap_overflow_or_pass_their_file_are_refused)
{
	static const uint64_t bad[][5] = {
		{0, 0, 0x1000, G_UVA - 0x100, 0},    /* overlaps below */
		{0, G_SIZE, 0x1000, G_UVA + 1, 0},   /* overlaps in QEMU's addresses */
		{0, UINT64_MAX, 0x1000, 0x1000, 0},  /* physical address wraps */
		{0, G_SIZE, 0x1000, UINT64_MAX, 0},  /* virtual address wraps */
		{0, G_SIZE, 0x1000, 0x1000, G_SIZE}, /* past the end of the file */
		{0, G_SIZE, 0x10, 0x1000, UINT64_MAX - 4}, {0, G_SIZE, 0, 0x1000, 0},
	};
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;
	struct guest g;

	CHECK_INT(g_open(&g), 0);
	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_start(&g, &vu, 0), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(g_send(&vu, 37, bad[i], sizeof(bad[i]), dup(g.fd), &m), -EINVAL);
	CHECK_INT(vu.mem.n, 1);
	vsb_vu_done(&vu);
	g_close(&g);
}

TEST(a_refused_request_is_acknowledged_as_failed_when_that_was_asked)
{
	const uint64_t ack = 1 << 3;
	struct err e = {0};
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;

	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_send(&vu, 16, &ack, 8, -1, &m), 0);
	m = (struct vsb_vu_msg){.request = 8, .flags = 1 | 8, .size = 8, .payload = {7}};
	CHECK_INT(vsb_vu_handle(&vu, &m, &e), 1);
	CHECK(answer(&m) == 1 && m.size == 8);
	vsb_vu_done(&vu);
}

TEST(requests_with_the_wrong_size_index_or_number_are_refused)
{
	const uint32_t big[2] = {0, 3};
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;

	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_send(&vu, 8, big, 7, -1, &m), -EINVAL);
	CHECK_INT(g_send(&vu, 8, big, 8, -1, &m), -EINVAL); /* not a power of two */
	CHECK_INT(g_send_ring(&vu, 10, 2, 0), -EINVAL);
	CHECK_INT(g_send(&vu, 99, NULL, 0, -1, &m), -ENOSYS);
	CHECK_INT(g_send(&vu, 0, NULL, 0, -1, &m), -ENOSYS);
	vsb_vu_done(&vu);
}

TEST(fds_that_nobody_asked_for_are_closed)
{
	struct seen s = {0};
	struct vsb_vu_msg m;
	struct vsb_vu vu;
	int fd = eventfd(0, EFD_CLOEXEC);

	vsb_vu_init(&vu, 3, &ops, &s);
	CHECK_INT(g_send(&vu, 3, NULL, 0, fd, &m), 0);
	CHECK(fcntl(fd, F_GETFD) < 0);
	vsb_vu_done(&vu);
}
