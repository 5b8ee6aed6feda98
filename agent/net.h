/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's links, addresses, routes and neighbours, as the host's messages ask for them. Every
 * function here asks the kernel and waits for its answer: workers call them, the loop never does.
 */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/netlink.h"
#include "base/cleanup.h"

struct arena;
struct err;
struct Grpc__ARPNeighbors;
struct Grpc__Interfaces;
struct Grpc__Routes;
struct Types__Interface;

#define NET_MAC_LEN  6
#define NET_LINK_MAC 32 /* MAX_ADDR_LEN of the kernel */

struct net_ip {
	int family; /* AF_INET or AF_INET6 */
	uint8_t addr[16];
	uint8_t n; /* 4 or 16 */
	uint8_t prefix;
	bool has_prefix; /* the text said so; else prefix is the full length */
};

/* "192.0.2.1", "2001:db8::/64". Return: 0 or -EINVAL. */
int net_ip_parse(const char *text, struct net_ip *ret) must_check;
void net_ip_mask(struct net_ip *ip); /* clears the bits behind the prefix */

/* Six hexadecimal bytes with colons, either case. Return: 0 or -EINVAL. */
int net_mac_parse(const char *text, uint8_t ret[static NET_MAC_LEN]) must_check;

/* 1 to 15 bytes that the kernel takes literally: no "/", ":", "%", white space, "." or "..". */
bool net_name_is_valid(const char *name);

struct net_link {
	int index;
	uint32_t flags, mtu;
	char name[IF_NAMESIZE];
	uint8_t mac[NET_LINK_MAC];
	size_t n_mac;
};

struct net_links {
	struct net_link *v;
	size_t n;
};
#define cleanup_net_links __attribute__((cleanup(net_links_done)))

/* Every link of the namespace. Owns: the caller frees *ret with net_links_done. */
int net_links_get(struct nl_sock *s, struct net_links *ret, struct err *e) must_check;
void net_links_done(struct net_links *l);
const struct net_link *net_links_by_name(const struct net_links *l, const char *name);
const struct net_link *net_links_by_index(const struct net_links *l, int index);

/* One entry of a dump of links. Return: 0 or -EBADMSG. */
int net_link_decode(const struct nl_view *msg, struct net_link *ret) must_check;

/* Asks again while changes disturb the dump. @reset runs before each attempt. */
int net_dump(struct nl_sock *s, struct nl_msg *m, nl_msg_fn fn, void (*reset)(void *data),
	     void *data) must_check;

/* Whether IPv6 addresses make sense at all. */
bool net_has_ipv6(void);

/**
 * net_interface_update() - name, addresses, MTU, flags, up
 * @found: the interface below the requested PCI device, whatever its MAC; NULL: find by MAC, then name
 *
 * A link that owns the wanted name swaps names with ours. Repeating converges.
 *
 * Return: 0, or negative errno; the text of an unknown link contains "Link not found".
 */
int net_interface_update(struct nl_sock *s, const struct Types__Interface *want, const char *found,
			 struct err *e) must_check;

/* Adds or replaces routes, those without a gateway first. Return: 0, or the first failure. */
int net_routes_update(struct nl_sock *s, const struct Grpc__Routes *want, struct err *e) must_check;

/* Adds or replaces neighbours in order. Return: 0, or the first failure. */
int net_neighbors_add(struct nl_sock *s, const struct Grpc__ARPNeighbors *want,
		      struct err *e) must_check;

/* Everything there is, built in @arena. */
int net_interfaces_list(struct nl_sock *s, struct arena *arena, struct Grpc__Interfaces *ret,
			struct err *e) must_check;
int net_routes_list(struct nl_sock *s, struct arena *arena, struct Grpc__Routes *ret,
		    struct err *e) must_check;
