/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel has, as messages: interfaces with their addresses, routes of the main table. */
#include <arpa/inet.h>
#include <string.h>

#include "agent/net.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

/* A list of messages that grows in an arena; doubling keeps the waste below the list itself. */
struct pointers {
	void **v;
	size_t n, cap;
};

static int pointers_add(struct pointers *l, struct arena *arena, void *p)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 8 : l->cap * 2;
		void **v = arena_array(arena, cap, sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		if (l->n > 0)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = p;
	return 0;
}

struct listing {
	struct arena *arena;
	const struct net_links *links;
	struct pointers *per_link; /* addresses, one list for each of links */
	struct pointers routes;
};

static char *mac_text(struct arena *arena, const struct net_link *l)
{
	char *text = arena_alloc(arena, l->n_mac * 3 + 1);

	for (size_t i = 0; text != NULL && i < l->n_mac; i++)
		(void)snprintf(text + 3 * i, 4, i + 1 < l->n_mac ? "%02X:" : "%02X", l->mac[i]);
	return text;
}

static char *ip_text(struct arena *arena, int family, const struct nl_view *v)
{
	char buf[INET6_ADDRSTRLEN];

	if (v->n != (family == AF_INET6 ? 16U : 4U) ||
	    inet_ntop(family, v->p, buf, sizeof(buf)) == NULL)
		return NULL;
	return arena_dup(arena, buf);
}

static void addresses_reset(void *data)
{
	struct listing *l = data;

	for (size_t i = 0; i < l->links->n; i++)
		l->per_link[i].n = 0;
}

static int address_found(void *data, const struct nl_view *msg)
{
	struct listing *l = data;
	const struct net_link *link;
	Types__IPAddress *out;
	struct ifaddrmsg ifa;
	struct nl_attrs attrs;
	struct nl_view v;
	int r;

	if (msg->type != RTM_NEWADDR || nl_attrs_of(msg, sizeof(ifa), &attrs) < 0)
		return -EBADMSG;
	memcpy(&ifa, msg->p, sizeof(ifa));
	if (ifa.ifa_family != AF_INET && ifa.ifa_family != AF_INET6)
		return 0;
	link = net_links_by_index(l->links, (int)ifa.ifa_index);
	if (link == NULL)
		return 0; /* it came after the list of links */

	r = nl_find_attr(attrs, IFA_ADDRESS, &v);
	if (r == 0)
		r = nl_find_attr(attrs, IFA_LOCAL, &v);
	if (r <= 0)
		return r;

	out = arena_alloc(l->arena, sizeof(*out));
	if (out == NULL)
		return -ENOMEM;
	types__ipaddress__init(out);
	out->family = ifa.ifa_family == AF_INET6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
	out->address = ip_text(l->arena, ifa.ifa_family, &v);
	out->mask = arena_printf(l->arena, "%u", ifa.ifa_prefixlen);
	if (out->address == NULL || out->mask == NULL)
		return -ENOMEM;
	return pointers_add(&l->per_link[link - l->links->v], l->arena, out);
}

static Types__Interface *interface_new(struct arena *arena, const struct net_link *link,
				       const struct pointers *addresses)
{
	Types__Interface *out = arena_alloc(arena, sizeof(*out));

	if (out == NULL)
		return NULL;
	types__interface__init(out);
	out->name = arena_dup(arena, link->name);
	out->hwaddr = mac_text(arena, link);
	out->mtu = link->mtu;
	out->n_ipaddresses = addresses->n;
	out->ipaddresses = (Types__IPAddress **)(void *)addresses->v;
	return out->name != NULL && out->hwaddr != NULL ? out : NULL;
}

int net_interfaces_list(struct nl_sock *s, struct arena *arena, Grpc__Interfaces *ret,
			struct err *e)
{
	cleanup_net_links struct net_links links = {0};
	struct listing l = {.arena = arena, .links = &links};
	const struct ifaddrmsg ifa = {0};
	struct nl_msg m;
	int r;

	r = net_links_get(s, &links, e);
	if (r < 0)
		return r;
	l.per_link = arena_array(arena, links.n, sizeof(*l.per_link));
	ret->interfaces = arena_array(arena, links.n, sizeof(Types__Interface *));
	if (l.per_link == NULL || ret->interfaces == NULL)
		return err_refuse(e, ERR_LIMIT, "list of interfaces");

	nl_begin(&m, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa));
	r = net_dump(s, &m, address_found, addresses_reset, &l);
	if (r < 0)
		return err_set(e, r, "list addresses");

	for (size_t i = 0; i < links.n; i++) {
		ret->interfaces[i] = interface_new(arena, &links.v[i], &l.per_link[i]);
		if (ret->interfaces[i] == NULL)
			return err_refuse(e, ERR_LIMIT, "list of interfaces");
		ret->n_interfaces = i + 1;
	}
	return 0;
}

static void routes_reset(void *data)
{
	struct listing *l = data;

	l->routes.n = 0;
}

static int metrics_mtu(const struct nl_view *metrics, uint32_t *ret)
{
	const struct nl_attrs attrs = {.p = metrics->p, .n = metrics->n};
	struct nl_view v;
	int r;

	r = nl_find_attr(attrs, RTAX_MTU, &v);
	return r > 0 ? nl_get_u32(&v, ret) : r;
}

struct route_parts {
	struct nl_view dest, gateway, source;
	uint32_t table, oif, mtu;
};

static int route_decode(struct nl_attrs attrs, struct route_parts *ret)
{
	struct nl_view v;
	int r;

	while ((r = nl_next_attr(&attrs, &v)) > 0) {
		switch (v.type) {
		case RTA_DST:
			ret->dest = v;
			break;
		case RTA_GATEWAY:
			ret->gateway = v;
			break;
		case RTA_PREFSRC:
			ret->source = v;
			break;
		case RTA_TABLE:
			r = nl_get_u32(&v, &ret->table);
			break;
		case RTA_OIF:
			r = nl_get_u32(&v, &ret->oif);
			break;
		case RTA_METRICS:
			r = metrics_mtu(&v, &ret->mtu);
			break;
		}
		if (r < 0)
			return r;
	}
	return r;
}

static char *dest_text(struct arena *arena, const struct rtmsg *rtm, const struct nl_view *dest)
{
	char *ip;

	if (dest->p == NULL)
		return arena_dup(arena, rtm->rtm_family == AF_INET6 ? "::" : "0.0.0.0");
	ip = ip_text(arena, rtm->rtm_family, dest);
	return ip == NULL ? NULL : arena_printf(arena, "%s/%u", ip, rtm->rtm_dst_len);
}

static int route_fill(struct listing *l, const struct rtmsg *rtm, const struct route_parts *p,
		      Types__Route *out)
{
	const struct net_link *link = net_links_by_index(l->links, (int)p->oif);

	types__route__init(out);
	out->family = rtm->rtm_family == AF_INET6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
	out->scope = rtm->rtm_scope;
	out->flags = rtm->rtm_flags;
	out->mtu = p->mtu;
	out->dest = dest_text(l->arena, rtm, &p->dest);
	if (p->gateway.p != NULL)
		out->gateway = ip_text(l->arena, rtm->rtm_family, &p->gateway);
	if (p->source.p != NULL)
		out->source = ip_text(l->arena, rtm->rtm_family, &p->source);
	if (link != NULL)
		out->device = arena_dup(l->arena, link->name);
	return out->dest != NULL && out->gateway != NULL && out->source != NULL &&
			       out->device != NULL
		       ? 0
		       : -ENOMEM;
}

static int route_found(void *data, const struct nl_view *msg)
{
	struct listing *l = data;
	struct route_parts p = {0};
	struct nl_attrs attrs;
	struct rtmsg rtm;
	Types__Route *out;
	int r;

	if (msg->type != RTM_NEWROUTE || nl_attrs_of(msg, sizeof(rtm), &attrs) < 0)
		return -EBADMSG;
	memcpy(&rtm, msg->p, sizeof(rtm));
	p.table = rtm.rtm_table;
	r = route_decode(attrs, &p);
	if (r < 0)
		return r;
	if (p.table != RT_TABLE_MAIN || rtm.rtm_type != RTN_UNICAST ||
	    (rtm.rtm_flags & RTM_F_CLONED) != 0 ||
	    (rtm.rtm_family != AF_INET && rtm.rtm_family != AF_INET6))
		return 0;

	out = arena_alloc(l->arena, sizeof(*out));
	if (out == NULL)
		return -ENOMEM;
	r = route_fill(l, &rtm, &p, out);
	return r < 0 ? r : pointers_add(&l->routes, l->arena, out);
}

int net_routes_list(struct nl_sock *s, struct arena *arena, Grpc__Routes *ret, struct err *e)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	cleanup_net_links struct net_links links = {0};
	struct pointers all = {0};
	int r;

	r = net_links_get(s, &links, e);
	if (r < 0)
		return r;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct rtmsg rtm = {.rtm_family = families[i], .rtm_table = RT_TABLE_MAIN};
		struct listing l = {.arena = arena, .links = &links};
		struct nl_msg m;

		nl_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &rtm, sizeof(rtm));
		r = net_dump(s, &m, route_found, routes_reset, &l);
		if (r == -ENOENT || r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
			continue; /* no such table yet, or a kernel without the family */
		if (r < 0)
			return err_set(e, r, "list routes");
		for (size_t j = 0; j < l.routes.n; j++)
			if (pointers_add(&all, arena, l.routes.v[j]) < 0)
				return err_refuse(e, ERR_LIMIT, "list of routes");
	}

	ret->n_routes = all.n;
	ret->routes = (Types__Route **)(void *)all.v;
	return 0;
}
