/* SPDX-License-Identifier: Apache-2.0 */
/* What a server does with every kind of frame, byte by byte where bytes are promised. */
#include "base/err.h"
#include "tests/ttrpc_peer.h"

static const struct slice nothing = {"", 0};

static void exchange(const char *request, const char *reply)
{
	struct peer_world w;
	uint8_t out[256], want[256], in[256];
	size_t n_out = peer_hex(request, out, sizeof(out));
	size_t n_want = peer_hex(reply, want, sizeof(want));
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_write(&w, fd, out, n_out);
	CHECK_INT(peer_read(&w, fd, in, n_want), n_want);
	assert_memory_equal(in, want, n_want);
	CHECK(peer_is_silent(&w, fd));
	peer_world_done(&w);
}

TEST(a_health_check_and_its_answer_are_the_published_bytes)
{
	exchange("00 00 00 14 00 00 00 01 01 00 0a 0b 67 72 70 63 2e 48 65 61 6c 74 68 12 05 43 68 "
		 "65 63 6b",
		 "00 00 00 06 00 00 00 01 02 00 0a 00 12 02 08 01");
}

TEST(an_empty_success_is_an_empty_status)
{
	/* grpc.Health.Empty on stream 3 */
	exchange("00 00 00 14 00 00 00 03 01 00 0a 0b 67 72 70 63 2e 48 65 61 6c 74 68 12 05 45 6d "
		 "70 74 79",
		 "00 00 00 02 00 00 00 03 02 00 0a 00");
}

TEST(an_unknown_method_is_answered_with_12_and_its_name)
{
	exchange("00 00 00 12 00 00 00 05 01 00 0a 0b 67 72 70 63 2e 48 65 61 6c 74 68 12 03 46 6f "
		 "6f",
		 "00 00 00 10 00 00 00 05 02 00 0a 0e 08 0c 12 0a 46 6f 6f 20 6d 65 74 68 6f 64");
}

TEST(an_even_stream_is_answered_with_3)
{
	exchange("00 00 00 00 00 00 00 02 01 00",
		 "00 00 00 1b 00 00 00 02 02 00 0a 19 08 03 12 15 73 74 72 65 61 6d 20 69 64 20 6d "
		 "75 73 74 20 62 65 20 6f 64 64");
}

TEST(stream_0_is_even)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 0, "Check", nothing, 0);
	peer_expect(&w, fd, 0, 3, "stream id must be odd");
	CHECK_INT(w.n_run, 0);
	peer_world_done(&w);
}

TEST(streams_may_come_in_any_order)
{
	static const uint32_t order[] = {5, 3, 1, 0xffffffff};
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		peer_call(&w, fd, order[i], "Check", nothing, 0);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		peer_expect(&w, fd, order[i], 0, "");
	peer_world_done(&w);
}

TEST(a_stream_still_in_flight_is_refused_and_not_run)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 7, "Park", nothing, 0);
	peer_call(&w, fd, 7, "Check", nothing, 0);
	peer_expect(&w, fd, 7, 3, "StreamID cannot be re-used");
	CHECK_INT(w.n_run, 1);
	peer_answer_parked(&w);
	peer_expect(&w, fd, 7, 0, "");
	/* Once answered the number is free again. */
	peer_call(&w, fd, 7, "Check", nothing, 0);
	peer_expect(&w, fd, 7, 0, "");
	peer_world_done(&w);
}

TEST(data_frames_are_refused_also_for_a_running_call)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_frame(&w, fd, 9, TTRPC_DATA, 0, "abc", 3);
	peer_expect(&w, fd, 9, 3, "Stream is no longer active");
	peer_frame(&w, fd, 9, TTRPC_DATA, TTRPC_FLAG_REMOTE_CLOSED, "abc", 3);
	peer_expect(&w, fd, 9, 3, "cannot include data");
	peer_frame(&w, fd, 9, TTRPC_DATA, TTRPC_FLAG_REMOTE_CLOSED, "", 0);
	peer_expect(&w, fd, 9, 3, "Stream is no longer active");
	peer_call(&w, fd, 11, "Park", nothing, 0);
	peer_frame(&w, fd, 11, TTRPC_DATA, 0, "abc", 3);
	peer_expect(&w, fd, 11, 3, "Stream is no longer active");
	CHECK_INT(w.n_parked, 1);
	peer_world_done(&w);
}

TEST(responses_and_unknown_types_are_ignored)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_frame(&w, fd, 1, TTRPC_RESPONSE, 0, "abc", 3);
	peer_frame(&w, fd, 1, 0x00, 0, "abc", 3);
	peer_frame(&w, fd, 1, 0xff, 0xff, "abc", 3);
	CHECK(peer_is_silent(&w, fd));
	peer_call(&w, fd, 1, "Check", nothing, 0);
	peer_expect(&w, fd, 1, 0, "");
	peer_world_done(&w);
}

TEST(request_flags_do_not_change_a_unary_call)
{
	static const uint8_t flags[] = {0x01, 0x02, 0x04, 0xff};
	const struct ttrpc_request q = {.service = slice_of("grpc.Health"),
					.method = slice_of("Check")};
	struct peer_world w;
	cleanup_close int fd = -EBADF;
	uint8_t body[64];

	peer_world_init(&w);
	fd = peer_connect(&w);
	ttrpc_request_encode(&q, body);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		peer_frame(&w, fd, 1, TTRPC_REQUEST, flags[i], body, ttrpc_request_size(&q));
		peer_expect(&w, fd, 1, 0, "");
	}
	peer_world_done(&w);
}

TEST(an_envelope_that_does_not_parse_is_answered_with_3)
{
	static const char *const bad[] = {"\x0a",         "\x0a\x05gr", "\xff\xff\xff",
					  "\x0a\x01\xff", "\x0b",       "\x2a\x03\x0a\x01\xff"};
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cleanup_reply struct peer_reply r = {0};

		peer_frame(&w, fd, 1, TTRPC_REQUEST, 0, bad[i], strlen(bad[i]));
		r = peer_get(&w, fd);
		CHECK_INT(r.r.code, 3);
		CHECK(r.r.message.n > 0);
	}
	CHECK_INT(w.n_run, 0);
	peer_call(&w, fd, 1, "Check", nothing, 0);
	peer_expect(&w, fd, 1, 0, "");
	peer_world_done(&w);
}

TEST(a_frame_of_exactly_4_mib_is_taken)
{
	struct ttrpc_request q = {.service = slice_of("grpc.Health"), .method = slice_of("Fill")};
	uint8_t *payload = malloc(TTRPC_PAYLOAD_MAX);
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	assert_non_null(payload);
	memset(payload, '0', TTRPC_PAYLOAD_MAX);
	q.payload = (struct slice){(char *)payload, TTRPC_PAYLOAD_MAX};
	q.payload.n -= ttrpc_request_size(&q) - TTRPC_PAYLOAD_MAX;
	CHECK_INT(ttrpc_request_size(&q), TTRPC_PAYLOAD_MAX);
	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_request(&w, fd, 1, &q);
	peer_expect(&w, fd, 1, 0, "");
	CHECK_INT(w.n_run, 1);
	peer_world_done(&w);
	free(payload);
}

TEST(a_frame_over_4_mib_is_skipped_and_the_connection_goes_on)
{
	static const size_t sizes[] = {TTRPC_PAYLOAD_MAX + 1, TTRPC_LENGTH_ABSURD - 1};
	struct peer_world w;
	cleanup_close int fd = -EBADF;
	char text[96];

	peer_world_init(&w);
	fd = peer_connect(&w);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint8_t *body = calloc(1, sizes[i]);

		assert_non_null(body);
		/* Size comes before the stream's number: an even one is told about the size too. */
		peer_frame(&w, fd, 2, TTRPC_REQUEST, 0, body, sizes[i]);
		(void)snprintf(text, sizeof(text),
			       "message length %zu exceed maximum message size of 4194304",
			       sizes[i]);
		peer_expect(&w, fd, 2, 3, text);
		free(body);
	}
	peer_call(&w, fd, 3, "Check", nothing, 0);
	peer_expect(&w, fd, 3, 0, "");
	peer_world_done(&w);
}

TEST(a_length_of_16_mib_or_more_closes_the_connection)
{
	static const char *const heads[] = {"01 00 00 00 00 00 00 01 01 00",
					    "ff ff ff ff ff ff ff ff ff ff",
					    "47 45 54 20 2f 20 48 54 54 50"};
	struct peer_world w;
	uint8_t head[TTRPC_HEADER_SIZE];

	peer_world_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		cleanup_close int fd = peer_connect(&w);

		peer_write(&w, fd, head, peer_hex(heads[i], head, sizeof(head)));
		CHECK(peer_is_closed(&w, fd));
	}
	peer_world_done(&w);
}

TEST(bytes_may_come_one_at_a_time)
{
	const struct ttrpc_request q = {.service = slice_of("grpc.Health"),
					.method = slice_of("Echo"),
					.payload = slice_of("hello")};
	uint8_t bytes[TTRPC_HEADER_SIZE + 64];
	const struct ttrpc_header h = {(uint32_t)ttrpc_request_size(&q), 1, TTRPC_REQUEST, 0};
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	ttrpc_header_encode(&h, bytes);
	ttrpc_request_encode(&q, bytes + TTRPC_HEADER_SIZE);
	for (size_t i = 0; i < TTRPC_HEADER_SIZE + h.length; i++) {
		peer_write(&w, fd, bytes + i, 1);
		peer_run(&w, 2);
	}
	{
		cleanup_reply struct peer_reply r = peer_get(&w, fd);

		CHECK(slice_eq(r.r.payload, "hello"));
	}
	peer_world_done(&w);
}

TEST(a_thousand_pipelined_calls_are_all_answered)
{
	enum {
		N = 1000
	};
	static bool seen[N];
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	for (uint32_t i = 0; i < N; i++)
		peer_call(&w, fd, 2 * i + 1, "Check", nothing, 0);
	for (uint32_t i = 0; i < N; i++) {
		cleanup_reply struct peer_reply r = peer_get(&w, fd);

		CHECK_INT(r.r.code, 0);
		CHECK(r.h.stream / 2 < N && !seen[r.h.stream / 2]);
		seen[r.h.stream / 2] = true;
	}
	CHECK(peer_is_silent(&w, fd));
	peer_world_done(&w);
}

TEST(metadata_and_unknown_fields_do_not_disturb_a_call)
{
	/* metadata {key "k" value "v"} twice, a traceparent, unknown field 15, then a 30 s timeout */
	static const uint8_t extra[] = {0x2a, 0x06, 0x0a, 0x01, 'k',  0x12, 0x01, 'v',  0x2a,
					0x06, 0x0a, 0x01, 'k',  0x12, 0x01, 'w',  0x7a, 0x02,
					0xff, 0xfe, 0x20, 0x80, 0xd8, 0x8e, 0xe1, 0x6f};
	const struct ttrpc_request q = {.service = slice_of("grpc.Health"),
					.method = slice_of("Park")};
	size_t n = ttrpc_request_size(&q);
	uint8_t body[128];
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	ttrpc_request_encode(&q, body);
	memcpy(body + n, extra, sizeof(extra));
	peer_frame(&w, fd, 1, TTRPC_REQUEST, 0, body, n + sizeof(extra));
	peer_run(&w, 4);
	CHECK_INT(w.n_parked, 1);
	CHECK_INT(ttrpc_call_deadline_ns(w.parked[0]) - ttrpc_call_received_ns(w.parked[0]),
		  30000000000);
	peer_world_done(&w);
}

TEST(a_reply_over_4_mib_becomes_error_3)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Fill", slice_of("4194304"), 0);
	peer_expect(&w, fd, 1, 3, "exceed maximum message size of 4194304");
	CHECK_INT(w.n_undelivered, 1);
	peer_world_done(&w);
}

TEST(an_error_text_is_cut_between_characters)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;
	char text[5001];

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 0);
	peer_run(&w, 4);
	CHECK_INT(w.n_parked, 1);
	/* One byte, then two-byte characters only: the limit falls inside one of them. */
	text[0] = 'e';
	for (size_t i = 1; i < sizeof(text); i++)
		text[i] = (i & 1) != 0 ? '\xc3' : '\xa9';
	text[sizeof(text) - 1] = '\0';
	ttrpc_call_error(w.parked[--w.n_parked], TTRPC_NOT_FOUND, text);
	{
		cleanup_reply struct peer_reply r = peer_get(&w, fd);

		CHECK_INT(r.r.code, 5);
		CHECK_INT(r.r.message.n, 4095);
		CHECK(str_is_utf8(r.r.message.p, r.r.message.n));
	}
	peer_world_done(&w);
}

TEST(a_code_that_does_not_exist_becomes_13)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 0);
	peer_run(&w, 4);
	ttrpc_call_error(w.parked[--w.n_parked], TTRPC_OK, "text");
	peer_expect(&w, fd, 1, 13, "text");
	peer_world_done(&w);
}
