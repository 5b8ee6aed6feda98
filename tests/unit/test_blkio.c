/* SPDX-License-Identifier: Apache-2.0 */
/* OCI blockIO and pids numbers as cgroup values. */
#include "tests/test.h"

#include "base/err.h"
#include "container/blkio.h"
#include "container/pids.h"
#include "container/spec.h"

TEST(the_io_weight_spans_1_to_10000_and_grows)
{
	uint64_t last = 0;

	CHECK_INT(ctr_blkio_weight_v2(0), 0);
	CHECK_INT(ctr_blkio_weight_v2(10), 1);
	CHECK_INT(ctr_blkio_weight_v2(1000), 10000);
	for (uint64_t w = 10; w <= 1000; w++) {
		CHECK(ctr_blkio_weight_v2(w) > last);
		last = ctr_blkio_weight_v2(w);
	}
}

TEST(weights_outside_10_to_1000_are_refused_and_zero_is_absent)
{
	struct ctr_blkio b = {.weight = 0, .leaf_weight = CTR_UNSET};
	struct err e = {0};

	CHECK(ctr_blkio_check(&b, &e) == 0);
	b.weight = 9;
	CHECK(ctr_blkio_check(&b, &e) == -EINVAL && e.kind == ERR_INVALID);
	b.weight = 1001;
	CHECK(ctr_blkio_check(&b, &e) == -EINVAL);
}

TEST(a_device_with_a_negative_number_is_refused)
{
	struct ctr_throttle_device d = {.major = 8, .minor = -1, .rate = 5};
	struct ctr_blkio b = {.weight = CTR_UNSET, .leaf_weight = CTR_UNSET};
	struct err e = {0};

	b.throttle[CTR_THROTTLE_WRITE_IOPS] = &d;
	b.n_throttle[CTR_THROTTLE_WRITE_IOPS] = 1;
	CHECK(ctr_blkio_check(&b, &e) == -EINVAL);
}

static const char *pids_of(int64_t limit)
{
	static char buf[24];

	return ctr_pids_max(limit, buf, sizeof(buf)) == 1 ? buf : "";
}

TEST(pids_zero_is_one_because_zero_would_refuse_the_first_process)
{
	CHECK_STR(pids_of(0), "1");
	CHECK_STR(pids_of(1), "1");
	CHECK_STR(pids_of(500), "500");
	CHECK_STR(pids_of(-1), "max");
	CHECK_STR(pids_of(CTR_UNSET), "");
}
