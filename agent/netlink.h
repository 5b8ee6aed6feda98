/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink messages: a bounded encoder, a decoder that trusts no length, and a request with its
 * answer. Requests block on the kernel's rtnl lock, so they are made by workers, never by the loop.
 */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* The largest request of ours (a route with every attribute) is below 200 bytes. */
#define NL_MSG_MAX 512

struct nl_msg {
	_Alignas(struct nlmsghdr) uint8_t buf[NL_MSG_MAX];
	size_t n;
	bool failed; /* something did not fit; nl_request refuses the message */
};

/* Starts a message with a copy of the family header (ifinfomsg, rtmsg, ...). */
void nl_begin(struct nl_msg *m, uint16_t type, uint16_t flags, const void *family, size_t n);
void nl_put(struct nl_msg *m, uint16_t type, const void *data, size_t n);
void nl_put_u32(struct nl_msg *m, uint16_t type, uint32_t v);
void nl_put_text(struct nl_msg *m, uint16_t type, const char *text); /* with its NUL */
/* Attributes put between the two are inside the nest. Return: what nl_nest_end needs. */
size_t nl_nest_begin(struct nl_msg *m, uint16_t type);
void nl_nest_end(struct nl_msg *m, size_t nest);
/* Completes the length. Return: bytes of the message, 0 when it failed. */
size_t nl_finish(struct nl_msg *m, uint32_t seq);

/* One message of a received buffer, or one attribute of a message: borrowed bytes. */
struct nl_view {
	uint16_t type, flags;
	uint32_t seq;
	const uint8_t *p; /* behind the header */
	size_t n;
};

/* Cuts the next message off the front. Return: 1, 0 at the end, -EBADMSG. */
int nl_next_msg(const uint8_t **p, size_t *n, struct nl_view *ret) must_check;

/* Attributes behind a family header of @header bytes. */
struct nl_attrs {
	const uint8_t *p;
	size_t n;
};
int nl_attrs_of(const struct nl_view *msg, size_t header, struct nl_attrs *ret) must_check;
/* Return: 1, 0 at the end, -EBADMSG. Type bits for nesting and byte order are removed. */
int nl_next_attr(struct nl_attrs *a, struct nl_view *ret) must_check;
/* The last attribute of a type. Return: 1, 0 absent, -EBADMSG. */
int nl_find_attr(struct nl_attrs a, uint16_t type, struct nl_view *ret) must_check;

/* Whole values only. Return: 0 or -EBADMSG. */
int nl_get_u32(const struct nl_view *attr, uint32_t *ret) must_check;
int nl_get_text(const struct nl_view *attr, char *buf, size_t size) must_check;

struct nl_sock {
	int fd;
	uint32_t seq;
};
#define NL_SOCK_INIT    ((struct nl_sock){.fd = -EBADF})
#define cleanup_nl_sock __attribute__((cleanup(nl_close)))

/* Owns: *s, closed by nl_close. Return: 0 or -errno. */
int nl_open(struct nl_sock *s) must_check;
void nl_close(struct nl_sock *s);

/* For each message of a dump; negative stops it. */
typedef int (*nl_msg_fn)(void *data, const struct nl_view *msg);

/**
 * nl_request() - send one message and wait for its end
 * @fn: NULL: only the acknowledgement counts
 *
 * Return: 0, the kernel's own -errno, what @fn returned, -ETIMEDOUT after 5 s of silence, or
 *         -EINTR when a dump was disturbed by a change (ask again).
 */
int nl_request(struct nl_sock *s, struct nl_msg *m, nl_msg_fn fn, void *data) must_check;

/* One received buffer of the answer to request @seq. Return: 1 more to come, 0 finished, or as nl_request. */
int nl_answer(const uint8_t *p, size_t n, uint32_t seq, nl_msg_fn fn, void *data) must_check;
