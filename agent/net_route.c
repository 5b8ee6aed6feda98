/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and neighbours: the host's entries, added or replaced, never deleted. */
#include <linux/neighbour.h>
#include <string.h>

#include "agent/net.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

/* What of a route's flags is a wish; the others are states that the host's kernel reported. */
#define ROUTE_FLAGS (RTNH_F_ONLINK | RTNH_F_PERVASIVE)

static const struct net_link *link_of(const struct net_links *links, const char *name,
				      const char *what, struct err *e)
{
	const struct net_link *l = net_links_by_name(links, name);

	if (l == NULL)
		(void)!err_refuse(e, ERR_INTERNAL, "%s: Link not found (Name: %s)", what, name);
	return l;
}

struct route {
	struct net_ip dest, gateway, source;
	bool has_gateway, has_source;
};

static int parse_part(const char *text, int family, struct net_ip *ret)
{
	if (net_ip_parse(text, ret) < 0 || ret->family != family)
		return -EINVAL;
	return 0;
}

static int route_parse(const Types__Route *want, struct route *ret, struct err *e)
{
	struct route rt = {0};
	int family = want->family == TYPES__IPFAMILY__v6 ? AF_INET6 : AF_INET;

	if (want->dest[0] != '\0') {
		if (net_ip_parse(want->dest, &rt.dest) < 0)
			return err_refuse(e, ERR_INTERNAL, "route destination '%s'", want->dest);
		family = rt.dest.family;
		net_ip_mask(&rt.dest);
	} else {
		if (want->gateway[0] != '\0')
			family = strchr(want->gateway, ':') != NULL ? AF_INET6 : AF_INET;
		rt.dest = (struct net_ip){.family = family, .n = family == AF_INET6 ? 16 : 4};
	}

	rt.has_gateway = want->gateway[0] != '\0';
	if (rt.has_gateway &&
	    (parse_part(want->gateway, family, &rt.gateway) < 0 || rt.gateway.has_prefix))
		return err_refuse(e, ERR_INTERNAL, "route gateway '%s'", want->gateway);

	rt.has_source = want->source[0] != '\0';
	if (rt.has_source && parse_part(want->source, family, &rt.source) < 0)
		return err_refuse(e, ERR_INTERNAL, "route source '%s'", want->source);

	*ret = rt;
	return 0;
}

static int route_add(struct nl_sock *s, const struct net_links *links, const Types__Route *want,
		     bool has_ipv6, struct err *e)
{
	struct rtmsg rtm = {
		.rtm_table = RT_TABLE_MAIN,
		.rtm_type = RTN_UNICAST,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = (unsigned char)want->scope,
		.rtm_flags = want->flags & ROUTE_FLAGS,
	};
	const struct net_link *link;
	bool source_is_address;
	struct route rt;
	struct nl_msg m;
	int r;

	link = link_of(links, want->device, "Failed to update routes", e);
	if (link == NULL)
		return e->code;
	r = route_parse(want, &rt, e);
	if (r < 0)
		return r;
	if (want->scope > UINT8_MAX)
		return err_refuse(e, ERR_INTERNAL, "route scope %u", want->scope);
	if (rt.dest.family == AF_INET6 && !has_ipv6)
		return 0;

	/* Hosts write the preferred source as a bare address, or with "/0"; only other lengths are a source network. */
	source_is_address = !rt.source.has_prefix || rt.source.prefix == 0 ||
			    rt.source.prefix == rt.source.n * 8;
	rtm.rtm_family = (unsigned char)rt.dest.family;
	rtm.rtm_dst_len = rt.dest.prefix;
	if (rt.has_source && !source_is_address) {
		net_ip_mask(&rt.source);
		rtm.rtm_src_len = rt.source.prefix;
	}

	nl_begin(&m, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &rtm, sizeof(rtm));
	if (rt.dest.prefix > 0)
		nl_put(&m, RTA_DST, rt.dest.addr, rt.dest.n);
	if (rt.has_source)
		nl_put(&m, source_is_address ? RTA_PREFSRC : RTA_SRC, rt.source.addr, rt.source.n);
	if (rt.has_gateway)
		nl_put(&m, RTA_GATEWAY, rt.gateway.addr, rt.gateway.n);
	nl_put_u32(&m, RTA_OIF, (uint32_t)link->index);
	if (want->mtu != 0) {
		size_t nest = nl_nest_begin(&m, RTA_METRICS);

		nl_put_u32(&m, RTAX_MTU, want->mtu);
		nl_nest_end(&m, nest);
	}

	r = nl_request(s, &m, NULL, NULL);
	if (r < 0 && r != -EEXIST)
		return err_set(e, r, "Failed to add IP v%c route (src: %s, dst: %s, gtw: %s)",
			       rt.dest.family == AF_INET6 ? '6' : '4', want->source, want->dest,
			       want->gateway);
	return 0;
}

int net_routes_update(struct nl_sock *s, const Grpc__Routes *want, struct err *e)
{
	cleanup_net_links struct net_links links = {0};
	bool has_ipv6 = net_has_ipv6();
	int r;

	r = net_links_get(s, &links, e);
	if (r < 0)
		return r;

	/* A gateway must be reachable when its route comes, so the direct routes go first. */
	for (int with_gateway = 0; with_gateway <= 1; with_gateway++) {
		for (size_t i = 0; i < want->n_routes; i++) {
			if ((want->routes[i]->gateway[0] != '\0') != with_gateway)
				continue;
			r = route_add(s, &links, want->routes[i], has_ipv6, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int neighbor_add(struct nl_sock *s, const struct net_links *links,
			const Types__ARPNeighbor *want, struct err *e)
{
	struct ndmsg nd = {
		.ndm_state = want->state == 0 ? NUD_PERMANENT : (uint16_t)want->state,
		.ndm_flags = (uint8_t)want->flags,
		.ndm_type = RTN_UNICAST,
	};
	const struct net_link *link;
	uint8_t mac[NET_MAC_LEN];
	struct net_ip ip;
	struct nl_msg m;
	int r;

	if (want->toipaddress == NULL || want->toipaddress->address[0] == '\0')
		return err_refuse(e, ERR_INTERNAL,
				  "Unable to determine ip address of ARP neighbor");
	if (net_ip_parse(want->toipaddress->address, &ip) < 0 || ip.has_prefix)
		return err_refuse(e, ERR_INTERNAL, "neighbour address '%s'",
				  want->toipaddress->address);
	if (want->lladdr[0] != '\0' && net_mac_parse(want->lladdr, mac) < 0)
		return err_refuse(e, ERR_INTERNAL, "neighbour '%s': link address '%s'",
				  want->toipaddress->address, want->lladdr);
	link = link_of(links, want->device, "neighbour", e);
	if (link == NULL)
		return e->code;

	nd.ndm_family = (uint8_t)ip.family;
	nd.ndm_ifindex = link->index;
	nl_begin(&m, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &nd, sizeof(nd));
	nl_put(&m, NDA_DST, ip.addr, ip.n);
	if (want->lladdr[0] != '\0')
		nl_put(&m, NDA_LLADDR, mac, sizeof(mac));

	r = nl_request(s, &m, NULL, NULL);
	return r < 0 ? err_set(e, r, "neighbour '%s'", want->toipaddress->address) : 0;
}

int net_neighbors_add(struct nl_sock *s, const Grpc__ARPNeighbors *want, struct err *e)
{
	cleanup_net_links struct net_links links = {0};
	int r;

	r = net_links_get(s, &links, e);
	if (r < 0)
		return r;

	for (size_t i = 0; i < want->n_arpneighbors; i++) {
		r = neighbor_add(s, &links, want->arpneighbors[i], e);
		if (r < 0)
			return err_wrap(e, "Failed to add ARP neighbours");
	}
	return 0;
}
