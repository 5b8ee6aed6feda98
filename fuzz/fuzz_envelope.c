/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a request and as a response; what is accepted survives being written and read again. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ttrpc/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static bool same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = {(const char *)data, size};
	struct ttrpc_request q, q2;
	struct ttrpc_response a;
	struct err e = {0};

	if (ttrpc_request_decode(in, &q, &e) == 0) {
		size_t n = ttrpc_request_size(&q);
		uint8_t *p = malloc(n);

		check(p != NULL);
		ttrpc_request_encode(&q, p);
		check(ttrpc_request_decode((struct slice){(char *)p, n}, &q2, &e) == 0);
		check(same(q.service, q2.service) && same(q.method, q2.method));
		check(same(q.payload, q2.payload) && q.timeout_nano == q2.timeout_nano);
		check(str_is_utf8(q.service.p, q.service.n));
		check(memchr(q.method.p, '\0', q.method.n) == NULL);
		free(p);
	}
	if (ttrpc_response_decode(in, &a, &e) == 0)
		check(str_is_utf8(a.message.p, a.message.n) && a.payload.n <= size);
	return 0;
}
