/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the loopback link up; the kernel adds 127.0.0.1 and ::1 by itself. */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/err.h"
#include "init/steps.h"

int step_loopback(const struct boot_params *p unused_arg, struct err *e)
{
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} req = {
		.h = {.nlmsg_len = sizeof(req),
		      .nlmsg_type = RTM_NEWLINK,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		/* lo is always link 1 in a network namespace. */
		.i = {.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP},
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr err;
		char rest[256];
	} ack = {0};
	ssize_t n;

	if (fd < 0)
		return err_set(e, -errno, "open a route netlink socket");
	if (send(fd, &req, sizeof(req), 0) < 0)
		return err_set(e, -errno, "ask for loopback up");
	n = recv(fd, &ack, sizeof(ack), 0);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || ack.h.nlmsg_type != NLMSG_ERROR)
		return err_set(e, -EPROTO, "answer to loopback up");
	if (ack.err.error != 0)
		return err_set(e, ack.err.error, "bring loopback up");
	return 0;
}
