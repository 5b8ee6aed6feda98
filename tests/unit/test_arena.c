/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "tests/test.h"
#include "tests/torture.h"

TEST(memory_is_zeroed_and_aligned)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);

	for (size_t n = 0; n < 200; n++) {
		char *p = arena_alloc(&a, n);

		CHECK(p != NULL && (uintptr_t)p % 16 == 0);
		for (size_t i = 0; i < n; i++)
			CHECK(p[i] == 0);
		memset(p, 0xff, n);
	}
}

TEST(the_cap_counts_every_byte_asked_of_malloc)
{
	cleanup_arena struct arena a = ARENA_INIT(10000);

	CHECK(arena_alloc(&a, 20000) == NULL);
	while (arena_alloc(&a, 100) != NULL)
		CHECK(a.used <= 10000);
	CHECK(a.used > 9000 && a.used <= 10000);
}

TEST(a_refused_allocation_leaves_the_arena_usable)
{
	cleanup_arena struct arena a = ARENA_INIT(8192);

	CHECK(arena_alloc(&a, 100000) == NULL);
	CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
	CHECK(arena_alloc(&a, 100) != NULL);
}

TEST(array_sizes_that_overflow_are_refused)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);

	CHECK(arena_array(&a, SIZE_MAX / 2, 3) == NULL);
	CHECK(arena_array(&a, 3, 4) != NULL);
}

TEST(a_large_object_keeps_the_room_of_the_block_before)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);
	char *small = arena_alloc(&a, 16);

	CHECK(small != NULL && arena_alloc(&a, 100000) != NULL);
	CHECK((char *)arena_alloc(&a, 16) == small + 16);
}

TEST(copies_are_terminated)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);

	CHECK_STR(arena_dup(&a, "abc"), "abc");
	CHECK_STR(arena_dup_n(&a, "abc", 2), "ab");
	CHECK_STR(arena_printf(&a, "%s-%d", "x", 5), "x-5");
	CHECK(arena_dup_n(&a, "", SIZE_MAX) == NULL);
}

TEST(done_twice_is_harmless_and_the_arena_is_new_again)
{
	struct arena a = ARENA_INIT(4096);

	CHECK(arena_alloc(&a, 1000) != NULL);
	arena_done(&a);
	arena_done(&a);
	CHECK(a.used == 0);
	CHECK(arena_alloc(&a, 1000) != NULL);
	arena_done(&a);
}

static int fill(unused_arg void *data)
{
	cleanup_arena struct arena a = ARENA_INIT(1 << 20);

	for (int i = 0; i < 100; i++) {
		if (arena_alloc(&a, 500) == NULL)
			return -ENOMEM;
	}
	return 0;
}

TEST(every_failed_allocation_gives_null)
{
	CHECK(torture_each(fill, NULL) > 5);
}
