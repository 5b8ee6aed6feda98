/* SPDX-License-Identifier: Apache-2.0 */
/* Links, addresses, routes and neighbours, in a network namespace of the test's own (root). */
#include "agent/net.h"

#include <linux/veth.h>
#include <sched.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "proto/agent.pb-c.h"
#include "tests/test.h"

/* The generated fields are not const; nothing writes through them. */
static char *text(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = {.in = s};

	return u.out;
}

struct fixture {
	struct nl_sock sock;
	struct arena arena;
	struct err e;
};

static void add_pair(struct nl_sock *s, const char *name, uint8_t mac, const char *peer)
{
	const uint8_t address[NET_MAC_LEN] = {2, 0, 0, 0, 0, mac};
	const struct ifinfomsg ifi = {0};
	size_t info, data, other;
	struct nl_msg m;

	nl_begin(&m, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	nl_put_text(&m, IFLA_IFNAME, name);
	nl_put(&m, IFLA_ADDRESS, address, sizeof(address));
	info = nl_nest_begin(&m, IFLA_LINKINFO);
	nl_put(&m, IFLA_INFO_KIND, "veth", 4);
	data = nl_nest_begin(&m, IFLA_INFO_DATA);
	other = nl_nest_begin(&m, VETH_INFO_PEER);
	(void)other;
	/* The peer's header is not an attribute, so it is put as bytes behind the nest's own header. */
	CHECK(m.n + sizeof(ifi) <= sizeof(m.buf));
	memcpy(m.buf + m.n, &ifi, sizeof(ifi));
	m.n += sizeof(ifi);
	nl_put_text(&m, IFLA_IFNAME, peer);
	nl_nest_end(&m, other);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	CHECK_INT(nl_request(s, &m, NULL, NULL), 0);
}

/* Two pairs: eth0 with ...:01 and eth1 with ...:02. */
static bool begin(struct fixture *f)
{
	*f = (struct fixture){.sock = NL_SOCK_INIT, .arena = ARENA_INIT(1 << 20)};
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	CHECK(nl_open(&f->sock) == 0);
	add_pair(&f->sock, "eth0", 1, "peer0");
	add_pair(&f->sock, "eth1", 2, "peer1");
	return true;
}

static void end(struct fixture *f)
{
	nl_close(&f->sock);
	arena_done(&f->arena);
}

#define BEGIN()                                                                                    \
	struct fixture f;                                                                          \
	if (!begin(&f))                                                                            \
	SKIP("a network namespace needs root")

static struct net_link link_named(struct fixture *f, const char *name)
{
	cleanup_net_links struct net_links links = {0};
	const struct net_link *l;

	CHECK(net_links_get(&f->sock, &links, &f->e) == 0);
	l = net_links_by_name(&links, name);
	CHECK(l != NULL);
	return *l;
}

static Types__Interface wanted(const char *mac, const char *name)
{
	Types__Interface i = TYPES__INTERFACE__INIT;

	i.hwaddr = text(mac);
	i.name = text(name);
	return i;
}

static int update(struct fixture *f, const Types__Interface *want)
{
	f->e = (struct err){0};
	return net_interface_update(&f->sock, want, NULL, &f->e);
}

static Types__IPAddress address(const char *ip, const char *mask)
{
	Types__IPAddress a = TYPES__IPADDRESS__INIT;

	a.address = text(ip);
	a.mask = text(mask);
	return a;
}

TEST(addresses_have_four_or_sixteen_bytes_and_a_prefix)
{
	struct net_ip ip;

	CHECK(net_ip_parse("192.0.2.1", &ip) == 0 && ip.n == 4 && ip.prefix == 32 &&
	      !ip.has_prefix);
	CHECK(net_ip_parse("2001:db8::/64", &ip) == 0 && ip.n == 16 && ip.prefix == 64);
	CHECK(net_ip_parse("192.0.2.1/33", &ip) < 0);
	CHECK(net_ip_parse("192.0.2.1/", &ip) < 0);
	CHECK(net_ip_parse("192.0.2", &ip) < 0);
	CHECK(net_ip_parse("", &ip) < 0);
}

TEST(masking_clears_the_bits_behind_the_prefix)
{
	struct net_ip ip;

	CHECK(net_ip_parse("10.1.2.255/25", &ip) == 0);
	net_ip_mask(&ip);
	CHECK(ip.addr[2] == 2 && ip.addr[3] == 128);
}

TEST(a_mac_is_six_bytes_of_either_case)
{
	uint8_t mac[NET_MAC_LEN];

	CHECK(net_mac_parse("aA:00:01:02:03:fF", mac) == 0 && mac[0] == 0xaa && mac[5] == 0xff);
	CHECK(net_mac_parse("aa:00:01:02:03", mac) < 0);
	CHECK(net_mac_parse("aa:00:01:02:03:0g", mac) < 0);
	CHECK(net_mac_parse("aa-00-01-02-03-04", mac) < 0);
	CHECK(net_mac_parse("", mac) < 0);
}

TEST(names_that_the_kernel_would_change_are_refused)
{
	CHECK(net_name_is_valid("eth0"));
	CHECK(net_name_is_valid("abcdefghijklmno"));
	CHECK(!net_name_is_valid("abcdefghijklmnop"));
	CHECK(!net_name_is_valid("eth%d"));
	CHECK(!net_name_is_valid("a/b"));
	CHECK(!net_name_is_valid("a b"));
	CHECK(!net_name_is_valid(".."));
	CHECK(!net_name_is_valid(""));
}

TEST(a_link_found_by_mac_gets_name_mtu_and_addresses)
{
	Types__IPAddress v4 = address("10.0.0.2", "24"), v6 = address("fd00::2", "64");
	Types__IPAddress *both[] = {&v4, &v6};
	Grpc__Interfaces got = GRPC__INTERFACES__INIT;
	BEGIN();
	Types__Interface want = wanted("02:00:00:00:00:01", "net0");
	struct net_link l;

	want.mtu = 1400;
	want.ipaddresses = both;
	want.n_ipaddresses = 2;
	CHECK_INT(update(&f, &want), 0);
	CHECK_INT(update(&f, &want), 0);
	l = link_named(&f, "net0");
	CHECK(l.mtu == 1400 && (l.flags & IFF_UP) != 0 && l.mac[5] == 1);

	CHECK(net_interfaces_list(&f.sock, &f.arena, &got, &f.e) == 0);
	for (size_t i = 0; i < got.n_interfaces; i++) {
		const Types__Interface *at = got.interfaces[i];
		bool has_v4 = false, has_v6 = false;

		if (strcmp(at->name, "net0") != 0)
			continue;
		CHECK_STR(at->hwaddr, "02:00:00:00:00:01");
		for (size_t j = 0; j < at->n_ipaddresses; j++) {
			const Types__IPAddress *a = at->ipaddresses[j];

			has_v4 |= strcmp(a->address, "10.0.0.2") == 0 &&
				  strcmp(a->mask, "24") == 0 && a->family == TYPES__IPFAMILY__v4;
			has_v6 |= strcmp(a->address, "fd00::2") == 0 &&
				  strcmp(a->mask, "64") == 0 && a->family == TYPES__IPFAMILY__v6;
		}
		CHECK(has_v4);
		CHECK(has_v6 || !net_has_ipv6());
	}
	end(&f);
}

static int tentative(void *data, const struct nl_view *msg)
{
	int *n = data;
	struct ifaddrmsg ifa;

	memcpy(&ifa, msg->p, sizeof(ifa));
	if (ifa.ifa_scope == RT_SCOPE_UNIVERSE)
		*n += (ifa.ifa_flags & IFA_F_TENTATIVE) != 0 ? 100 : 1;
	return 0;
}

TEST(an_ipv6_address_is_usable_at_once)
{
	const struct ifaddrmsg ifa = {.ifa_family = AF_INET6};
	Types__IPAddress v6 = address("fd00::2", "64");
	Types__IPAddress *list[] = {&v6};
	BEGIN();
	Types__Interface want = wanted("02:00:00:00:00:01", "eth0");
	struct nl_msg m;
	int n = 0;

	if (!net_has_ipv6()) {
		end(&f);
		SKIP("this kernel has no IPv6");
	}
	want.ipaddresses = list;
	want.n_ipaddresses = 1;
	CHECK_INT(update(&f, &want), 0);
	nl_begin(&m, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa));
	CHECK(nl_request(&f.sock, &m, tentative, &n) == 0);
	CHECK_INT(n, 1);
	end(&f);
}

TEST(two_links_swap_their_names)
{
	BEGIN();
	Types__Interface a = wanted("02:00:00:00:00:01", "eth1");
	Types__Interface b = wanted("02:00:00:00:00:02", "eth0");

	CHECK_INT(update(&f, &a), 0);
	CHECK(link_named(&f, "eth1").mac[5] == 1);
	CHECK(link_named(&f, "eth0").mac[5] == 2);
	CHECK_INT(update(&f, &b), 0);
	CHECK(link_named(&f, "eth1").mac[5] == 1);
	CHECK(link_named(&f, "eth0").mac[5] == 2);
	end(&f);
}

TEST(a_failed_rename_gives_the_other_link_its_name_back)
{
	BEGIN();
	Types__Interface a = wanted("02:00:00:00:00:01", "eth1");

	a.mtu = 1U << 30;
	CHECK(update(&f, &a) < 0);
	CHECK(link_named(&f, "eth1").mac[5] == 2);
	CHECK(link_named(&f, "eth0").mac[5] == 1);
	end(&f);
}

TEST(an_unknown_mac_falls_back_to_the_name_and_is_set_there)
{
	BEGIN();
	Types__Interface want = wanted("02:00:00:00:00:77", "eth0");

	CHECK_INT(update(&f, &want), 0);
	CHECK(link_named(&f, "eth0").mac[5] == 0x77);
	end(&f);
}

TEST(an_interface_named_by_its_device_is_taken_whatever_its_mac)
{
	BEGIN();
	Types__Interface want = wanted("02:00:00:00:00:02", "eth9");

	CHECK_INT(net_interface_update(&f.sock, &want, "eth0", &f.e), 0);
	CHECK(link_named(&f, "eth9").mac[5] == 2);
	CHECK(link_named(&f, "eth1").mac[5] == 2);
	end(&f);
}

TEST(an_unknown_link_is_reported_in_the_words_that_hosts_wait_for)
{
	BEGIN();
	Types__Interface want = wanted("02:00:00:00:00:77", "eth7");

	CHECK(update(&f, &want) < 0);
	CHECK_STR(f.e.msg, "update interface: Link not found (Name: eth7)");
	CHECK(f.e.kind == ERR_INTERNAL);
	end(&f);
}

TEST(a_malformed_mac_is_an_error)
{
	BEGIN();
	Types__Interface want = wanted("", "eth0");

	CHECK(update(&f, &want) < 0);
	CHECK(strstr(f.e.msg, "Failed to parse MAC address") != NULL);
	end(&f);
}

TEST(the_noarp_flag_is_set_and_cleared)
{
	BEGIN();
	Types__Interface want = wanted("02:00:00:00:00:01", "eth0");

	want.raw_flags = IFF_NOARP;
	CHECK_INT(update(&f, &want), 0);
	CHECK((link_named(&f, "eth0").flags & IFF_NOARP) != 0);
	want.raw_flags = 0;
	CHECK_INT(update(&f, &want), 0);
	CHECK((link_named(&f, "eth0").flags & IFF_NOARP) == 0);
	end(&f);
}

static Types__Route route(const char *dest, const char *gateway)
{
	Types__Route r = TYPES__ROUTE__INIT;

	r.dest = text(dest);
	r.gateway = text(gateway);
	r.device = text("eth0");
	return r;
}

static void configure(struct fixture *f)
{
	Types__IPAddress v4 = address("10.0.0.2", "32"), v6 = address("fd00::2", "64");
	Types__IPAddress *both[] = {&v4, &v6};
	Types__Interface want = wanted("02:00:00:00:00:01", "eth0");

	want.ipaddresses = both;
	want.n_ipaddresses = 2;
	CHECK_INT(update(f, &want), 0);
}

static int routes(struct fixture *f, Types__Route **list, size_t n)
{
	Grpc__Routes r = GRPC__ROUTES__INIT;

	r.routes = list;
	r.n_routes = n;
	f->e = (struct err){0};
	return net_routes_update(&f->sock, &r, &f->e);
}

static const Types__Route *listed(struct fixture *f, const char *dest)
{
	Grpc__Routes got = GRPC__ROUTES__INIT;

	CHECK(net_routes_list(&f->sock, &f->arena, &got, &f->e) == 0);
	for (size_t i = 0; i < got.n_routes; i++)
		if (strcmp(got.routes[i]->dest, dest) == 0)
			return got.routes[i];
	return NULL;
}

TEST(a_default_route_may_come_before_the_route_to_its_gateway)
{
	Types__Route def = route("", "10.0.0.1"), direct = route("10.0.0.0/24", "");
	Types__Route *list[] = {&def, &direct};
	const Types__Route *got;
	BEGIN();

	configure(&f);
	direct.scope = RT_SCOPE_LINK;
	CHECK_INT(routes(&f, list, 2), 0);
	CHECK_INT(routes(&f, list, 2), 0);
	got = listed(&f, "0.0.0.0");
	CHECK(got != NULL);
	CHECK_STR(got->gateway, "10.0.0.1");
	CHECK_STR(got->device, "eth0");
	end(&f);
}

TEST(an_onlink_gateway_needs_no_other_route)
{
	Types__Route def = route("0.0.0.0/0", "192.0.2.1");
	Types__Route *list[] = {&def};
	BEGIN();

	configure(&f);
	CHECK(routes(&f, list, 1) < 0);
	def.flags = RTNH_F_ONLINK | RTNH_F_DEAD | RTNH_F_LINKDOWN;
	CHECK_INT(routes(&f, list, 1), 0);
	end(&f);
}

TEST(a_route_keeps_its_mtu_scope_and_preferred_source)
{
	static const char *const spellings[] = {"10.0.0.2", "10.0.0.2/32", "10.0.0.2/0"};
	Types__Route r = route("10.5.0.0/16", "");
	Types__Route *list[] = {&r};
	BEGIN();

	configure(&f);
	r.mtu = 1300;
	r.scope = RT_SCOPE_LINK;
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		const Types__Route *got;

		r.source = text(spellings[i]);
		CHECK_INT(routes(&f, list, 1), 0);
		got = listed(&f, "10.5.0.0/16");
		CHECK(got != NULL && got->mtu == 1300 && got->scope == RT_SCOPE_LINK);
		CHECK_STR(got->source, "10.0.0.2");
	}
	end(&f);
}

TEST(a_destination_without_a_prefix_is_one_host)
{
	Types__Route r = route("10.7.7.7", "");
	Types__Route *list[] = {&r};
	BEGIN();

	configure(&f);
	r.scope = RT_SCOPE_LINK;
	CHECK_INT(routes(&f, list, 1), 0);
	CHECK(listed(&f, "10.7.7.7/32") != NULL);
	end(&f);
}

TEST(an_ipv6_default_route_is_told_by_its_family)
{
	Types__Route r = route("", "fd00::1");
	Types__Route *list[] = {&r};
	const Types__Route *got;
	BEGIN();

	if (!net_has_ipv6()) {
		end(&f);
		SKIP("this kernel has no IPv6");
	}
	configure(&f);
	r.family = TYPES__IPFAMILY__v6;
	CHECK_INT(routes(&f, list, 1), 0);
	got = listed(&f, "::");
	CHECK(got != NULL && got->family == TYPES__IPFAMILY__v6);
	CHECK_STR(got->gateway, "fd00::1");
	end(&f);
}

TEST(a_route_that_the_kernel_refuses_is_named_in_full)
{
	Types__Route r = route("10.9.0.0/16", "203.0.113.1");
	Types__Route *list[] = {&r};
	BEGIN();

	configure(&f);
	CHECK(routes(&f, list, 1) < 0);
	CHECK_STR(f.e.msg, "Failed to add IP v4 route (src: , dst: 10.9.0.0/16, gtw: 203.0.113.1)");
	end(&f);
}

TEST(a_route_over_an_unknown_link_says_so)
{
	Types__Route r = route("10.9.0.0/16", "");
	Types__Route *list[] = {&r};
	BEGIN();

	r.device = text("eth7");
	CHECK(routes(&f, list, 1) < 0);
	CHECK_STR(f.e.msg, "Failed to update routes: Link not found (Name: eth7)");
	end(&f);
}

static int neighbour(struct fixture *f, Types__ARPNeighbor *n)
{
	Types__ARPNeighbor *list[] = {n};
	Grpc__ARPNeighbors all = GRPC__ARPNEIGHBORS__INIT;

	all.arpneighbors = list;
	all.n_arpneighbors = 1;
	f->e = (struct err){0};
	return net_neighbors_add(&f->sock, &all, &f->e);
}

static int permanent(void *data, const struct nl_view *msg)
{
	int *n = data;
	struct ndmsg nd;

	memcpy(&nd, msg->p, sizeof(nd));
	*n += nd.ndm_family == AF_INET && nd.ndm_state == NUD_PERMANENT;
	return 0;
}

TEST(a_neighbour_without_a_state_is_permanent)
{
	Types__IPAddress ip = address("10.0.0.9", "");
	Types__ARPNeighbor n = TYPES__ARPNEIGHBOR__INIT;
	const struct ndmsg nd = {0};
	struct nl_msg m;
	int count = 0;
	BEGIN();

	configure(&f);
	n.toipaddress = &ip;
	n.device = text("eth0");
	n.lladdr = text("02:00:00:00:00:99");
	CHECK_INT(neighbour(&f, &n), 0);
	nl_begin(&m, RTM_GETNEIGH, NLM_F_DUMP, &nd, sizeof(nd));
	CHECK(nl_request(&f.sock, &m, permanent, &count) == 0);
	CHECK_INT(count, 1);
	end(&f);
}

TEST(a_neighbour_without_an_address_is_an_error)
{
	Types__ARPNeighbor n = TYPES__ARPNEIGHBOR__INIT;
	BEGIN();

	CHECK(neighbour(&f, &n) < 0);
	CHECK(strstr(f.e.msg, "Unable to determine ip address of ARP neighbor") != NULL);
	end(&f);
}
