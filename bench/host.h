/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host half of the benchmark: the floor server of the guest (raw vsock) and the agent (ttRPC)
 * behind the same VM socket. Times are nanoseconds of CLOCK_MONOTONIC on this side unless said.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;
struct bench_rpc;

/* ---- raw: one connection a call; @vsock is the VM's unix socket ---- */

/* Seconds for @rounds 16-byte echoes one after the other. Return: 0 or -errno. */
int bench_raw_echo(const char *vsock, unsigned rounds, double *ret_seconds,
		   struct err *e) must_check;
/* Seconds until @bytes from the guest have arrived. */
int bench_raw_source(const char *vsock, uint64_t bytes, double *ret_seconds,
		     struct err *e) must_check;
/* The same, asked for in blocks of 32 KiB, one after the other; @bytes are whole blocks, @what is
 * "blocks", or "relay" for a pipe that another process of the guest fills. */
int bench_raw_blocks(const char *vsock, const char *what, uint64_t bytes, double *ret_seconds,
		     struct err *e) must_check;
/* A command that answers with up to three numbers in one line. */
int bench_raw_numbers(const char *vsock, const char *command, uint64_t ret[static 3],
		      struct err *e) must_check;

/* ---- the agent ---- */

int bench_rpc_open(const char *vsock, struct bench_rpc **ret, struct err *e) must_check;
void bench_rpc_close(struct bench_rpc *b);
int bench_rpc_check(struct bench_rpc *b, struct err *e) must_check;
int bench_rpc_sandbox(struct bench_rpc *b, struct err *e) must_check;
int bench_rpc_destroy(struct bench_rpc *b, struct err *e) must_check;
/* argv[0] is one of the benchmark's programs, "/bin/true"; at most one argument. */
int bench_rpc_create(struct bench_rpc *b, const char *id, const char *program, const char *arg,
		     struct err *e) must_check;
int bench_rpc_start(struct bench_rpc *b, const char *id, struct err *e) must_check;
/* Waits for @exec_id ("" is init) of @id; an exit code other than 0 is a failure. */
int bench_rpc_wait(struct bench_rpc *b, const char *id, const char *exec_id,
		   struct err *e) must_check;
int bench_rpc_kill(struct bench_rpc *b, const char *id, struct err *e) must_check;
int bench_rpc_remove(struct bench_rpc *b, const char *id, struct err *e) must_check;
int bench_rpc_exec(struct bench_rpc *b, const char *id, const char *exec_id, const char *program,
		   struct err *e) must_check;
/* Reads standard output of init to its end. Return: bytes or -errno. */
int64_t bench_rpc_drain(struct bench_rpc *b, const char *id, struct err *e) must_check;

/* CLOCK_MONOTONIC. */
uint64_t bench_now_ns(void);
