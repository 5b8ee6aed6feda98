/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vsock device of one VM: moves packets between the two rings and the connections. Work is done
 * in turns at the end of a loop round, one packet per connection, so that none starves another.
 */
#pragma once

#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"
#include "vmm/bridge/conn.h"
#include "vmm/bridge/vhost_user.h"

#define VSB_CONNS_MAX    1024
#define VSB_BUFFERED_MAX (64U * 1024 * 1024) /* bytes of slow clients, over all connections */
#define VSB_RSTS_MAX     256
#define VSB_BUCKETS      256

struct vsb_rst {
	uint32_t guest_port, host_port;
};

struct vsb_kick {
	struct loop_io io;
	struct vsb_dev *dev;
};

struct vsb_dev {
	struct loop *loop;
	struct vsb_vu vu;
	struct vsb_kick kick[VSB_RINGS];
	struct loop_idle idle;
	struct list all, dead, run;
	struct list bucket[VSB_BUCKETS];
	unsigned n_conns;
	size_t buffered;
	struct vsb_rst rst[VSB_RSTS_MAX]; /* refusals waiting for a buffer of the guest */
	unsigned rst_head, rst_n;
	uint32_t next_port;
	const char *uds; /* borrowed; guest port N dials "<uds>_N" */
	bool told;       /* a broken ring was reported */
};

void vsb_dev_init(struct vsb_dev *d, struct loop *l, uint64_t cid, const char *uds);
void vsb_dev_done(struct vsb_dev *d);

/* The peer hung up: every connection and all memory go. */
void vsb_dev_unplug(struct vsb_dev *d);

/* Gives @c (may be NULL) a turn if it wants one, and runs the device at the end of this round. */
void vsb_dev_wake(struct vsb_dev *d, struct vsb_conn *c);

/* Queues an RST for a connection that is not there (any more). */
void vsb_dev_reset(struct vsb_dev *d, uint32_t guest_port, uint32_t host_port);

/* The hash chain of a pair of ports. */
struct list *vsb_dev_bucket(struct vsb_dev *d, uint32_t guest_port, uint32_t host_port);
/* Return: the connection, or NULL. */
struct vsb_conn *vsb_dev_find(struct vsb_dev *d, uint32_t guest_port, uint32_t host_port);

/* A host port under which @guest_port has no connection yet. */
uint32_t vsb_dev_port(struct vsb_dev *d, uint32_t guest_port);

/* Writes the header in front of @p->len bytes that are there already. Return: bytes in all. */
uint32_t vsb_dev_emit(const struct vsb_pkt *p, const struct vsb_chain *chain);
