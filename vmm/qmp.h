/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's monitor: one command a connection, with a deadline, replies as JSON. */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct err;

#define VMM_QMP_MAX 65536 /* bytes of one line */

/**
 * vmm_qmp_command() - greet, negotiate, run one command
 * @command: the whole JSON object, e.g. {"execute":"query-status"}
 * @ret: the reply line, malloc'ed; may be NULL
 *
 * Return: 0, or -errno: -EIO QEMU answered with an error (its text is in @e), -ETIMEDOUT.
 */
int vmm_qmp_command(const char *socket_path, const char *command, uint64_t timeout_ns, char **ret,
		    struct err *e) must_check;

/* Asks QEMU to exit; short deadline. Return: 0 or -errno. */
int vmm_qmp_quit(const char *socket_path) must_check;

/* What a line of QEMU is. Pure. */
enum vmm_qmp_kind {
	VMM_QMP_OTHER, /* an event, the greeting */
	VMM_QMP_GREETING,
	VMM_QMP_RETURN,
	VMM_QMP_ERROR,
	VMM_QMP_BAD,
};

/* @desc: QEMU's words when it is an error, at most @size bytes. */
enum vmm_qmp_kind vmm_qmp_classify(const char *line, size_t n, char *desc, size_t size);
