/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unix sockets of "hybrid vsock", as Firecracker and Cloud Hypervisor have them: a client writes
 * "CONNECT <port>\n" and reads "OK <host port>\n"; a guest that dials host port N reaches the socket
 * "<path>_N". From then on the bytes are the connection's own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct loop_io;
struct vsb_conn;
struct vsb_dev;
struct vsb_pkt;

#define VSB_LINE_MAX 32

/**
 * vsb_hybrid_parse() - the first line of a client; the verb in any case
 *
 * Return: length of the line with its newline, 0 when it is not complete, -EPROTO.
 */
ssize_t vsb_hybrid_parse(const char *buf, size_t n, uint32_t *ret_port) must_check;

/* Accepts what waits on the listening socket @fd. */
void vsb_hybrid_accept(struct vsb_dev *d, int fd);

/* The socket of a client in state VSB_CONN_LINE has something. */
void vsb_hybrid_line(struct vsb_conn *c);

/* The guest dials the host: connects the socket of that port, or refuses. */
void vsb_hybrid_dial(struct vsb_dev *d, const struct vsb_pkt *p);
