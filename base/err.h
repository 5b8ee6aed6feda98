/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error value: words and a kind, owned by the caller, no allocation. The return value of a
 * function drives control flow (0 or positive: fine, negative errno: failed); struct err says what
 * failed and on what. The errno text is added once, by the printer.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

#define ERR_MSG_MAX 384

/* Which RPC status a failure becomes. Only code that knows the request is at fault sets other than
 * ERR_INTERNAL; a stray ENOENT from a mount never turns into "container not found". */
enum err_kind {
	ERR_INTERNAL = 0,
	ERR_INVALID,
	ERR_NOT_FOUND,
	ERR_EXISTS,
	ERR_PRECONDITION,
	ERR_LIMIT,
	ERR_TIMEOUT,
	ERR_UNIMPLEMENTED,
	ERR_PERMISSION,
	ERR_UNAVAILABLE,
};

struct err {
	int code;           /* negative errno; 0 while nothing failed */
	enum err_kind kind; /* which RPC status this becomes */
	bool refused;       /* by err_refuse: the words say it all, no errno text */
	char msg[ERR_MSG_MAX];
};

/**
 * err_set() - the system failed
 * @code: negative errno
 *
 * Return: @code, so that `return err_set(e, -errno, ...)` is one line.
 */
int err_set(struct err *e, int code, const char *fmt, ...) printf_fmt(3, 4) must_check;

/**
 * err_refuse() - the request is at fault
 *
 * Return: a negative errno that fits @kind (-EINVAL, -ENOENT, -EEXIST, -EBUSY, -ENOSPC, -ETIMEDOUT,
 *         -ENOSYS, -EPERM, -EAGAIN). The printer adds no errno text to a refusal; where the errno
 *         is part of what the host expects, use err_set and then set e->kind.
 */
int err_refuse(struct err *e, enum err_kind kind, const char *fmt, ...) printf_fmt(3, 4) must_check;

/**
 * err_wrap() - put "context: " in front of the message; the cause is never cut, the context is
 *
 * Return: the code already in @e.
 */
int err_wrap(struct err *e, const char *fmt, ...) printf_fmt(2, 3) must_check;

/**
 * err_first() - for clean-up that goes on: the first failure of the two
 */
int err_first(int r, int next);

/**
 * err_text() - the whole sentence, errno text included where the system failed
 * @buf: at least ERR_TEXT_MAX bytes; always terminated, valid UTF-8 in, valid UTF-8 out
 *
 * An errno prints as its symbol and text ("ESRCH: No such process"): hosts match on that form.
 * Return: @buf.
 */
#define ERR_TEXT_MAX (ERR_MSG_MAX + 96)
const char *err_text(const struct err *e, char *buf, size_t size);
