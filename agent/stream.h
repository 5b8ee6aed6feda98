/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standard streams of one process as the agent sees them. Output is read ahead into a bounded
 * ring and given to the readers in order; input is written whole, one writer after the other. Owns
 * the fds and the calls parked on them; knows nothing of processes but that one has exited.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/ring.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/loop.h"

struct err;
struct out_reply;
struct rpc_call;

#define STREAM_READ_MAX     (1u << 20) /* one reply; the transport's limit is 4 MiB */
#define STREAM_EXIT_WAIT_NS (500 * UINT64_C(1000000))

/* ---- output ---- */

struct out_stream {
	struct loop *loop;
	struct loop_io io;
	struct loop_timer timer; /* after the exit: until the writers that are left are cut off */
	struct loop_timer trim;  /* after the ring ran empty: until its memory goes back */
	int fd;                  /* -EBADF: end of file was seen, or never there */
	bool is_serving;
	bool is_cut;     /* past the exit and its grace: only cut_left more bytes are wanted */
	size_t cut_left; /* in the pipe, not yet in the ring */
	/* One reply at a time is under way: its bytes leave the ring when it has been written out. */
	struct out_reply *reply;
	struct ring ring;
	void (*on_ring)(void *data); /* it was made just now; may be NULL */
	void *ring_data;
	struct list readers;
};

void out_stream_init(struct out_stream *s, struct loop *loop);
/* Starts reading ahead. Owns: @fd on success only. */
int out_stream_open_take(struct out_stream *s, int fd, struct err *e) must_check;
/* Ends every parked read with end of file, drops what is left. Twice is fine. */
void out_stream_done(struct out_stream *s);
/* The process has exited: end of file comes at the latest 500 ms from now. */
void out_stream_process_exited(struct out_stream *s);
/* Answers now, or parks @call; @len > 0. Return: 0, RPC_LATER or negative errno. */
int out_stream_read(struct out_stream *s, struct rpc_call *call, uint32_t len, struct err *e);

/* ---- input ---- */

struct in_stream {
	struct loop *loop;
	struct loop_io io;
	int fd; /* -EBADF: closed */
	bool is_closing;
	struct list writers;
};

void in_stream_init(struct in_stream *s, struct loop *loop);
/* Takes the write end of a pipe, or a duplicate of a terminal's master. Owns: on success only.
 * Return: 0 or -errno. */
/* Owns: @fd on success only. */
int in_stream_open_take(struct in_stream *s, int fd, struct err *e) must_check;
/* Fails what is parked. Twice is fine. */
void in_stream_done(struct in_stream *s);
/* After the writes that came before it. */
void in_stream_close(struct in_stream *s);
/* @data is borrowed from the call. Return: 0, RPC_LATER or negative errno. */
int in_stream_write(struct in_stream *s, struct rpc_call *call, const void *data, size_t n,
		    struct err *e);
