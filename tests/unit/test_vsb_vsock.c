/* SPDX-License-Identifier: Apache-2.0 */
/* Packet codec, credit arithmetic, lists of pieces, the CONNECT line. */
#include "tests/test.h"

#include <errno.h>

#include "vmm/bridge/hybrid.h"
#include "vmm/bridge/vsock.h"

TEST(a_header_is_44_little_endian_bytes_in_the_standard_order)
{
	const struct vsb_pkt p = {.src_cid = 3,
				  .dst_cid = 2,
				  .src_port = 0x01020304,
				  .dst_port = 5,
				  .len = 6,
				  .type = 1,
				  .op = 7,
				  .flags = 8,
				  .buf_alloc = 9,
				  .fwd_cnt = 10};
	const uint8_t want[VSB_HDR_LEN] = {3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0,
					   0, 0, 4, 3, 2, 1, 5, 0, 0, 0, 6, 0, 0, 0,
					   1, 0, 7, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10};
	uint8_t buf[VSB_HDR_LEN];

	vsb_pkt_encode(&p, buf);
	assert_memory_equal(buf, want, sizeof(want));
}

TEST(decoding_undoes_encoding)
{
	const struct vsb_pkt p = {.src_cid = UINT64_MAX - 1,
				  .dst_cid = 1ULL << 40,
				  .src_port = 0xfedcba98,
				  .dst_port = 0x89abcdef,
				  .len = 0x80000001,
				  .type = 0xfffe,
				  .op = 0x1234,
				  .flags = 0xa5a5a5a5,
				  .buf_alloc = 0xdeadbeef,
				  .fwd_cnt = 0x0badcafe};
	uint8_t buf[VSB_HDR_LEN];
	struct vsb_pkt q;

	vsb_pkt_encode(&p, buf);
	vsb_pkt_decode(buf, &q);
	CHECK(p.src_cid == q.src_cid && p.dst_cid == q.dst_cid && p.src_port == q.src_port);
	CHECK(p.dst_port == q.dst_port && p.len == q.len && p.type == q.type && p.op == q.op);
	CHECK(p.flags == q.flags && p.buf_alloc == q.buf_alloc && p.fwd_cnt == q.fwd_cnt);
}

TEST(credit_is_what_the_peer_has_not_got_under_way)
{
	CHECK_INT(vsb_credit(1000, 300, 100), 800);
	CHECK_INT(vsb_credit(1000, 1100, 100), 0);
}

TEST(credit_counters_wrap)
{
	CHECK_INT(vsb_credit(1000, 5, UINT32_MAX - 4), 990);
}

TEST(a_peer_that_shrinks_its_buffer_or_lies_gets_nothing)
{
	CHECK_INT(vsb_credit(100, 300, 100), 0);
	CHECK_INT(vsb_credit(1000, 100, 101), 0);
}

TEST(cutting_crosses_pieces_and_leaves_the_rest)
{
	char a[] = "abc", b[] = "defg", out[4];
	struct iovec v[2] = {{a, 3}, {b, 4}}, *iov = v;
	unsigned n = 2;

	CHECK_INT(vsb_iov_cut_from(&iov, &n, out, 4), 0);
	assert_memory_equal(out, "abcd", 4);
	CHECK(n == 1 && iov->iov_len == 3 && iov->iov_base == b + 1);
}

TEST(cutting_more_than_there_is_fails)
{
	char a[] = "abc", out[4];
	struct iovec v[1] = {{a, 3}}, *iov = v;
	unsigned n = 1;

	CHECK_INT(vsb_iov_cut_from(&iov, &n, out, 4), -EMSGSIZE);
}

TEST(limiting_drops_pieces_past_the_end)
{
	char a[10];
	struct iovec v[3] = {{a, 3}, {a, 4}, {a, 5}};
	unsigned n = 3;

	vsb_iov_limit(v, &n, 5);
	CHECK(n == 2 && v[0].iov_len == 3 && v[1].iov_len == 2);
}

static ssize_t parse(const char *line, uint32_t *port)
{
	return vsb_hybrid_parse(line, strlen(line), port);
}

TEST(the_verb_is_taken_in_any_case_and_data_after_the_line_is_left)
{
	uint32_t port = 0;

	CHECK_INT(parse("CONNECT 1024\nxyz", &port), 13);
	CHECK_INT(port, 1024);
	CHECK_INT(parse("connect 4294967295\n", &port), 19);
	CHECK_INT(port, 4294967295U);
}

TEST(an_unfinished_line_asks_for_more)
{
	uint32_t port;

	CHECK_INT(parse("CONNECT 10", &port), 0);
	CHECK_INT(parse("", &port), 0);
}

TEST(a_line_that_is_not_a_connect_is_refused)
{
	static const char *const bad[] = {"GET / HTTP/1.1\n",
					  "CONNECT\n",
					  "CONNECT \n",
					  "\n",
					  "CONNECT -1\n",
					  "CONNECT 4294967296\n",
					  "CONNECT 1 \n",
					  "CONNECT 0x10\n",
					  "CONNECT 10241024102410241024102410241024"};
	uint32_t port;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(parse(bad[i], &port), -EPROTO);
}
