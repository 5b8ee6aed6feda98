/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of bytes from a server into a client with calls in flight; each call ends exactly once. */
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "ttrpc/client.h"

#define CALLS 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_reply(void *data, const struct ttrpc_reply *r)
{
	unsigned *n = data;

	if (++*n > 1 || (r->error == 0 && !str_is_utf8(r->message.p, r->message.n)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned n[CALLS] = {0};
	struct ttrpc_client *c;
	struct loop *l;
	int fds[2];

	log_set_level(LOG_CRIT_LEVEL);
	if (size < 2 || loop_new(&l) < 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0 ||
	    ttrpc_client_new_take(l, fds[0], &c) < 0)
		abort();
	for (size_t i = 0; i < CALLS; i++) {
		if (ttrpc_client_start(c, "s", "m", (struct slice){"", 0}, 0, on_reply, &n[i]) < 0)
			abort();
	}
	for (size_t at = 2; at < size;) {
		size_t part = MIN(size - at, (size_t)1 + data[at % 2] * (size_t)(1 + at % 7));

		if (send(fds[1], data + at, part, MSG_NOSIGNAL) < 0)
			break;
		at += part;
		if (loop_once(l, 0) < 0)
			abort();
	}
	ttrpc_client_free(c);
	for (size_t i = 0; i < CALLS; i++) {
		if (n[i] != 1)
			abort();
	}
	(void)fd_close(fds[1]);
	loop_free(l);
	return 0;
}
