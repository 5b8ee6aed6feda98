/* SPDX-License-Identifier: Apache-2.0 */
/* Building and printing of struct err. Never allocates, never logs. */
#include "base/err.h"

#include <stdarg.h>
#include <string.h>

#include "base/errname.h"
#include "base/str.h"

/* vsnprintf may cut in the middle of a character: the text goes to hosts as a protobuf string. */
static printf_fmt(3, 0) void format(char *buf, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(buf, size, fmt, ap);

	if (n < 0)
		buf[0] = '\0';
	else if ((size_t)n >= size)
		buf[str_utf8_floor(buf, size - 1)] = '\0';
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	e->kind = ERR_INTERNAL;
	e->refused = false;
	va_start(ap, fmt);
	format(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return code;
}

static int kind_code(enum err_kind kind)
{
	switch (kind) {
	case ERR_INTERNAL:
		return -EIO;
	case ERR_INVALID:
		return -EINVAL;
	case ERR_NOT_FOUND:
		return -ENOENT;
	case ERR_EXISTS:
		return -EEXIST;
	case ERR_PRECONDITION:
		return -EBUSY;
	case ERR_LIMIT:
		return -ENOSPC;
	case ERR_TIMEOUT:
		return -ETIMEDOUT;
	case ERR_UNIMPLEMENTED:
		return -ENOSYS;
	case ERR_PERMISSION:
		return -EPERM;
	case ERR_UNAVAILABLE:
		return -EAGAIN;
	}
	return -EIO;
}

int err_refuse(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	e->code = kind_code(kind);
	e->kind = kind;
	e->refused = true;
	va_start(ap, fmt);
	format(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return e->code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char context[ERR_MSG_MAX];
	size_t cause = strlen(e->msg);
	size_t room, n;
	va_list ap;

	if (cause + 2 >= sizeof(e->msg))
		return e->code;
	room = sizeof(e->msg) - 1 - cause - 2;

	va_start(ap, fmt);
	format(context, sizeof(context), fmt, ap);
	va_end(ap);

	n = strlen(context);
	if (n > room)
		n = str_utf8_floor(context, room);
	if (n == 0)
		return e->code;

	memmove(e->msg + n + 2, e->msg, cause + 1);
	memcpy(e->msg, context, n);
	memcpy(e->msg + n, ": ", 2);
	return e->code;
}

int err_first(int r, int next)
{
	return r < 0 ? r : next;
}

const char *err_text(const struct err *e, char *buf, size_t size)
{
	const char *sep = e->msg[0] != '\0' ? ": " : "";
	const char *name;
	int n;

	if (size == 0)
		return "";

	if (e->refused || e->code >= 0) {
		n = snprintf(buf, size, "%s", e->msg);
	} else {
		name = errname(-e->code);
		if (name != NULL)
			n = snprintf(buf, size, "%s%s%s: %s", e->msg, sep, name,
				     strerror(-e->code));
		else
			n = snprintf(buf, size, "%s%serrno %d", e->msg, sep, -e->code);
	}
	if (n >= 0 && (size_t)n >= size)
		buf[str_utf8_floor(buf, size - 1)] = '\0';
	return buf;
}
