/* SPDX-License-Identifier: Apache-2.0 */
/* The split ring against honest and hostile drivers, in memory. */
#include "tests/test.h"

#include "tests/unit/vsb_ring.h"
#include "vmm/bridge/vring.h"

struct fixture {
	struct guest g;
	struct vsb_mem mem;
	struct vsb_vring v;
	struct vsb_chain c;
};

static void open_ring(struct fixture *f)
{
	const struct vsb_region_desc d = {.size = G_SIZE, .uva = G_UVA};
	struct err e = {0};

	*f = (struct fixture){0};
	CHECK_INT(g_open(&f->g), 0);
	CHECK_INT(vsb_mem_add(&f->mem, &d, f->g.fd, &e), 0);
	vsb_vring_init(&f->v);
	f->v.num = G_NUM;
	f->v.desc_uva = G_UVA;
	f->v.avail_uva = G_UVA + G_AVAIL;
	f->v.used_uva = G_UVA + G_USED;
	f->v.enabled = true;
	f->v.kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->v.call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK_INT(vsb_vring_map(&f->v, &f->mem), 0);
	vsb_vring_resume(&f->v);
}

static void close_ring(struct fixture *f)
{
	vsb_vring_done(&f->v);
	vsb_mem_clear(&f->mem);
	g_close(&f->g);
}

static int pop(struct fixture *f, bool writable)
{
	return vsb_vring_pop(&f->v, &f->mem, writable, &f->c);
}

/* What every refused chain must do: fail now and stay out of use. */
static void check_broken(struct fixture *f, bool writable)
{
	CHECK_INT(pop(f, writable), -EPROTO);
	CHECK(f->v.broken && !vsb_vring_usable(&f->v));
	CHECK_INT(pop(f, writable), 0);
	close_ring(f);
}

TEST(an_empty_ring_gives_nothing)
{
	struct fixture f;

	open_ring(&f);
	CHECK_INT(pop(&f, false), 0);
	close_ring(&f);
}

TEST(a_chain_of_two_descriptors_is_one_buffer_in_order)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 3, 44, 1);
	g_desc(&f.g, 0)[3].next = 5;
	g_desc(&f.g, 0)[5] = (struct g_desc){.addr = 0x20000, .len = 100};
	CHECK_INT(pop(&f, false), 1);
	CHECK(f.c.head == 3 && f.c.n == 2 && f.c.len == 144);
	CHECK(f.c.iov[0].iov_len == 44 && f.c.iov[1].iov_len == 100);
	close_ring(&f);
}

TEST(a_chain_that_loops_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 2, 8, 1);
	g_desc(&f.g, 0)[2].next = 2;
	check_broken(&f, false);
}

TEST(a_head_outside_the_table_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 1, 8, 0);
	g_avail(&f.g, 0)->ring[0] = G_NUM;
	check_broken(&f, false);
}

TEST(a_next_outside_the_table_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 1, 8, 1);
	g_desc(&f.g, 0)[1].next = 0xffff;
	check_broken(&f, false);
}

TEST(an_index_that_jumps_beyond_the_table_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_avail(&f.g, 0)->idx = G_NUM + 1;
	check_broken(&f, false);
}

TEST(a_writable_descriptor_where_data_is_expected_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 1, 8, 2);
	check_broken(&f, false);
}

TEST(a_read_only_descriptor_where_room_is_expected_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 1, 8, 0);
	check_broken(&f, true);
}

TEST(an_indirect_descriptor_was_not_offered_and_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 1, 16, 4);
	check_broken(&f, false);
}

TEST(a_buffer_that_ends_past_the_memory_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 1, 8, 0);
	g_desc(&f.g, 0)[1].addr = G_SIZE - 4;
	check_broken(&f, false);
}

TEST(a_buffer_whose_address_wraps_breaks_the_ring)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 1, 0xffffffff, 0);
	g_desc(&f.g, 0)[1].addr = UINT64_MAX - 10;
	check_broken(&f, false);
}

TEST(a_buffer_across_two_regions_comes_in_two_pieces)
{
	const struct vsb_region_desc next = {.gpa = G_SIZE, .size = 0x1000, .uva = 0x1000};
	struct err e = {0};
	struct fixture f;

	open_ring(&f);
	CHECK_INT(vsb_mem_add(&f.mem, &next, f.g.fd, &e), 0);
	g_offer(&f.g, 0, 1, 8, 0);
	g_desc(&f.g, 0)[1].addr = G_SIZE - 4;
	CHECK_INT(pop(&f, false), 1);
	CHECK(f.c.n == 2 && f.c.iov[0].iov_len == 4 && f.c.iov[1].iov_len == 4);
	close_ring(&f);
}

TEST(a_buffer_put_back_comes_again)
{
	struct fixture f;

	open_ring(&f);
	g_offer(&f.g, 0, 6, 8, 2);
	CHECK_INT(pop(&f, true), 1);
	vsb_vring_unpop(&f.v);
	f.c.head = 0;
	CHECK_INT(pop(&f, true), 1);
	CHECK_INT(f.c.head, 6);
	close_ring(&f);
}

TEST(a_returned_buffer_is_announced_and_signalled_once)
{
	struct fixture f;
	uint64_t n = 0;

	open_ring(&f);
	g_offer(&f.g, 0, 6, 8, 2);
	CHECK_INT(pop(&f, true), 1);
	vsb_vring_push(&f.v, &f.c, 7);
	CHECK(g_used(&f.g, 0)->idx == 1 && g_used(&f.g, 0)->ring[0].id == 6 &&
	      g_used(&f.g, 0)->ring[0].len == 7);
	vsb_vring_signal(&f.v);
	vsb_vring_signal(&f.v);
	CHECK(read(f.v.call_fd, &n, 8) == 8 && n == 1);
	close_ring(&f);
}

TEST(a_driver_that_wants_no_interrupt_gets_none)
{
	struct fixture f;
	uint64_t n;

	open_ring(&f);
	g_avail(&f.g, 0)->flags = 1;
	g_offer(&f.g, 0, 6, 8, 2);
	CHECK_INT(pop(&f, true), 1);
	vsb_vring_push(&f.v, &f.c, 7);
	vsb_vring_signal(&f.v);
	CHECK(read(f.v.call_fd, &n, 8) < 0);
	close_ring(&f);
}

TEST(asking_for_kicks_tells_of_buffers_that_came_before)
{
	struct fixture f;

	open_ring(&f);
	CHECK(!vsb_vring_want_kick(&f.v, false) && g_used(&f.g, 0)->flags == 1);
	g_offer(&f.g, 0, 6, 8, 2);
	CHECK(vsb_vring_want_kick(&f.v, true) && g_used(&f.g, 0)->flags == 0);
	close_ring(&f);
}

TEST(indexes_wrap_at_two_to_the_sixteenth)
{
	struct fixture f;

	open_ring(&f);
	for (unsigned i = 0; i < 0x10000 + 20; i++) {
		g_offer(&f.g, 0, i % G_NUM, 8, 0);
		CHECK_INT(pop(&f, false), 1);
		vsb_vring_push(&f.v, &f.c, 0);
	}
	CHECK_INT(g_used(&f.g, 0)->idx, 20);
	close_ring(&f);
}

TEST(a_ring_that_reaches_past_its_memory_is_not_mapped)
{
	struct fixture f;

	open_ring(&f);
	f.v.used_uva = G_UVA + G_SIZE - 8;
	CHECK_INT(vsb_vring_map(&f.v, &f.mem), -EFAULT);
	CHECK(!vsb_vring_usable(&f.v));
	close_ring(&f);
}

TEST(a_ring_at_an_odd_address_is_not_mapped)
{
	struct fixture f;

	open_ring(&f);
	f.v.desc_uva += 8;
	CHECK_INT(vsb_vring_map(&f.v, &f.mem), -EFAULT);
	close_ring(&f);
}
