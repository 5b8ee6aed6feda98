/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, calls by descriptor, words for failures. Knows no single method. */
#include "agent-ctl/ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent-ctl/json.h"
#include "agent-ctl/print.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"

#define CONNECT_NS UINT64_C(5000000000) /* one attempt */
#define RETRY_MS   20

static const ProtobufCServiceDescriptor *const services[] = {
	&grpc__agent_service__descriptor,
	&grpc__health__descriptor,
};

/* ---- words ---- */

const char *actl_code_name(int code)
{
	static const char *const names[] = {
		"OK",
		"CANCELLED",
		"UNKNOWN",
		"INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED",
		"NOT_FOUND",
		"ALREADY_EXISTS",
		"PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION",
		"ABORTED",
		"OUT_OF_RANGE",
		"UNIMPLEMENTED",
		"INTERNAL",
		"UNAVAILABLE",
		"DATA_LOSS",
		"UNAUTHENTICATED",
	};

	return code >= 0 && code < (int)ARRAY_LEN(names) ? names[code] : "UNKNOWN_CODE";
}

int actl_say(int code, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fputs("pith-ctl: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return code;
}

int actl_say_err(int code, const struct err *e)
{
	char text[ERR_TEXT_MAX];

	return actl_say(code, "%s", err_text(e, text, sizeof(text)));
}

int actl_parse_time(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"m", 60e9}, {"h", 3600e9}};
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || errno != 0 || !(v >= 0) || v > 1e9)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (streq(end, units[i].unit)) {
			*ret_ns = (uint64_t)(v * units[i].ns);
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- methods ---- */

bool actl_method_next(size_t *it, struct actl_method *ret)
{
	size_t i = (*it)++;

	for (size_t s = 0; s < ARRAY_LEN(services); s++) {
		if (i < services[s]->n_methods) {
			*ret = (struct actl_method){services[s]->name, &services[s]->methods[i]};
			return true;
		}
		i -= services[s]->n_methods;
	}
	return false;
}

int actl_method_find(const char *name, struct actl_method *ret)
{
	struct actl_method m;
	size_t it = 0;

	while (actl_method_next(&it, &m)) {
		size_t n = strlen(m.service);

		if (streq(name, m.d->name) ||
		    (strncmp(name, m.service, n) == 0 && (name[n] == '.' || name[n] == '/') &&
		     streq(name + n + 1, m.d->name))) {
			*ret = m;
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- connection ---- */

/* Nobody there yet: the socket's file, its listener or the agent behind it may still come. */
static bool may_come(int r)
{
	return r == -ECONNREFUSED || r == -ENOENT || r == -ECONNRESET || r == -ENODEV ||
	       r == -ETIMEDOUT || r == -EPIPE;
}

int actl_connect(struct actl *a)
{
	uint64_t deadline = loop_now_ns() + a->wait_ns;
	int fd, r;

	if (a->client != NULL)
		return ACTL_OK;
	if (!a->has_addr)
		return actl_say(ACTL_USAGE,
				"no agent to talk to: give --address, --vm or PITH_ADDRESS");
	for (;;) {
		struct err e = {0};

		r = ttrpc_addr_connect(&a->addr, CONNECT_NS, &fd, &e);
		if (r == 0)
			break;
		if (!may_come(r) || loop_now_ns() >= deadline)
			return actl_say_err(ACTL_NO_CONNECTION, &e);
		(void)poll(NULL, 0, RETRY_MS);
	}
	r = ttrpc_client_new_take(a->loop, fd, &a->client);
	if (r == 0)
		return ACTL_OK;
	(void)fd_close(fd);
	return actl_say(ACTL_NO_CONNECTION, "connection: %s", strerrordesc_np(-r));
}

/* ---- calls ---- */

void actl_result_done(struct actl_result *r)
{
	free(r->text);
	if (r->out != NULL)
		protobuf_c_message_free_unpacked(r->out, NULL);
	*r = (struct actl_result){0};
}

static void no_answer(struct actl_result *ret, const struct err *e)
{
	char text[ERR_TEXT_MAX];

	ret->code = -1;
	ret->text = strdup(err_text(e, text, sizeof(text)));
}

/* Calls that are pending for as long as nothing happens. */
static bool waits_by_nature(const char *method)
{
	static const char *const names[] = {"WaitProcess", "GetOOMEvent", "ReadStdout",
					    "ReadStderr", "WriteStdin"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (streq(method, names[i]))
			return true;
	}
	return false;
}

static int call_packed(struct actl *a, const struct actl_method *m, const ProtobufCMessage *in,
		       struct ttrpc_answer *answer, struct err *e)
{
	size_t n = protobuf_c_message_get_packed_size(in);
	cleanup_free uint8_t *packed = malloc(n + 1);
	struct slice payload = {(const char *)packed, n};
	uint64_t timeout = a->timeout_ns;

	if (packed == NULL)
		return err_set(e, -ENOMEM, "pack %s", m->d->name);
	if (!a->has_timeout && waits_by_nature(m->d->name))
		timeout = 0;
	(void)protobuf_c_message_pack(in, packed);
	return ttrpc_client_call(a->client, m->service, m->d->name, payload, timeout, answer, e);
}

void actl_try(struct actl *a, const char *method, const ProtobufCMessage *in,
	      struct actl_result *ret)
{
	cleanup_answer struct ttrpc_answer answer = {0};
	struct actl_method m;
	struct err e = {0};
	int r;

	*ret = (struct actl_result){0};
	r = actl_method_find(method, &m);
	if (r < 0)
		r = err_set(&e, r, "method %s", method);
	else
		r = call_packed(a, &m, in, &answer, &e);
	if (r < 0) {
		no_answer(ret, &e);
		return;
	}
	if (answer.code != 0) {
		ret->code = answer.code;
		ret->text = TAKE_PTR(answer.message);
		return;
	}
	ret->out = protobuf_c_message_unpack(m.d->output, NULL, answer.n, answer.payload);
	if (ret->out == NULL) {
		r = err_set(&e, -EBADMSG, "answer to %s", method);
		if (r < 0)
			no_answer(ret, &e);
	}
}

int actl_report(const char *method, const struct actl_result *r)
{
	const char *text = r->text != NULL ? r->text : "";

	if (r->code == 0)
		return ACTL_OK;
	(void)fflush(stdout);
	if (r->code < 0)
		return actl_say(ACTL_FAILED, "%s: %s", method, text);
	(void)fprintf(stderr, "%s (%d): %s\n", actl_code_name(r->code), r->code, text);
	return ACTL_FAILED;
}

int actl_call(struct actl *a, const char *method, const ProtobufCMessage *in,
	      struct actl_result *ret)
{
	cleanup_result struct actl_result own = {0};
	int code = actl_connect(a);

	if (code != ACTL_OK)
		return code;
	actl_try(a, method, in, &own);
	code = actl_report(method, &own);
	if (ret != NULL)
		*ret = TAKE(own, (struct actl_result){0});
	return code;
}

int actl_call_print(struct actl *a, const char *method, const ProtobufCMessage *in)
{
	cleanup_result struct actl_result r = {0};
	int code = actl_call(a, method, in, &r);

	return code == ACTL_OK ? actl_print_message(r.out, a->json) : code;
}
