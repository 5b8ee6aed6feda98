/* SPDX-License-Identifier: Apache-2.0 */
/* OCI memory limits as cgroup values. */
#include "tests/test.h"

#include "base/err.h"
#include "container/memory.h"
#include "container/spec.h"

#define GIB (INT64_C(1) << 30)

/* The value, or one of these. */
#define NOTHING INT64_C(-100)
#define REFUSED INT64_C(-200)

static int64_t swap_of(int64_t limit, int64_t swap)
{
	struct err e = {0};
	int64_t v = NOTHING;
	int r = ctr_memory_swap_max(limit, swap, &v, &e);

	if (r < 0) {
		CHECK(v == NOTHING && e.kind == ERR_INVALID);
		return REFUSED;
	}
	CHECK((r == 1) == (v != NOTHING));
	return v;
}

TEST(swap_is_the_sum_without_the_memory)
{
	CHECK_INT(swap_of(GIB, 3 * GIB), 2 * GIB);
	CHECK_INT(swap_of(GIB, GIB), 0);
	CHECK_INT(swap_of(1, INT64_MAX), INT64_MAX - 1);
}

TEST(an_absent_sum_writes_nothing)
{
	CHECK_INT(swap_of(GIB, CTR_UNSET), NOTHING);
	CHECK_INT(swap_of(GIB, 0), NOTHING);
	CHECK_INT(swap_of(CTR_UNSET, CTR_UNSET), NOTHING);
	CHECK_INT(swap_of(0, 0), NOTHING);
}

TEST(unlimited_memory_makes_swap_unlimited_unless_a_sum_is_given)
{
	CHECK_INT(swap_of(-1, 0), -1);
	CHECK_INT(swap_of(-1, CTR_UNSET), -1);
	CHECK_INT(swap_of(-1, GIB), GIB);
	CHECK_INT(swap_of(GIB, -1), -1);
	CHECK_INT(swap_of(CTR_UNSET, -1), -1);
}

TEST(impossible_pairs_are_refused)
{
	CHECK_INT(swap_of(2 * GIB, GIB), REFUSED);
	CHECK_INT(swap_of(CTR_UNSET, GIB), REFUSED);
	CHECK_INT(swap_of(0, GIB), REFUSED);
	CHECK_INT(swap_of(-2, GIB), REFUSED);
	CHECK_INT(swap_of(GIB, -2), REFUSED);
}

TEST(a_written_swap_never_exceeds_the_sum)
{
	static const int64_t v[] = {CTR_UNSET, -2, -1, 0, 1, 4096, GIB, GIB + 1, INT64_MAX};

	for (size_t l = 0; l < ARRAY_LEN(v); l++) {
		for (size_t s = 0; s < ARRAY_LEN(v); s++) {
			int64_t got = swap_of(v[l], v[s]);

			CHECK(got == NOTHING || got == REFUSED || got == -1 ||
			      (got >= 0 && got <= v[s]));
		}
	}
}

TEST(memsw_is_written_first_when_the_old_limit_is_below_it)
{
	CHECK(ctr_memory_swap_first(GIB, 100));
	CHECK(ctr_memory_swap_first(-1, UINT64_MAX));
	CHECK(!ctr_memory_swap_first(GIB, 2 * GIB));
	CHECK(!ctr_memory_swap_first(CTR_UNSET, 0));
}

TEST(swappiness_outside_0_to_100_is_refused)
{
	struct ctr_memory m = {CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET,
			       CTR_UNSET, 100,       false,     false};
	struct err e = {0};

	CHECK(ctr_memory_check(&m, &e) == 0);
	m.swappiness = 101;
	CHECK(ctr_memory_check(&m, &e) == -EINVAL);
	CHECK_STR(e.msg, "valid memory swappiness range is 0-100");
	m.swappiness = CTR_UNSET;
	m.limit = -2;
	CHECK(ctr_memory_check(&m, &e) == -EINVAL);
}
