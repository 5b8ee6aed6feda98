/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes into a server, cut by their own first two; handlers answer at once, later or at the end. */
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "ttrpc/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ttrpc_call *parked;
static void handler(void *data unused_arg, struct ttrpc_call *c)
{
	struct slice m = ttrpc_call_method(c), p = ttrpc_call_payload(c);
	char kind = m.n > 0 ? m.p[0] : '\0';

	if (kind == 'P' && parked == NULL)
		parked = c;
	else if (kind == 'E')
		ttrpc_call_error(c, (enum ttrpc_code)p.n, "error");
	else
		ttrpc_call_reply(c, p.p, p.n);
	if (kind == 'A' && parked != NULL)
		ttrpc_call_reply(TAKE_PTR(parked), "done", 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ttrpc_server *s;
	struct loop *l;
	char sink[4096];
	int fds[2];

	log_set_level(LOG_CRIT_LEVEL);
	if (size < 2 || loop_new(&l) < 0)
		return 0;
	if (ttrpc_server_new(l, handler, NULL, &s) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0 ||
	    ttrpc_server_add_conn_take(s, fds[1]) < 0)
		abort();
	for (size_t at = 2; at < size;) {
		size_t n = MIN(size - at, (size_t)1 + data[at % 2] * (size_t)(1 + at % 7));

		if (send(fds[0], data + at, n, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		at += n;
		if (loop_once(l, 0) < 0)
			abort();
		while (read(fds[0], sink, sizeof(sink)) > 0)
			;
	}
	(void)fd_close(fds[0]);
	(void)!loop_once(l, 0);
	ttrpc_server_free(s);
	if (parked != NULL)
		ttrpc_call_reply(TAKE_PTR(parked), "late", 4);
	loop_free(l);
	return 0;
}
