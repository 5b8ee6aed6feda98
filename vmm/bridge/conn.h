/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: a unix socket on this side, a (guest port, host port) pair on the other. Keeps the
 * credit of both directions, the bytes that the unix reader has not taken yet, and which packets
 * are due. It never sends by itself: the device asks it for one packet a turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"
#include "vmm/bridge/vring.h"
#include "vmm/bridge/vsock.h"

struct vsb_dev;

enum vsb_conn_state {
	VSB_CONN_LINE,      /* the client has not finished its CONNECT line */
	VSB_CONN_REQUESTED, /* the guest has not answered yet */
	VSB_CONN_OPEN,
	VSB_CONN_ORPHAN, /* the guest is done with it; bytes for the client are left */
	VSB_CONN_DEAD,   /* freed at the end of the turn */
};

/* Packets that are due, in the order in which they are sent. */
#define VSB_DUE_REQUEST        1U
#define VSB_DUE_RESPONSE       2U
#define VSB_DUE_SHUTDOWN       4U
#define VSB_DUE_CREDIT_UPDATE  8U
#define VSB_DUE_CREDIT_REQUEST 16U

struct vsb_conn {
	struct vsb_dev *dev;
	enum vsb_conn_state state;
	struct list all, hash, run;
	struct loop_io io;
	struct loop_timer timer;
	int fd;
	uint32_t guest_port, host_port;
	uint32_t due;

	/* to the guest */
	bool readable; /* until the socket says EAGAIN */
	bool hup;      /* the client is gone altogether */
	bool asked;    /* a credit request is under way */
	uint32_t peer_buf_alloc, peer_fwd_cnt, tx_cnt;
	uint32_t host_shut, guest_shut; /* VSB_SHUT_*: what each side will not do any more */

	/* from the guest: a ring of VSB_BUF_ALLOC bytes, allocated while it holds any */
	uint8_t *buf;
	uint32_t buf_head, buf_n;
	uint32_t fwd_cnt, announced;
};

/* Takes @fd. Return: the connection, or NULL when memory or the loop refuse. */
struct vsb_conn *vsb_conn_new_take(struct vsb_dev *dev, int fd, enum vsb_conn_state state);

/* Unhooks everything and closes the socket; the memory goes at the end of the turn. */
void vsb_conn_kill(struct vsb_conn *c);
void vsb_conn_free(struct vsb_conn *c);

void vsb_conn_set_key(struct vsb_conn *c, uint32_t guest_port, uint32_t host_port);
void vsb_conn_drop_key(struct vsb_conn *c);

/* Whether a turn with a buffer of the guest would send something. */
bool vsb_conn_wants_turn(const struct vsb_conn *c);

/**
 * vsb_conn_turn() - fill one buffer of the guest
 *
 * Return: bytes put into @chain, header included; 0 when there was nothing to send after all.
 */
uint32_t vsb_conn_turn(struct vsb_conn *c, struct vsb_chain *chain);

/* A packet of the guest for this connection. @iov: its payload, @p->len bytes. */
void vsb_conn_input(struct vsb_conn *c, const struct vsb_pkt *p, struct iovec *iov, unsigned n_iov);

/* The guest side is gone; what is buffered still goes to the client, then the socket closes. */
void vsb_conn_orphan(struct vsb_conn *c);

/* The guest accepted: greets the client. */
int vsb_conn_say_ok(struct vsb_conn *c) must_check;
