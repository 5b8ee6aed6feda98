/* SPDX-License-Identifier: Apache-2.0 */
/* Links and addresses: texts to numbers, dumps to tables, one interface to its wanted state. */
#include "agent/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/str.h"
#include "proto/types.pb-c.h"

/* How long a MAC may take to show up before the name decides: the host may ask while the driver probes. */
#define MAC_WAIT_NS  (500ULL * 1000 * 1000)
#define MAC_RETRY_MS 20

#define DUMP_TRIES 10

int net_ip_parse(const char *text, struct net_ip *ret)
{
	struct slice rest = slice_of(text), address;
	char buf[INET6_ADDRSTRLEN];
	struct net_ip ip = {0};
	uint64_t prefix;

	if (!slice_cut(&rest, '/', &address) || address.n == 0 || address.n >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, address.p, address.n);
	buf[address.n] = '\0';

	ip.family = strchr(buf, ':') != NULL ? AF_INET6 : AF_INET;
	ip.n = ip.family == AF_INET6 ? 16 : 4;
	ip.prefix = (uint8_t)(ip.n * 8);
	if (inet_pton(ip.family, buf, ip.addr) != 1)
		return -EINVAL;

	if (rest.p != NULL) {
		if (parse_slice_u64(rest, &prefix) < 0 || prefix > ip.prefix)
			return -EINVAL;
		ip.prefix = (uint8_t)prefix;
		ip.has_prefix = true;
	}

	*ret = ip;
	return 0;
}

void net_ip_mask(struct net_ip *ip)
{
	for (unsigned bit = ip->prefix; bit < ip->n * 8U; bit++)
		ip->addr[bit / 8] &= (uint8_t) ~(0x80U >> (bit % 8));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int net_mac_parse(const char *text, uint8_t ret[static NET_MAC_LEN])
{
	uint8_t mac[NET_MAC_LEN];

	if (strlen(text) != NET_MAC_LEN * 3 - 1)
		return -EINVAL;
	for (size_t i = 0; i < NET_MAC_LEN; i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i + 1 < NET_MAC_LEN && text[3 * i + 2] != ':'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}

	memcpy(ret, mac, sizeof(mac));
	return 0;
}

bool net_name_is_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= IF_NAMESIZE || streq(name, ".") || streq(name, ".."))
		return false;
	return strcspn(name, "/:% \t\n\v\f\r\xa0") == n;
}

bool net_has_ipv6(void)
{
	static const char *const files[] = {"/proc/sys/net/ipv6/conf/all/disable_ipv6",
					    "/proc/sys/net/ipv6/conf/default/disable_ipv6"};
	char text[8];

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (fd_read_line(AT_FDCWD, files[i], text, sizeof(text)) > 0 && streq(text, "0"))
			return true;
	return false;
}

int net_link_decode(const struct nl_view *msg, struct net_link *ret)
{
	struct net_link l = {0};
	struct ifinfomsg ifi;
	struct nl_attrs attrs;
	struct nl_view v;
	int r;

	if (msg->type != RTM_NEWLINK || nl_attrs_of(msg, sizeof(ifi), &attrs) < 0)
		return -EBADMSG;
	memcpy(&ifi, msg->p, sizeof(ifi));
	l.index = ifi.ifi_index;
	l.flags = ifi.ifi_flags;

	while ((r = nl_next_attr(&attrs, &v)) > 0) {
		switch (v.type) {
		case IFLA_IFNAME:
			r = nl_get_text(&v, l.name, sizeof(l.name));
			break;
		case IFLA_MTU:
			r = nl_get_u32(&v, &l.mtu);
			break;
		case IFLA_ADDRESS:
			if (v.n > sizeof(l.mac))
				return -EBADMSG;
			memcpy(l.mac, v.p, v.n);
			l.n_mac = v.n;
			break;
		}
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;

	*ret = l;
	return 0;
}

int net_dump(struct nl_sock *s, struct nl_msg *m, nl_msg_fn fn, void (*reset)(void *data),
	     void *data)
{
	int r = -EINTR;

	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		reset(data);
		r = nl_request(s, m, fn, data);
	}
	return r;
}

static void links_reset(void *data)
{
	struct net_links *l = data;

	l->n = 0;
}

static int links_add(void *data, const struct nl_view *msg)
{
	struct net_links *l = data;
	struct net_link *v;
	int r;

	v = reallocarray(l->v, l->n + 1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	l->v = v;
	r = net_link_decode(msg, &v[l->n]);
	if (r == 0)
		l->n++;
	return r;
}

int net_links_get(struct nl_sock *s, struct net_links *ret, struct err *e)
{
	const struct ifinfomsg ifi = {0};
	struct net_links l = {0};
	struct nl_msg m;
	int r;

	nl_begin(&m, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi));
	r = net_dump(s, &m, links_add, links_reset, &l);
	if (r < 0) {
		net_links_done(&l);
		return err_set(e, r, "list links");
	}

	*ret = l;
	return 0;
}

void net_links_done(struct net_links *l)
{
	free(l->v);
	*l = (struct net_links){0};
}

const struct net_link *net_links_by_name(const struct net_links *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (streq(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

const struct net_link *net_links_by_index(const struct net_links *l, int index)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].index == index)
			return &l->v[i];
	return NULL;
}

static const struct net_link *by_mac(const struct net_links *l, const uint8_t mac[NET_MAC_LEN])
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].n_mac == NET_MAC_LEN && memcmp(l->v[i].mac, mac, NET_MAC_LEN) == 0)
			return &l->v[i];
	return NULL;
}

/* A change of one link: flags under @change, and what is not NULL or 0. */
struct link_change {
	uint32_t flags, change, mtu;
	const char *name;
	const uint8_t *mac;
};

static int link_set(struct nl_sock *s, int index, const struct link_change *c)
{
	const struct ifinfomsg ifi = {
		.ifi_index = index, .ifi_flags = c->flags, .ifi_change = c->change};
	struct nl_msg m;

	nl_begin(&m, RTM_NEWLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	if (c->mtu != 0)
		nl_put_u32(&m, IFLA_MTU, c->mtu);
	if (c->name != NULL)
		nl_put_text(&m, IFLA_IFNAME, c->name);
	if (c->mac != NULL)
		nl_put(&m, IFLA_ADDRESS, c->mac, NET_MAC_LEN);
	return nl_request(s, &m, NULL, NULL);
}

static int link_down(struct nl_sock *s, int index)
{
	return link_set(s, index, &(struct link_change){.change = IFF_UP});
}

static int find_by_mac(struct nl_sock *s, const uint8_t mac[NET_MAC_LEN], struct net_link *ret,
		       struct err *e)
{
	uint64_t until = loop_now_ns() + MAC_WAIT_NS;

	for (;;) {
		cleanup_net_links struct net_links links = {0};
		const struct net_link *l;
		int r;

		r = net_links_get(s, &links, e);
		if (r < 0)
			return r;
		l = by_mac(&links, mac);
		if (l != NULL) {
			*ret = *l;
			return 1;
		}
		if (loop_now_ns() >= until)
			return 0;
		(void)poll(NULL, 0, MAC_RETRY_MS);
	}
}

static int find_by_name(struct nl_sock *s, const char *name, struct net_link *ret, struct err *e)
{
	cleanup_net_links struct net_links links = {0};
	const struct net_link *l;
	int r;

	r = net_links_get(s, &links, e);
	if (r < 0)
		return r;
	l = net_links_by_name(&links, name);
	if (l == NULL)
		return err_refuse(e, ERR_INTERNAL, "update interface: Link not found (Name: %s)",
				  name);

	*ret = *l;
	return 0;
}

/* The link that is meant, with the wanted MAC. It may be left down by a change of MAC. */
static int find_link(struct nl_sock *s, const Types__Interface *want, const char *found,
		     struct net_link *ret, struct err *e)
{
	uint8_t mac[NET_MAC_LEN] = {0};
	bool has_mac = want->hwaddr[0] != '\0';
	int r;

	if ((has_mac || found == NULL) && net_mac_parse(want->hwaddr, mac) < 0)
		return err_refuse(e, ERR_INTERNAL, "Failed to parse MAC address '%s'",
				  want->hwaddr);

	if (found == NULL) {
		r = find_by_mac(s, mac, ret, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	r = find_by_name(s, found != NULL ? found : want->name, ret, e);
	if (r < 0 || !has_mac ||
	    (ret->n_mac == NET_MAC_LEN && memcmp(ret->mac, mac, sizeof(mac)) == 0))
		return r;

	r = link_down(s, ret->index);
	if (r == 0)
		r = link_set(s, ret->index, &(struct link_change){.mac = mac});
	/* The device was named by its PCI path: its MAC is a wish. Found by name, the MAC is the point. */
	if (r < 0 && found == NULL)
		return err_set(e, r, "set MAC address of '%s'", ret->name);
	return 0;
}

static int address_add(struct nl_sock *s, int index, const Types__IPAddress *a, bool has_ipv6,
		       struct err *e)
{
	struct ifaddrmsg ifa = {.ifa_index = (uint32_t)index};
	uint8_t broadcast[4];
	struct net_ip ip;
	struct nl_msg m;
	uint32_t prefix;
	int r;

	if (net_ip_parse(a->address, &ip) < 0 || ip.has_prefix)
		return err_refuse(e, ERR_INTERNAL, "address '%s'", a->address);
	if (parse_u32(a->mask, &prefix) < 0 || prefix > ip.prefix)
		return err_refuse(e, ERR_INTERNAL, "prefix length '%s' of address '%s'", a->mask,
				  a->address);
	if (ip.family == AF_INET6 && !has_ipv6)
		return 0;

	ifa.ifa_family = (uint8_t)ip.family;
	ifa.ifa_prefixlen = (uint8_t)prefix;
	/* The host gave the address and owns its uniqueness: it is to be usable at once. */
	if (ip.family == AF_INET6)
		ifa.ifa_flags = IFA_F_NODAD;

	nl_begin(&m, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &ifa, sizeof(ifa));
	nl_put(&m, IFA_ADDRESS, ip.addr, ip.n);
	if (ip.family == AF_INET) {
		memcpy(broadcast, ip.addr, sizeof(broadcast));
		for (uint32_t bit = prefix; bit < 32; bit++)
			broadcast[bit / 8] |= (uint8_t)(0x80U >> (bit % 8));
		nl_put(&m, IFA_LOCAL, ip.addr, ip.n);
		nl_put(&m, IFA_BROADCAST, broadcast, sizeof(broadcast));
	}

	r = nl_request(s, &m, NULL, NULL);
	return r < 0 ? err_set(e, r, "add address '%s/%s'", a->address, a->mask) : 0;
}

/* A name that nobody else can have: the index is unique in the namespace. */
static void spare_name(int index, char buf[static IF_NAMESIZE])
{
	(void)snprintf(buf, IF_NAMESIZE, "pith%x", (unsigned)index);
}

/* Gives @name up for another link. Return: the index of the link that had it, 0 none, -errno. */
static int displace(struct nl_sock *s, const struct net_links *links, const char *name,
		    struct err *e)
{
	const struct net_link *other = net_links_by_name(links, name);
	char spare[IF_NAMESIZE];
	int r;

	if (other == NULL)
		return 0;

	spare_name(other->index, spare);
	r = link_down(s, other->index);
	if (r == 0)
		r = link_set(s, other->index, &(struct link_change){.name = spare});
	return r < 0 ? err_set(e, r, "take the name '%s' from another link", name) : other->index;
}

static int link_configure(struct nl_sock *s, const struct net_link *link,
			  const Types__Interface *want, struct err *e)
{
	cleanup_net_links struct net_links links = {0};
	bool renames = !streq(link->name, want->name);
	struct link_change c = {
		.flags = IFF_UP | (want->raw_flags & IFF_NOARP),
		.change = IFF_UP | IFF_NOARP,
		.mtu = (uint32_t)want->mtu,
		.name = renames ? want->name : NULL,
	};
	int r, displaced = 0;

	r = link_down(s, link->index);
	if (r < 0)
		return err_set(e, r, "take '%s' down", link->name);

	if (renames) {
		r = net_links_get(s, &links, e);
		if (r < 0)
			return r;
		displaced = displace(s, &links, want->name, e);
		if (displaced < 0)
			return displaced;
	}

	r = link_set(s, link->index, &c);
	if (displaced > 0) {
		const struct link_change other = {
			.flags = IFF_UP,
			.change = IFF_UP,
			.name = r < 0 ? want->name : link->name,
		};
		int swapped = link_set(s, displaced, &other);

		if (r == 0 && swapped < 0)
			return err_set(e, swapped, "give the name '%s' to the other link",
				       link->name);
	}
	return r < 0 ? err_set(e, r, "configure link '%s'", want->name) : 0;
}

int net_interface_update(struct nl_sock *s, const Types__Interface *want, const char *found,
			 struct err *e)
{
	struct net_link link;
	bool has_ipv6;
	int r;

	if (!net_name_is_valid(want->name))
		return err_refuse(e, ERR_INTERNAL, "interface name '%.32s'", want->name);
	if (want->mtu > UINT32_MAX)
		return err_refuse(e, ERR_INTERNAL, "MTU of interface '%s'", want->name);

	r = find_link(s, want, found, &link, e);
	if (r < 0)
		return r;
	r = link_configure(s, &link, want, e);
	if (r < 0)
		return r;

	/* After the link is up: taking it down would drop its IPv6 addresses again. */
	has_ipv6 = net_has_ipv6();
	for (size_t i = 0; i < want->n_ipaddresses; i++) {
		r = address_add(s, link.index, want->ipaddresses[i], has_ipv6, e);
		if (r < 0)
			return r;
	}
	return 0;
}
