/* SPDX-License-Identifier: Apache-2.0 */
/* The client against our server, and against bytes that no server should send. */
#include "base/err.h"
#include "tests/ttrpc_peer.h"
#include "ttrpc/client.h"

#define MS UINT64_C(1000000)

static const struct slice nothing = {"", 0};

struct got {
	unsigned n;
	int error, code;
	size_t payload_n;
	char text[64];
};

static void on_reply(void *data, const struct ttrpc_reply *r)
{
	struct got *g = data;

	g->n++;
	g->error = r->error;
	g->code = r->code;
	g->payload_n = r->payload.n;
	(void)snprintf(g->text, sizeof(g->text), "%.*s", (int)MIN(r->message.n, (size_t)60),
		       r->message.p);
}

static struct ttrpc_client *client_of(struct peer_world *w, int fd)
{
	struct ttrpc_client *c;

	assert_int_equal(ttrpc_client_new_take(w->loop, fd, &c), 0);
	return c;
}

static void wait_for(struct peer_world *w, const unsigned *n, unsigned want)
{
	uint64_t until = loop_now_ns() + PEER_DEADLINE_NS;

	while (*n < want && loop_now_ns() < until)
		assert_int_equal(loop_once(w->loop, 1), 0);
	assert_int_equal(*n, want);
}

TEST(a_blocking_call_brings_the_answer)
{
	cleanup_answer struct ttrpc_answer a = {0};
	struct err e = {0};
	struct peer_world w;
	struct ttrpc_client *c;

	peer_world_init(&w);
	c = client_of(&w, peer_connect(&w));
	CHECK_INT(ttrpc_client_call(c, "grpc.Health", "Echo", slice_of("hello"), 0, &a, &e), 0);
	CHECK_INT(a.code, 0);
	CHECK(a.n == 5 && memcmp(a.payload, "hello", 5) == 0);
	ttrpc_client_free(c);
	peer_world_done(&w);
}

TEST(a_refusal_is_an_answer_too)
{
	cleanup_answer struct ttrpc_answer a = {0};
	struct err e = {0};
	struct peer_world w;
	struct ttrpc_client *c;

	peer_world_init(&w);
	c = client_of(&w, peer_connect(&w));
	CHECK_INT(ttrpc_client_call(c, "grpc.Health", "Nope", nothing, 0, &a, &e), 0);
	CHECK_INT(a.code, 12);
	CHECK_STR(a.message, "Nope method");
	ttrpc_client_free(c);
	peer_world_done(&w);
}

TEST(many_calls_are_in_flight_at_once)
{
	static struct got got[200];
	struct peer_world w;
	struct ttrpc_client *c;

	peer_world_init(&w);
	c = client_of(&w, peer_connect(&w));
	for (size_t i = 0; i < ARRAY_LEN(got); i++)
		CHECK(ttrpc_client_start(c, "grpc.Health", "Park", nothing, 0, on_reply, &got[i]) >
		      0);
	CHECK_INT(ttrpc_client_in_flight(c), ARRAY_LEN(got));
	while (w.n_parked < ARRAY_LEN(got))
		peer_run(&w, 1);
	peer_answer_parked(&w); /* the last one first */
	for (size_t i = 0; i < ARRAY_LEN(got); i++) {
		wait_for(&w, &got[i].n, 1);
		CHECK(got[i].error == 0 && got[i].code == 0 && got[i].payload_n == 4);
	}
	CHECK_INT(ttrpc_client_in_flight(c), 0);
	ttrpc_client_free(c);
	peer_world_done(&w);
}

TEST(the_deadline_holds_without_the_server)
{
	struct got got = {0};
	struct ttrpc_client *c;
	struct peer_world w;
	cleanup_close int server = -EBADF;
	int fds[2];

	peer_world_init(&w);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	server = fds[1];
	c = client_of(&w, fds[0]);
	CHECK(ttrpc_client_start(c, "s", "m", nothing, 5 * MS, on_reply, &got) > 0);
	wait_for(&w, &got.n, 1);
	CHECK(got.error == 0 && got.code == 4);
	/* A late answer is for nobody. */
	peer_frame(&w, server, 1, TTRPC_RESPONSE, 0, "\x0a\x00", 2);
	peer_run(&w, 4);
	CHECK_INT(got.n, 1);
	CHECK(ttrpc_client_is_open(c));
	ttrpc_client_free(c);
	peer_world_done(&w);
}

TEST(a_forgotten_call_stays_silent)
{
	struct got got = {0};
	struct peer_world w;
	struct ttrpc_client *c;
	int64_t stream;

	peer_world_init(&w);
	c = client_of(&w, peer_connect(&w));
	stream = ttrpc_client_start(c, "grpc.Health", "Check", nothing, 0, on_reply, &got);
	CHECK(stream > 0);
	ttrpc_client_forget(c, (uint32_t)stream);
	peer_run(&w, 10);
	CHECK_INT(got.n, 0);
	CHECK_INT(w.n_run, 1);
	ttrpc_client_free(c);
	peer_world_done(&w);
}

TEST(a_lost_connection_fails_every_call)
{
	struct got got[3] = {0};
	struct peer_world w;
	struct ttrpc_client *c;
	int fds[2];

	peer_world_init(&w);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	c = client_of(&w, fds[0]);
	for (size_t i = 0; i < ARRAY_LEN(got); i++)
		CHECK(ttrpc_client_start(c, "s", "m", nothing, 0, on_reply, &got[i]) > 0);
	(void)fd_close(fds[1]);
	for (size_t i = 0; i < ARRAY_LEN(got); i++) {
		wait_for(&w, &got[i].n, 1);
		CHECK(got[i].error < 0);
	}
	CHECK(!ttrpc_client_is_open(c));
	CHECK_INT(ttrpc_client_start(c, "s", "m", nothing, 0, on_reply, &got[0]), -EPIPE);
	ttrpc_client_free(c);
	peer_world_done(&w);
}

TEST(a_request_over_4_mib_is_refused_here)
{
	uint8_t *big = calloc(1, TTRPC_PAYLOAD_MAX);
	struct got got = {0};
	struct peer_world w;
	struct ttrpc_client *c;

	assert_non_null(big);
	peer_world_init(&w);
	c = client_of(&w, peer_connect(&w));
	CHECK_INT(ttrpc_client_start(c, "s", "m", (struct slice){(char *)big, TTRPC_PAYLOAD_MAX}, 0,
				     on_reply, &got),
		  -EMSGSIZE);
	CHECK_INT(ttrpc_client_in_flight(c), 0);
	ttrpc_client_free(c);
	peer_world_done(&w);
	free(big);
}

/* Starts calls 1 and 3, sends @bytes as the server, and expects call 1 to fail with @error and call 3
 * to be answered after it. */
static void bad_answer(uint32_t type, const void *p, size_t n, int error)
{
	struct got got[2] = {0};
	struct peer_world w;
	struct ttrpc_client *c;
	cleanup_close int server = -EBADF;
	int fds[2];

	peer_world_init(&w);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	server = fds[1];
	c = client_of(&w, fds[0]);
	for (size_t i = 0; i < 2; i++)
		CHECK(ttrpc_client_start(c, "s", "m", nothing, 0, on_reply, &got[i]) > 0);
	peer_frame(&w, server, 99, TTRPC_RESPONSE, 0, "\x0a\x00", 2); /* nobody's */
	peer_frame(&w, server, 1, (uint8_t)type, 0, p, n);
	peer_frame(&w, server, 3, TTRPC_RESPONSE, 0, "\x0a\x00", 2);
	wait_for(&w, &got[1].n, 1);
	CHECK_INT(got[0].n, 1);
	CHECK_INT(got[0].error, error);
	CHECK_INT(got[1].error, 0);
	ttrpc_client_free(c);
	peer_world_done(&w);
}

TEST(a_response_that_does_not_parse_fails_its_call_only)
{
	bad_answer(TTRPC_RESPONSE, "\x0a\x05", 2, -EBADMSG);
}

TEST(a_data_frame_fails_its_call_only)
{
	bad_answer(TTRPC_DATA, "abc", 3, -EPROTO);
}

TEST(a_response_over_4_mib_fails_its_call_only)
{
	uint8_t *big = calloc(1, TTRPC_PAYLOAD_MAX + 1);

	assert_non_null(big);
	bad_answer(TTRPC_RESPONSE, big, TTRPC_PAYLOAD_MAX + 1, -EMSGSIZE);
	free(big);
}
