/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ttRPC connection on the event loop, for servers and clients alike: bytes in become frames,
 * frames out are queued and written when the round ends. Knows headers and sizes, no message.
 * Memory follows the bytes that arrived, never a length that was only announced.
 */
#pragma once

#include <stdbool.h>

#include "base/list.h"
#include "base/loop.h"
#include "ttrpc/frame.h"

/* Beyond this much unwritten output nothing more is read: the peer has to take its answers first. */
#define TTRPC_OUT_HIGH ((size_t)16 << 20)

/* What became of a frame's payload. */
enum ttrpc_body {
	TTRPC_BODY_WHOLE,
	TTRPC_BODY_SKIPPED,  /* want_body refused it */
	TTRPC_BODY_OVERSIZE, /* longer than TTRPC_PAYLOAD_MAX; read and dropped */
	TTRPC_BODY_LIMIT,    /* charge refused it or memory ran out; read and dropped */
};

struct ttrpc_conn;

struct ttrpc_conn_ops {
	bool (*want_body)(struct ttrpc_conn *c, const struct ttrpc_header *h);
	/* Accounts for @n more bytes of payload (total so far @before); false refuses. NULL: no limit. */
	bool (*charge)(struct ttrpc_conn *c, size_t n);
	void (*uncharge)(struct ttrpc_conn *c, size_t n);
	/* A frame is complete. Owns: takes @body (malloc, h->length bytes charged) if TTRPC_BODY_WHOLE. */
	void (*on_frame)(struct ttrpc_conn *c, const struct ttrpc_header *h, uint8_t *body,
			 enum ttrpc_body how);
	/* Some output has been written. May be NULL. */
	void (*on_written)(struct ttrpc_conn *c);
	/* No more frames will come or go; @error is 0 for an orderly end of file, else negative. The
	 * owner calls ttrpc_conn_done and may free @c. Runs once, never inside another callback. */
	void (*on_end)(struct ttrpc_conn *c, int error);
};

#define TTRPC_CONN_BUF 4096

struct ttrpc_conn {
	struct loop *loop;
	const struct ttrpc_conn_ops *ops;
	int fd; /* owned */
	struct loop_io io;
	struct loop_idle flush;
	struct loop_idle ending;
	bool has_ended;
	int error;

	uint8_t buf[TTRPC_CONN_BUF]; /* headers and small payloads; large ones are read in place */
	size_t buf_start, buf_end;
	struct ttrpc_header header;
	bool in_body;
	enum ttrpc_body how;
	uint8_t *body;
	size_t body_n, body_cap;

	struct list out;
	size_t out_bytes;
	size_t *out_total; /* borrowed: a sum over connections; may be NULL */
};

/* A frame on its way out. */
struct ttrpc_out {
	struct list link;
	size_t n, done;      /* of bytes and tail together */
	const uint8_t *tail; /* borrowed; the end of the payload */
	size_t tail_n;
	void (*delivered)(void *data, bool delivered); /* NULL: nobody asked */
	void *data;
	uint8_t bytes[]; /* header, then the payload without its tail */
};

/* Takes a connected stream socket, made non-blocking. Owns: on success only. Return: 0 or -errno. */
int ttrpc_conn_init_take(struct ttrpc_conn *c, struct loop *loop, int fd,
			 const struct ttrpc_conn_ops *ops) must_check;
/* Drops everything, tells what was not delivered, closes. Twice is fine. No on_end follows. */
void ttrpc_conn_done(struct ttrpc_conn *c);
/* Ends the connection: on_end follows at the end of the round. */
void ttrpc_conn_end(struct ttrpc_conn *c, int error);

/* A frame with its header written and room for h->length bytes at the result's ttrpc_out_payload.
 * Return: NULL when memory ran out. Owns: the caller, until ttrpc_conn_send or ttrpc_out_free. */
struct ttrpc_out *ttrpc_out_new(const struct ttrpc_header *h) must_check;
/* The payload's last @tail_n bytes stay where they are, untouched, until @delivered has been told. */
struct ttrpc_out *ttrpc_out_new_tail(const struct ttrpc_header *h, const void *tail,
				     size_t tail_n) must_check;
uint8_t *ttrpc_out_payload(struct ttrpc_out *o);
void ttrpc_out_free(struct ttrpc_out *o); /* tells @delivered false */
/* Queues a frame. Owns: always takes @o. It is written when the round ends, never in here. */
void ttrpc_conn_send(struct ttrpc_conn *c, struct ttrpc_out *o);
