/* SPDX-License-Identifier: Apache-2.0 */
/* The life of calls: deadlines, cancelling, delivery, limits, many connections, shutting down. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "base/err.h"
#include "tests/ttrpc_peer.h"
#include "ttrpc/addr.h"

#define MS UINT64_C(1000000)

static const struct slice nothing = {"", 0};

static uint64_t in_flight(const struct peer_world *w)
{
	struct ttrpc_server_stats s;

	ttrpc_server_get_stats(w->server, &s);
	return s.calls_in_flight;
}

static uint64_t connections(const struct peer_world *w)
{
	struct ttrpc_server_stats s;

	ttrpc_server_get_stats(w->server, &s);
	return s.connections;
}

/* Runs the loop until @n equals @want. */
#define RUN_UNTIL(w, n, want)                                                                      \
	do {                                                                                       \
		uint64_t until_ = loop_now_ns() + PEER_DEADLINE_NS;                                \
		while ((n) != (want) && loop_now_ns() < until_)                                    \
			assert_int_equal(loop_once((w)->loop, 1), 0);                              \
		assert_int_equal(n, want);                                                         \
	} while (0)

static size_t count_fds(void)
{
	cleanup_closedir DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	return n;
}

TEST(a_deadline_is_answered_once_with_4_and_tells_the_handler)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 20 * (int64_t)MS);
	peer_expect(&w, fd, 1, 4, "timeout");
	CHECK_INT(w.n_cancelled, 1);
	CHECK_INT(w.n_disconnected, 0);
	CHECK(ttrpc_call_is_cancelled(w.parked[0]));
	/* The handler's late result goes nowhere. */
	peer_answer_parked(&w);
	CHECK_INT(w.n_undelivered, 1);
	CHECK_INT(in_flight(&w), 0);
	CHECK(peer_is_silent(&w, fd));
	peer_world_done(&w);
}

TEST(a_cancel_hook_may_complete_the_call)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	w.complete_in_hook = true;
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 5 * (int64_t)MS);
	peer_expect(&w, fd, 1, 4, "timeout");
	CHECK_INT(in_flight(&w), 0);
	CHECK_INT(w.n_undelivered, 1);
	peer_world_done(&w);
}

TEST(after_a_deadline_the_stream_number_is_free)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 5 * (int64_t)MS);
	peer_expect(&w, fd, 1, 4, "timeout");
	peer_call(&w, fd, 1, "Check", nothing, 0);
	peer_expect(&w, fd, 1, 0, "");
	peer_world_done(&w);
}

TEST(a_negative_timeout_is_answered_with_4_and_not_run)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Check", nothing, -1);
	peer_expect(&w, fd, 1, 4, "timeout");
	CHECK_INT(w.n_run, 0);
	peer_world_done(&w);
}

TEST(the_largest_timeout_is_no_deadline_in_practice)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, INT64_MAX);
	CHECK(peer_is_silent(&w, fd));
	CHECK_INT(w.n_parked, 1);
	peer_answer_parked(&w);
	peer_expect(&w, fd, 1, 0, "");
	peer_world_done(&w);
}

TEST(a_lost_connection_cancels_its_calls_and_no_others)
{
	struct peer_world w;
	cleanup_close int other = -EBADF;
	int fd;

	peer_world_init(&w);
	fd = peer_connect(&w);
	other = peer_connect(&w);
	peer_call(&w, other, 1, "Park", nothing, 0);
	for (uint32_t i = 0; i < 100; i++)
		peer_call(&w, fd, 2 * i + 1, "Park", nothing, 60000 * (int64_t)MS);
	RUN_UNTIL(&w, w.n_parked, 101);
	(void)fd_close(fd);
	RUN_UNTIL(&w, w.n_disconnected, 100);
	CHECK_INT(connections(&w), 1);
	peer_answer_parked(&w);
	CHECK_INT(in_flight(&w), 0);
	peer_expect(&w, other, 1, 0, "");
	CHECK_INT(w.n_delivered, 1);
	CHECK_INT(w.n_undelivered, 100);
	peer_world_done(&w);
}

TEST(a_half_close_ends_the_connection)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 0);
	CHECK_INT(shutdown(fd, SHUT_WR), 0);
	RUN_UNTIL(&w, w.n_disconnected, 1);
	CHECK(peer_is_closed(&w, fd));
	peer_world_done(&w);
}

TEST(calls_may_outlive_the_server)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 1000 * (int64_t)MS);
	RUN_UNTIL(&w, w.n_parked, 1);
	peer_world_done(&w); /* frees the server, then answers what is parked */
	CHECK_INT(w.n_disconnected, 1);
	CHECK_INT(w.n_undelivered, 1);
}

TEST(truncated_frames_leave_no_descriptor_behind)
{
	static const size_t cuts[] = {0, 1, 9, 10, 11, 100};
	uint8_t frame[TTRPC_HEADER_SIZE + 200] = {0};
	const struct ttrpc_header h = {200, 1, TTRPC_REQUEST, 0};
	struct peer_world w;
	size_t before;

	peer_world_init(&w);
	before = count_fds();
	ttrpc_header_encode(&h, frame);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		int fd = peer_connect(&w);

		peer_write(&w, fd, frame, cuts[i]);
		(void)fd_close(fd);
		RUN_UNTIL(&w, connections(&w), 0);
	}
	CHECK_INT(count_fds(), before);
	CHECK_INT(w.n_run, 0);
	peer_world_done(&w);
}

TEST(delivered_is_told_when_the_reply_is_written_not_before)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 0);
	RUN_UNTIL(&w, w.n_parked, 1);
	peer_answer_parked(&w);
	CHECK_INT(w.n_delivered, 0);
	peer_run(&w, 2);
	CHECK_INT(w.n_delivered, 1);
	peer_world_done(&w);
}

TEST(a_reply_that_the_peer_never_read_is_told_as_undelivered)
{
	struct peer_world w;
	int fd;

	peer_world_init(&w);
	fd = peer_connect(&w);
	/* More than a socket buffer holds, so that some of it stays with us. */
	peer_call(&w, fd, 1, "Fill", slice_of("4000000"), 0);
	peer_run(&w, 4);
	CHECK_INT(w.n_delivered, 0);
	(void)fd_close(fd);
	RUN_UNTIL(&w, w.n_undelivered, 1);
	peer_world_done(&w);
}

TEST(a_borrowed_tail_follows_the_head_and_is_free_once_delivered)
{
	const size_t n = 1000000; /* more than a socket buffer holds: it goes out in pieces */
	cleanup_free uint8_t *tail = malloc(n), *got = malloc(n + 64);
	cleanup_close int fd = -EBADF;
	struct peer_world w;
	char *head;

	CHECK(tail != NULL && got != NULL);
	for (size_t i = 0; i < n; i++)
		tail[i] = (uint8_t)(i * 7 >> 3);
	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Park", nothing, 0);
	RUN_UNTIL(&w, w.n_parked, 1);
	head = ttrpc_call_reply_begin_tail(w.parked[--w.n_parked], 4, tail, n);
	CHECK(head != NULL);
	memcpy(head, "head", 4);
	ttrpc_call_reply_end(w.parked[w.n_parked]);
	peer_run(&w, 4);
	CHECK_INT(w.n_delivered, 0);
	/* Frame header, empty status, tag and length of three bytes. */
	CHECK_INT(peer_read(&w, fd, got, 16 + 4 + n), 16 + 4 + n);
	CHECK(memcmp(got + 16, "head", 4) == 0);
	CHECK(memcmp(got + 20, tail, n) == 0);
	CHECK_INT(w.n_delivered, 1);
	CHECK(peer_is_silent(&w, fd));
	peer_world_done(&w);
}

TEST(a_peer_that_does_not_read_holds_up_nobody_else)
{
	struct ttrpc_server_stats s;
	struct peer_world w;
	cleanup_close int slow = -EBADF, fd = -EBADF;

	peer_world_init(&w);
	slow = peer_connect(&w);
	fd = peer_connect(&w);
	for (uint32_t i = 0; i < 100; i++) {
		const struct ttrpc_request q = {.service = slice_of("grpc.Health"),
						.method = slice_of("Fill"),
						.payload = slice_of("1000000")};
		uint8_t bytes[TTRPC_HEADER_SIZE + 64];
		const struct ttrpc_header h = {(uint32_t)ttrpc_request_size(&q), 2 * i + 1,
					       TTRPC_REQUEST, 0};

		ttrpc_header_encode(&h, bytes);
		ttrpc_request_encode(&q, bytes + TTRPC_HEADER_SIZE);
		CHECK_INT(write(slow, bytes, TTRPC_HEADER_SIZE + h.length),
			  TTRPC_HEADER_SIZE + h.length);
	}
	peer_run(&w, 300);
	ttrpc_server_get_stats(w.server, &s);
	/* It is not read from while so much is queued for it. */
	CHECK(s.bytes_queued >= TTRPC_OUT_HIGH && s.bytes_queued < TTRPC_OUT_HIGH + 2000000);
	for (uint32_t i = 0; i < 50; i++) {
		peer_call(&w, fd, 2 * i + 1, "Check", nothing, 0);
		peer_expect(&w, fd, 2 * i + 1, 0, "");
	}
	/* And goes on as soon as it reads. */
	for (uint32_t i = 0; i < 100; i++)
		peer_expect(&w, slow, 2 * i + 1, 0, "");
	peer_world_done(&w);
}

TEST(parked_replies_beyond_the_queue_limit_become_error_8)
{
	static uint8_t big[1 << 20];
	struct ttrpc_server_stats s;
	unsigned refused = 0;
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	for (uint32_t i = 0; i < 100; i++)
		peer_call(&w, fd, 2 * i + 1, "Park", nothing, 0);
	RUN_UNTIL(&w, w.n_parked, 100);
	while (w.n_parked > 0)
		ttrpc_call_reply(w.parked[--w.n_parked], big, sizeof(big));
	ttrpc_server_get_stats(w.server, &s);
	CHECK(s.bytes_queued < (size_t)66 << 20);
	for (unsigned i = 0; i < 100; i++) {
		cleanup_reply struct peer_reply r = peer_get(&w, fd);

		CHECK(r.r.code == 0 || r.r.code == 8);
		refused += r.r.code == 8;
	}
	CHECK(refused > 30 && refused < 50);
	peer_world_done(&w);
}

TEST(the_call_after_the_limit_of_calls_is_answered_with_8)
{
	struct peer_world w;
	cleanup_close int fd = -EBADF, other = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	for (uint32_t i = 0; i < 4096; i++)
		peer_call(&w, fd, 2 * i + 1, "Park", nothing, 0);
	RUN_UNTIL(&w, w.n_parked, 4096);
	peer_call(&w, fd, 9001, "Check", nothing, 0);
	peer_expect(&w, fd, 9001, 8, "limit of 4096 calls in flight on a connection");
	other = peer_connect(&w);
	peer_call(&w, other, 1, "Check", nothing, 0);
	peer_expect(&w, other, 1, 0, "");
	peer_world_done(&w);
}

TEST(held_request_bytes_are_limited_and_a_small_check_still_passes)
{
	static uint8_t big[1 << 20];
	const struct slice payload = {(const char *)big, sizeof(big)};
	struct peer_world w;
	int fds[6];
	unsigned refused = 0;

	peer_world_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = peer_connect(&w);
		for (uint32_t k = 0; k < 20; k++)
			peer_call(&w, fds[i], 2 * k + 1, "Park", payload, 0);
	}
	peer_run(&w, 20);
	/* 16 MiB for one connection, 64 MiB for all. */
	CHECK(w.n_parked > 55 && w.n_parked < 64);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		/* Below its own limit a connection may always check. */
		if (i >= 4) {
			peer_call(&w, fds[i], 1001, "Check", nothing, 0);
		}
	}
	peer_answer_parked(&w);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		for (unsigned k = 0; k < (i >= 4 ? 21 : 20); k++) {
			cleanup_reply struct peer_reply r = peer_get(&w, fds[i]);

			CHECK(r.r.code == 0 || r.r.code == 8);
			refused += r.r.code == 8;
			if (r.h.stream == 1001)
				CHECK_INT(r.r.code, 0);
			if (r.r.code == 8)
				CHECK(memmem(r.r.message.p, r.r.message.n, "request bytes", 13) !=
				      NULL);
		}
		(void)fd_close(fds[i]);
	}
	CHECK(refused > 50);
	peer_world_done(&w);
}

TEST(an_announced_payload_costs_nothing_until_it_comes)
{
	const struct ttrpc_header h = {TTRPC_PAYLOAD_MAX, 1, TTRPC_REQUEST, 0};
	uint8_t head[TTRPC_HEADER_SIZE];
	struct rusage before, after;
	struct peer_world w;
	int fds[300];

	peer_world_init(&w);
	CHECK_INT(getrusage(RUSAGE_SELF, &before), 0);
	ttrpc_header_encode(&h, head);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = peer_connect(&w);
		peer_write(&w, fds[i], head, sizeof(head));
	}
	peer_run(&w, 10);
	CHECK_INT(getrusage(RUSAGE_SELF, &after), 0);
	/* 300 times 4 MiB would be over a GiB. */
	CHECK(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		(void)fd_close(fds[i]);
	RUN_UNTIL(&w, connections(&w), 0);
	peer_world_done(&w);
}

static int connect_to(const struct ttrpc_addr *a)
{
	struct err e = {0};
	int fd;

	assert_int_equal(ttrpc_addr_connect(a, PEER_DEADLINE_NS, &fd, &e), 0);
	return fd;
}

static struct ttrpc_addr listen_for(struct peer_world *w)
{
	struct ttrpc_addr a;
	struct err e = {0};
	char text[64];
	int fd;

	(void)snprintf(text, sizeof(text), "unix://@pith-test-%d", getpid());
	assert_int_equal(ttrpc_addr_parse(text, &a, &e), 0);
	assert_int_equal(ttrpc_addr_listen(&a, &fd, &e), 0);
	assert_int_equal(ttrpc_server_add_listener_take(w->server, fd), 0);
	return a;
}

TEST(three_hundred_connections_are_served)
{
	struct ttrpc_addr a;
	struct peer_world w;
	int fds[320];

	peer_world_init(&w);
	a = listen_for(&w);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_to(&a);
		peer_run(&w, 1);
	}
	RUN_UNTIL(&w, connections(&w), ARRAY_LEN(fds));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		peer_call(&w, fds[i], 1, "Check", nothing, 0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		peer_expect(&w, fds[i], 1, 0, "");
		(void)fd_close(fds[i]);
	}
	RUN_UNTIL(&w, connections(&w), 0);
	peer_world_done(&w);
}

TEST(without_descriptors_accepting_pauses_and_goes_on_later)
{
	struct rlimit was, tight;
	struct ttrpc_addr a;
	struct peer_world w;
	cleanup_close int old = -EBADF, fd = -EBADF;

	peer_world_init(&w);
	a = listen_for(&w);
	old = connect_to(&a);
	RUN_UNTIL(&w, connections(&w), 1);
	fd = connect_to(&a);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &was), 0);
	tight = was;
	tight.rlim_cur = (rlim_t)fd + 1;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &tight), 0);
	peer_run(&w, 10);
	CHECK_INT(connections(&w), 1);
	/* Meanwhile those who are connected are served. */
	peer_call(&w, old, 1, "Check", nothing, 0);
	peer_expect(&w, old, 1, 0, "");
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &was), 0);
	RUN_UNTIL(&w, connections(&w), 2);
	peer_call(&w, fd, 1, "Check", nothing, 0);
	peer_expect(&w, fd, 1, 0, "");
	peer_world_done(&w);
}

TEST(sockets_are_not_inherited)
{
	struct peer_world w;
	struct ttrpc_addr a;
	cleanup_close int fd = -EBADF;
	cleanup_closedir DIR *d = NULL;
	const struct dirent *entry;

	peer_world_init(&w);
	a = listen_for(&w);
	fd = connect_to(&a);
	CHECK(fd >= 0);
	RUN_UNTIL(&w, connections(&w), 1);
	d = opendir("/proc/self/fd");
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		int n = (int)strtol(entry->d_name, NULL, 10);
		struct sockaddr_un sa;
		socklen_t size = sizeof(sa);

		if (n > 2 && getsockname(n, (struct sockaddr *)&sa, &size) == 0)
			CHECK((fcntl(n, F_GETFD) & FD_CLOEXEC) != 0);
	}
	peer_world_done(&w);
}

static void count_call(void *data)
{
	++*(unsigned *)data;
}

TEST(flushed_comes_after_the_last_byte_is_written)
{
	unsigned flushed = 0;
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Fill", slice_of("4000000"), 0);
	peer_run(&w, 4);
	CHECK_INT(ttrpc_server_on_flushed(w.server, 20000 * MS, count_call, &flushed), 0);
	peer_run(&w, 4);
	CHECK_INT(flushed, 0);
	peer_expect(&w, fd, 1, 0, "");
	RUN_UNTIL(&w, flushed, 1);
	CHECK_INT(w.n_delivered, 1);
	peer_world_done(&w);
}

TEST(flushed_comes_at_its_deadline_when_nobody_reads)
{
	unsigned flushed = 0;
	struct peer_world w;
	cleanup_close int fd = -EBADF;

	peer_world_init(&w);
	fd = peer_connect(&w);
	peer_call(&w, fd, 1, "Fill", slice_of("4000000"), 0);
	peer_run(&w, 4);
	CHECK_INT(ttrpc_server_on_flushed(w.server, 10 * MS, count_call, &flushed), 0);
	RUN_UNTIL(&w, flushed, 1);
	CHECK_INT(w.n_delivered, 0);
	peer_world_done(&w);
}

TEST(flushed_with_nothing_to_write_comes_at_once_but_not_inside_the_call)
{
	unsigned flushed = 0;
	struct peer_world w;

	peer_world_init(&w);
	CHECK_INT(ttrpc_server_on_flushed(w.server, 20000 * MS, count_call, &flushed), 0);
	CHECK_INT(flushed, 0);
	peer_run(&w, 1);
	CHECK_INT(flushed, 1);
	peer_world_done(&w);
}
