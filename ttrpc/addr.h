/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server listens and how a client gets there: socket addresses as text. No frames here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;

#define TTRPC_PORT     1024
#define TTRPC_ADDR_MAX 108 /* sun_path, unix(7) */

enum ttrpc_addr_kind {
	TTRPC_ADDR_VSOCK,
	TTRPC_ADDR_UNIX,   /* path, or abstract when is_abstract */
	TTRPC_ADDR_HYBRID, /* a VMM's unix socket that forwards to a vsock port of the guest */
};

struct ttrpc_addr {
	enum ttrpc_addr_kind kind;
	uint32_t cid, port;
	bool is_abstract;
	char path[TTRPC_ADDR_MAX]; /* abstract: the name without the '@' */
};

/**
 * ttrpc_addr_parse() - an address as users write it
 * @text: "vsock://CID:PORT" (CID -1: any), "unix://PATH", "unix://@NAME" (abstract),
 *        "hvsock://PATH[:PORT]" (PORT defaults to 1024)
 *
 * Return: 0, or -EINVAL (ERR_INVALID).
 */
int ttrpc_addr_parse(const char *text, struct ttrpc_addr *ret, struct err *e) must_check;

/**
 * ttrpc_addr_listen() - bind and listen; non-blocking, CLOEXEC
 *
 * A socket file left behind by a process that died is replaced; one with a listener is not.
 * Owns: the caller owns *ret_fd. Return: 0 or -errno; hybrid addresses are for clients only.
 */
int ttrpc_addr_listen(const struct ttrpc_addr *a, int *ret_fd, struct err *e) must_check;

/**
 * ttrpc_addr_connect() - one attempt to connect, the hybrid handshake included; blocks
 * @timeout_ns: for the whole attempt
 *
 * Nothing behind the handshake's newline is read: those bytes are the server's.
 * Owns: the caller owns *ret_fd (non-blocking, CLOEXEC).
 * Return: 0 or -errno; a VMM that closes without an answer (nobody listens in the guest yet) is
 *         -ECONNREFUSED.
 */
int ttrpc_addr_connect(const struct ttrpc_addr *a, uint64_t timeout_ns, int *ret_fd,
		       struct err *e) must_check;
