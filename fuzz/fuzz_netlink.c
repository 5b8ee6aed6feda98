/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of rtnetlink: framing, attributes, links. No length in them may be trusted. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/net.h"
#include "agent/netlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visit(unused_arg void *data, const struct nl_view *msg)
{
	struct net_link link = {.n_mac = 0};
	struct nl_attrs attrs;
	struct nl_view v;
	char name[16];
	uint32_t n;

	if (net_link_decode(msg, &link) == 0 &&
	    (link.n_mac > sizeof(link.mac) ||
	     strnlen(link.name, sizeof(link.name)) == sizeof(link.name)))
		__builtin_trap();

	if (nl_attrs_of(msg, sizeof(struct rtmsg), &attrs) < 0)
		return 0;
	while (nl_next_attr(&attrs, &v) > 0) {
		(void)!nl_get_u32(&v, &n);
		if (nl_get_text(&v, name, sizeof(name)) == 0 && strlen(name) > v.n)
			__builtin_trap();
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)!nl_answer(data, size, 1, visit, NULL);
	return 0;
}
