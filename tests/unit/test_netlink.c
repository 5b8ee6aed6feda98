/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink bytes: what is sent, and what a reply may try. */
#include "agent/netlink.h"

#include <string.h>

#include "tests/test.h"

TEST(a_message_has_its_header_family_and_padded_attributes)
{
	static const uint8_t want[] = {
		48, 0, 0, 0, 16,   0,   5, 0, 7, 0, 0, 0, 0, 0, 0, 0, /* nlmsghdr */
		0,  0, 0, 0, 9,    0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* ifinfomsg */
		7,  0, 3, 0, 'l',  'o', 0, 0,                         /* IFLA_IFNAME */
		8,  0, 4, 0, 0xdc, 5,   0, 0,                         /* IFLA_MTU */
	};
	const struct ifinfomsg ifi = {.ifi_index = 9};
	struct nl_msg m;

	nl_begin(&m, RTM_NEWLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	nl_put_text(&m, IFLA_IFNAME, "lo");
	nl_put_u32(&m, IFLA_MTU, 1500);
	CHECK(nl_finish(&m, 7) == sizeof(want));
	CHECK(memcmp(m.buf, want, sizeof(want)) == 0);
}

TEST(a_nest_counts_what_is_inside)
{
	static const uint8_t want[] = {12, 0, 8, 0x80, 8, 0, 2, 0, 0x2c, 1, 0, 0};
	const struct rtmsg rtm = {0};
	struct nl_msg m;
	size_t nest;

	nl_begin(&m, RTM_NEWROUTE, 0, &rtm, sizeof(rtm));
	nest = nl_nest_begin(&m, RTA_METRICS);
	nl_put_u32(&m, RTAX_MTU, 300);
	nl_nest_end(&m, nest);
	CHECK(nl_finish(&m, 1) == sizeof(struct nlmsghdr) + sizeof(rtm) + sizeof(want));
	CHECK(memcmp(m.buf + sizeof(struct nlmsghdr) + sizeof(rtm), want, sizeof(want)) == 0);
}

TEST(a_message_that_does_not_fit_is_never_sent)
{
	const struct rtmsg rtm = {0};
	uint8_t big[NL_MSG_MAX] = {0};
	struct nl_msg m;

	nl_begin(&m, RTM_NEWROUTE, 0, &rtm, sizeof(rtm));
	nl_put(&m, RTA_DST, big, sizeof(big));
	nl_put_u32(&m, RTA_OIF, 1);
	CHECK(nl_finish(&m, 1) == 0);
}

TEST(a_message_length_beyond_the_buffer_is_refused)
{
	uint8_t buf[16] = {17, 0, 0, 0};
	const uint8_t *p = buf;
	size_t n = sizeof(buf);
	struct nl_view v;

	CHECK(nl_next_msg(&p, &n, &v) == -EBADMSG);
}

TEST(a_message_length_below_its_header_is_refused)
{
	uint8_t buf[16] = {15, 0, 0, 0};
	const uint8_t *p = buf;
	size_t n = sizeof(buf);
	struct nl_view v;

	CHECK(nl_next_msg(&p, &n, &v) == -EBADMSG);
}

TEST(an_attribute_length_of_zero_does_not_loop)
{
	const uint8_t bytes[] = {0, 0, 3, 0};
	struct nl_attrs a = {.p = bytes, .n = sizeof(bytes)};
	struct nl_view v;

	CHECK(nl_next_attr(&a, &v) == -EBADMSG);
}

TEST(the_last_attribute_of_a_type_counts)
{
	const uint8_t bytes[] = {8, 0, 4, 0, 1, 0, 0, 0, 8, 0, 4, 0, 2, 0, 0, 0};
	const struct nl_attrs a = {.p = bytes, .n = sizeof(bytes)};
	struct nl_view v;
	uint32_t mtu;

	CHECK(nl_find_attr(a, IFLA_MTU, &v) == 1);
	CHECK(nl_get_u32(&v, &mtu) == 0 && mtu == 2);
	CHECK(nl_find_attr(a, IFLA_IFNAME, &v) == 0);
}

TEST(a_name_without_room_is_refused)
{
	const struct nl_view v = {.p = (const uint8_t *)"eth0", .n = 4};
	char buf[4];

	CHECK(nl_get_text(&v, buf, sizeof(buf)) == -EBADMSG);
}

static void answer(uint8_t *buf, uint16_t type, uint16_t flags, uint32_t seq, int32_t code)
{
	const struct nlmsghdr h = {
		.nlmsg_len = 20, .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq};

	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), &code, sizeof(code));
}

TEST(an_error_answer_is_the_kernels_errno)
{
	uint8_t buf[20];

	answer(buf, NLMSG_ERROR, 0, 3, -ENODEV);
	CHECK(nl_answer(buf, sizeof(buf), 3, NULL, NULL) == -ENODEV);
}

TEST(a_positive_error_code_is_refused)
{
	uint8_t buf[20];

	answer(buf, NLMSG_ERROR, 0, 3, 5);
	CHECK(nl_answer(buf, sizeof(buf), 3, NULL, NULL) == -EBADMSG);
}

TEST(the_late_answer_to_another_request_is_skipped)
{
	uint8_t buf[20];

	answer(buf, NLMSG_ERROR, 0, 2, -ENODEV);
	CHECK(nl_answer(buf, sizeof(buf), 3, NULL, NULL) == 1);
}

TEST(a_disturbed_dump_is_asked_again)
{
	uint8_t buf[20];

	answer(buf, NLMSG_DONE, NLM_F_DUMP_INTR | NLM_F_MULTI, 3, 0);
	CHECK(nl_answer(buf, sizeof(buf), 3, NULL, NULL) == -EINTR);
}

static int count(void *data, const struct nl_view *msg)
{
	int *n = data;

	*n += msg->type == RTM_NEWLINK;
	return 0;
}

TEST(a_dump_of_this_machine_has_a_link_and_an_end)
{
	cleanup_nl_sock struct nl_sock s = NL_SOCK_INIT;
	const struct ifinfomsg ifi = {0};
	struct nl_msg m;
	int n = 0;

	CHECK(nl_open(&s) == 0);
	nl_begin(&m, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi));
	CHECK(nl_request(&s, &m, count, &n) == 0);
	CHECK(n > 0);
}
