/* SPDX-License-Identifier: Apache-2.0 */
/* The output ring: order over the wrap, its bound, and memory given back. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ring.h"
#include "tests/test.h"

static void put(struct ring *r, int pipe_fds[2], const char *p, size_t n)
{
	CHECK(write(pipe_fds[1], p, n) == (ssize_t)n);
	CHECK(ring_fill(r, pipe_fds[0], SIZE_MAX) == (ssize_t)n);
}

TEST(ring_costs_nothing_before_the_first_byte)
{
	struct ring r = RING_INIT;
	const void *p;

	CHECK(r.fd == -EBADF && ring_used(&r) == 0 && ring_room(&r) == RING_SIZE);
	CHECK(ring_peek(&r, &p) == 0);
	ring_done(&r);
}

TEST(bytes_come_out_in_order_over_many_wraps)
{
	struct ring r = RING_INIT;
	unsigned char in = 0, out = 0;
	static char block[40000];
	int fds[2];

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	for (int round = 0; round < 100; round++) {
		const void *p;
		size_t n;

		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (char)in++;
		put(&r, fds, block, sizeof(block));
		/* One byte stays, so that the ring never starts over at its front. */
		while (ring_used(&r) > 1 && (n = ring_peek(&r, &p)) > 0) {
			n = n < ring_used(&r) ? n : n - 1;
			for (size_t i = 0; i < n; i++)
				CHECK(((const unsigned char *)p)[i] == out++);
			ring_drop(&r, n);
		}
	}
	ring_done(&r);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

TEST(full_ring_says_so_and_loses_nothing)
{
	struct ring r = RING_INIT;
	static char block[32768];
	int fds[2];

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	for (size_t n = 0; n < RING_SIZE; n += sizeof(block))
		put(&r, fds, block, sizeof(block));
	CHECK(ring_room(&r) == 0);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK(ring_fill(&r, fds[0], SIZE_MAX) == -ENOBUFS);
	ring_drop(&r, 1);
	CHECK(ring_fill(&r, fds[0], SIZE_MAX) == 1);
	CHECK(ring_used(&r) == RING_SIZE);
	ring_done(&r);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

TEST(end_of_file_is_zero)
{
	struct ring r = RING_INIT;
	int fds[2];

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	(void)close(fds[1]);
	CHECK(ring_fill(&r, fds[0], SIZE_MAX) == 0);
	ring_done(&r);
	(void)close(fds[0]);
}

TEST(trimmed_ring_gives_its_memory_back_once_it_is_empty)
{
	struct ring r = RING_INIT;
	static char block[32768];
	struct stat st;
	int fds[2];

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	for (size_t n = 0; n < RING_SIZE; n += sizeof(block))
		put(&r, fds, block, sizeof(block));
	CHECK(fstat(r.fd, &st) == 0 && st.st_blocks * 512 >= (long)RING_SIZE);
	ring_drop(&r, RING_SIZE - 1);
	ring_trim(&r);
	CHECK(!ring_can_trim(&r) && ring_used(&r) == 1);
	CHECK(fstat(r.fd, &st) == 0 && st.st_blocks * 512 >= (long)RING_SIZE);
	ring_drop(&r, 1);
	CHECK(ring_can_trim(&r));
	ring_trim(&r);
	CHECK(fstat(r.fd, &st) == 0 && st.st_blocks * 512 <= 8192);
	ring_done(&r);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
