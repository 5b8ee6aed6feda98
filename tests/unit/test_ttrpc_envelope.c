/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, wire format and envelopes as pure functions. */
#include "base/err.h"
#include "tests/test.h"
#include "ttrpc/envelope.h"
#include "ttrpc/frame.h"
#include "ttrpc/wire.h"

#define SLICE(literal) ((struct slice){literal, sizeof(literal) - 1})

TEST(a_header_goes_there_and_back)
{
	const uint8_t bytes[] = {0x00, 0x40, 0x00, 0x00, 0xff, 0xff, 0xff, 0xfd, 0x03, 0x81};
	uint8_t back[TTRPC_HEADER_SIZE];
	struct ttrpc_header h;

	ttrpc_header_decode(bytes, &h);
	CHECK_INT(h.length, 4194304);
	CHECK_INT(h.stream, 0xfffffffd);
	CHECK_INT(h.type, TTRPC_DATA);
	CHECK_INT(h.flags, 0x81);
	ttrpc_header_encode(&h, back);
	assert_memory_equal(back, bytes, sizeof(bytes));
}

static int one_field(struct slice in, struct ttrpc_wire_field *f)
{
	return ttrpc_wire_next(&in, f);
}

TEST(every_wire_type_is_read)
{
	struct ttrpc_wire_field f;

	CHECK_INT(one_field(SLICE("\x08\x96\x01"), &f), 1);
	CHECK(f.number == 1 && f.type == TTRPC_WIRE_VARINT && f.value == 150);
	CHECK_INT(one_field(SLICE("\x11\x01\x02\x03\x04\x05\x06\x07\x88"), &f), 1);
	CHECK(f.number == 2 && f.type == TTRPC_WIRE_FIXED64 && f.value == 0x8807060504030201);
	CHECK_INT(one_field(SLICE("\x1a\x03"
				  "abc"),
			    &f),
		  1);
	CHECK(f.number == 3 && f.type == TTRPC_WIRE_BYTES && slice_eq(f.bytes, "abc"));
	CHECK_INT(one_field(SLICE("\x25\x01\x02\x03\x84"), &f), 1);
	CHECK(f.number == 4 && f.type == TTRPC_WIRE_FIXED32 && f.value == 0x84030201);
	CHECK_INT(one_field(SLICE(""), &f), 0);
}

TEST(the_largest_varint_is_read)
{
	struct ttrpc_wire_field f;

	CHECK_INT(one_field(SLICE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &f), 1);
	CHECK(f.value == UINT64_MAX);
}

TEST(malformed_fields_are_refused)
{
	static const struct slice bad[] = {
		{"\x08", 1},                                              /* no value */
		{"\x08\x80", 2},                                          /* varint cut short */
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},     /* 65 bits */
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 12}, /* eleven bytes */
		{"\x00\x01", 2},                                          /* field 0 */
		{"\x0b", 1},                                              /* group */
		{"\x0c", 1},                                              /* end of group */
		{"\x0e\x00", 2},                                          /* type 6 */
		{"\x0f\x00", 2},                                          /* type 7 */
		{"\x0a\x05xx", 4},                                        /* past the end */
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
		{"\x09\x01\x02", 3},                     /* fixed64 cut short */
		{"\x0d\x01\x02", 3},                     /* fixed32 cut short */
		{"\x88\x80\x80\x80\x80\x80\x01\x00", 8}, /* field number over 29 bits */
	};
	struct ttrpc_wire_field f;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(one_field(bad[i], &f), -EBADMSG);
}

TEST(varints_are_written_as_they_are_sized)
{
	static const uint64_t values[] = {0,     1,           127,       128,       16383,
					  16384, 30000000000, INT64_MAX, UINT64_MAX};
	uint8_t buf[TTRPC_VARINT_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct ttrpc_wire_field f;
		uint8_t *end;

		buf[0] = 0x08;
		end = ttrpc_wire_put_varint(buf + 1, values[i]);
		CHECK_INT(end - buf - 1, ttrpc_wire_varint_size(values[i]));
		CHECK_INT(one_field((struct slice){(char *)buf, (size_t)(end - buf)}, &f), 1);
		CHECK(f.value == values[i]);
	}
}

TEST(a_timeout_of_30_s_has_the_published_bytes)
{
	const struct ttrpc_request q = {.timeout_nano = 30000000000};
	const uint8_t want[] = {0x0a, 0x00, 0x12, 0x00, 0x20, 0x80, 0xd8, 0x8e, 0xe1, 0x6f};
	uint8_t got[32];

	CHECK_INT(ttrpc_request_size(&q), sizeof(want));
	ttrpc_request_encode(&q, got);
	assert_memory_equal(got, want, sizeof(want));
}

TEST(a_request_goes_there_and_back)
{
	const struct ttrpc_request q = {.service = slice_of("grpc.AgentService"),
					.method = slice_of("WriteStdin"),
					.payload = SLICE("a\0b"),
					.timeout_nano = -1};
	struct ttrpc_request back;
	struct err e = {0};
	uint8_t buf[128];

	ttrpc_request_encode(&q, buf);
	CHECK_INT(ttrpc_request_decode((struct slice){(char *)buf, ttrpc_request_size(&q)}, &back,
				       &e),
		  0);
	CHECK(slice_eq(back.service, "grpc.AgentService") && slice_eq(back.method, "WriteStdin"));
	CHECK(back.payload.n == 3 && memcmp(back.payload.p, "a\0b", 3) == 0);
	CHECK(back.timeout_nano == -1);
}

TEST(the_last_of_a_repeated_field_wins)
{
	struct ttrpc_request q;
	struct err e = {0};

	CHECK_INT(ttrpc_request_decode(SLICE("\x0a\x01"
					     "a\x20\x01\x0a\x01"
					     "b\x20\x02"),
				       &q, &e),
		  0);
	CHECK(slice_eq(q.service, "b") && q.timeout_nano == 2);
}

static bool request_is_refused(struct slice in)
{
	struct ttrpc_request q;
	struct err e = {0};

	return ttrpc_request_decode(in, &q, &e) == -EINVAL && e.kind == ERR_INVALID &&
	       e.msg[0] != '\0';
}

TEST(names_must_be_text)
{
	CHECK(request_is_refused(SLICE("\x0a\x01\xff")));
	CHECK(request_is_refused(SLICE("\x12\x02\xc3\x28")));
	CHECK(request_is_refused(SLICE("\x0a\x03"
				       "a\0b")));
	CHECK(request_is_refused(SLICE("\x12\x03\xed\xa0\x80"))); /* surrogate */
	CHECK(request_is_refused(SLICE("\x12\x02\xc0\x80")));     /* overlong */
}

TEST(metadata_must_be_well_formed_text)
{
	CHECK(request_is_refused(SLICE("\x2a\x03\x0a\x01\xff")));
	CHECK(request_is_refused(SLICE("\x2a\x03\x0a\x05x")));
	CHECK(request_is_refused(SLICE("\x2a\x02\x08\x01")));
	CHECK(request_is_refused(SLICE("\x28\x01")));
}

TEST(known_fields_of_the_wrong_type_are_refused)
{
	CHECK(request_is_refused(SLICE("\x08\x01")));
	CHECK(request_is_refused(SLICE("\x18\x01")));
	CHECK(request_is_refused(SLICE("\x22\x00")));
}

static struct ttrpc_response response(struct slice in)
{
	struct ttrpc_response a;
	struct err e = {0};

	assert_int_equal(ttrpc_response_decode(in, &a, &e), 0);
	return a;
}

TEST(no_status_and_an_empty_status_are_success)
{
	CHECK_INT(response(SLICE("")).code, 0);
	CHECK_INT(response(SLICE("\x0a\x00")).code, 0);
	CHECK_INT(response(SLICE("\x0a\x02\x08\x00")).code, 0);
	CHECK(slice_eq(response(SLICE("\x12\x02hi")).payload, "hi"));
}

TEST(a_status_in_parts_is_merged)
{
	struct ttrpc_response a = response(SLICE("\x0a\x02\x08\x05\x0a\x04\x12\x02no"));

	CHECK_INT(a.code, 5);
	CHECK(slice_eq(a.message, "no"));
}

TEST(details_of_a_status_are_skipped)
{
	struct ttrpc_response a = response(SLICE("\x0a\x08\x08\x05\x1a\x04\x0a\x02xx"));

	CHECK_INT(a.code, 5);
}

TEST(a_malformed_response_is_refused)
{
	static const struct slice bad[] = {{"\x0a\x02\x08", 3},
					   {"\x08\x00", 2},
					   {"\x0a\x04\x12\x02\xff\xff", 6},
					   {"\x12\x09x", 3},
					   {"\x0a\x02\x0a\x00", 4}};
	struct ttrpc_response a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		CHECK_INT(ttrpc_response_decode(bad[i], &a, &e), -EINVAL);
	}
}

TEST(an_error_is_a_status_without_payload)
{
	const struct slice text = SLICE("Foo method");
	uint8_t buf[64];
	struct ttrpc_response a;

	ttrpc_response_error_encode(buf, 12, text);
	a = response((struct slice){(char *)buf, ttrpc_response_error_size(12, text.n)});
	CHECK_INT(a.code, 12);
	CHECK(slice_eq(a.message, "Foo method"));
	CHECK_INT(a.payload.n, 0);
}
