/* SPDX-License-Identifier: Apache-2.0 */
/* Request and Response envelopes. Field numbers and rules: ttrpc's request.proto. */
#include "ttrpc/envelope.h"

#include "base/err.h"
#include "ttrpc/wire.h"

enum {
	REQUEST_SERVICE = 1,
	REQUEST_METHOD = 2,
	REQUEST_PAYLOAD = 3,
	REQUEST_TIMEOUT = 4,
	REQUEST_METADATA = 5,
	RESPONSE_STATUS = 1,
	RESPONSE_PAYLOAD = 2,
	STATUS_CODE = 1,
	STATUS_MESSAGE = 2,
};

static int malformed(const char *what, struct err *e)
{
	return err_refuse(e, ERR_INVALID, "malformed %s", what);
}

/* A field we know with a wire type it cannot have is malformed, as every protobuf library sees it. */
static int want(const struct ttrpc_wire_field *f, enum ttrpc_wire_type type, const char *what,
		struct err *e)
{
	return f->type == type ? 0 : malformed(what, e);
}

static int text_field(const struct ttrpc_wire_field *f, const char *what, struct slice *ret,
		      struct err *e)
{
	int r = want(f, TTRPC_WIRE_BYTES, what, e);

	if (r < 0)
		return r;
	if (!str_is_utf8(f->bytes.p, f->bytes.n))
		return err_refuse(e, ERR_INVALID, "%s is not valid UTF-8", what);
	*ret = f->bytes;
	return 0;
}

/* Names are compared and logged as C strings further up. */
static int name_field(const struct ttrpc_wire_field *f, const char *what, struct slice *ret,
		      struct err *e)
{
	int r = text_field(f, what, ret, e);

	if (r < 0)
		return r;
	if (ret->n > 0 && memchr(ret->p, '\0', ret->n) != NULL)
		return err_refuse(e, ERR_INVALID, "%s contains a NUL byte", what);
	return 0;
}

static int check_metadata(struct slice in, struct err *e)
{
	struct ttrpc_wire_field f;
	struct slice text;
	int r;

	while ((r = ttrpc_wire_next(&in, &f)) > 0) {
		if (f.number != 1 && f.number != 2)
			continue;
		r = text_field(&f, "metadata", &text, e);
		if (r < 0)
			return r;
	}
	return r < 0 ? malformed("metadata", e) : 0;
}

static int request_field(const struct ttrpc_wire_field *f, struct ttrpc_request *q, struct err *e)
{
	int r;

	switch (f->number) {
	case REQUEST_SERVICE:
		return name_field(f, "service name", &q->service, e);
	case REQUEST_METHOD:
		return name_field(f, "method name", &q->method, e);
	case REQUEST_PAYLOAD:
		r = want(f, TTRPC_WIRE_BYTES, "request payload", e);
		if (r == 0)
			q->payload = f->bytes;
		return r;
	case REQUEST_TIMEOUT:
		r = want(f, TTRPC_WIRE_VARINT, "timeout", e);
		if (r == 0)
			q->timeout_nano = (int64_t)f->value;
		return r;
	case REQUEST_METADATA:
		r = want(f, TTRPC_WIRE_BYTES, "metadata", e);
		return r < 0 ? r : check_metadata(f->bytes, e);
	default:
		return 0;
	}
}

int ttrpc_request_decode(struct slice in, struct ttrpc_request *ret, struct err *e)
{
	struct ttrpc_request q = {.service.p = "", .method.p = "", .payload.p = ""};
	struct ttrpc_wire_field f;
	int r;

	while ((r = ttrpc_wire_next(&in, &f)) > 0) {
		r = request_field(&f, &q, e);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return malformed("request envelope", e);
	*ret = q;
	return 0;
}

size_t ttrpc_request_size(const struct ttrpc_request *r)
{
	size_t n = ttrpc_wire_bytes_size(r->service.n) + ttrpc_wire_bytes_size(r->method.n);

	if (r->payload.n > 0)
		n += ttrpc_wire_bytes_size(r->payload.n);
	if (r->timeout_nano != 0)
		n += 1 + ttrpc_wire_varint_size((uint64_t)r->timeout_nano);
	return n;
}

void ttrpc_request_encode(const struct ttrpc_request *r, uint8_t *p)
{
	p = ttrpc_wire_put_bytes(p, REQUEST_SERVICE, r->service);
	p = ttrpc_wire_put_bytes(p, REQUEST_METHOD, r->method);
	if (r->payload.n > 0)
		p = ttrpc_wire_put_bytes(p, REQUEST_PAYLOAD, r->payload);
	if (r->timeout_nano != 0) {
		*p++ = REQUEST_TIMEOUT << 3 | TTRPC_WIRE_VARINT;
		(void)ttrpc_wire_put_varint(p, (uint64_t)r->timeout_nano);
	}
}

static int decode_status(struct slice in, struct ttrpc_response *a, struct err *e)
{
	struct ttrpc_wire_field f;
	int r;

	while ((r = ttrpc_wire_next(&in, &f)) > 0) {
		r = 0;
		if (f.number == STATUS_CODE) {
			r = want(&f, TTRPC_WIRE_VARINT, "status code", e);
			if (r == 0)
				a->code = (int32_t)(uint32_t)f.value;
		} else if (f.number == STATUS_MESSAGE) {
			r = text_field(&f, "status message", &a->message, e);
		}
		if (r < 0)
			return r;
	}
	return r < 0 ? malformed("status", e) : 0;
}

int ttrpc_response_decode(struct slice in, struct ttrpc_response *ret, struct err *e)
{
	struct ttrpc_response a = {.message.p = "", .payload.p = ""};
	struct ttrpc_wire_field f;
	int r;

	while ((r = ttrpc_wire_next(&in, &f)) > 0) {
		if (f.number != RESPONSE_STATUS && f.number != RESPONSE_PAYLOAD)
			continue;
		r = want(&f, TTRPC_WIRE_BYTES, "response envelope", e);
		if (r < 0)
			return r;
		if (f.number == RESPONSE_PAYLOAD) {
			a.payload = f.bytes;
			continue;
		}
		r = decode_status(f.bytes, &a, e);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return malformed("response envelope", e);
	*ret = a;
	return 0;
}

size_t ttrpc_response_ok_size(size_t payload_n)
{
	return 2 + (payload_n > 0 ? ttrpc_wire_bytes_size(payload_n) : 0);
}

uint8_t *ttrpc_response_ok_head(uint8_t *p, size_t payload_n)
{
	p = ttrpc_wire_put_bytes_head(p, RESPONSE_STATUS, 0);
	if (payload_n > 0)
		p = ttrpc_wire_put_bytes_head(p, RESPONSE_PAYLOAD, payload_n);
	return p;
}

static size_t status_size(uint32_t code, size_t text_n)
{
	return 1 + ttrpc_wire_varint_size(code) + ttrpc_wire_bytes_size(text_n);
}

size_t ttrpc_response_error_size(uint32_t code, size_t text_n)
{
	return ttrpc_wire_bytes_size(status_size(code, text_n));
}

void ttrpc_response_error_encode(uint8_t *p, uint32_t code, struct slice text)
{
	p = ttrpc_wire_put_bytes_head(p, RESPONSE_STATUS, status_size(code, text.n));
	*p++ = STATUS_CODE << 3 | TTRPC_WIRE_VARINT;
	p = ttrpc_wire_put_varint(p, code);
	(void)ttrpc_wire_put_bytes(p, STATUS_MESSAGE, text);
}
