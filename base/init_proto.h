/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire between init (PID 1) and the agent it supervises: one SOCK_SEQPACKET socket pair, one
 * fixed record a message, fds by SCM_RIGHTS. init never blocks on it and trusts nothing in it.
 *
 * The agent is started as `pith-agent --init-fd N --timeline-fd M`. It sends READY once it answers
 * requests, keeps in init's store the fds that cannot be made again (FD_PUT, FD_DEL), and says how
 * the guest is to end (SHUTDOWN) before it exits. A restarted agent asks for the store (FD_LIST)
 * and gets one FD_ENTRY per key, then FD_END.
 */
#pragma once

#include <stdint.h>

#define INIT_KEY_MAX    160  /* bytes with the NUL; "container/exec/stdout" fits */
#define INIT_STORE_KEYS 8192 /* keys; one more is refused with FD_REFUSED */
#define INIT_FDS_MAX    4    /* fds under one key */

enum init_msg_type {
	INIT_MSG_READY = 1, /* agent → init */
	INIT_MSG_FD_PUT,  /* agent → init: key, 1..INIT_FDS_MAX fds; replaces what the key held */
	INIT_MSG_FD_DEL,  /* agent → init: key; unknown keys are fine */
	INIT_MSG_FD_LIST, /* agent → init */
	INIT_MSG_SHUTDOWN,   /* agent → init: an orderly end is wanted; the agent exits next */
	INIT_MSG_FD_ENTRY,   /* init → agent: key, fds */
	INIT_MSG_FD_END,     /* init → agent */
	INIT_MSG_FD_REFUSED, /* init → agent: key of a PUT that did not fit */
};

struct init_msg {
	uint32_t type; /* enum init_msg_type */
	uint32_t reserved;
	char key[INIT_KEY_MAX]; /* NUL-terminated; "" where unused */
};
