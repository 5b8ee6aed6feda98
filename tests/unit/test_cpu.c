/* SPDX-License-Identifier: Apache-2.0 */
/* OCI cpu numbers as cgroup values. */
#include "tests/test.h"

#include "base/err.h"
#include "base/str.h"
#include "container/cpu.h"
#include "container/spec.h"

TEST(the_weight_equals_the_formula_in_double_precision)
{
	/* Computed with another language's math library. */
	static const uint32_t v[][2] = {
		{2, 1},         {3, 2},         {4, 2},         {5, 2},          {8, 3},
		{10, 4},        {16, 5},        {32, 8},        {64, 12},        {100, 17},
		{128, 21},      {200, 29},      {256, 35},      {500, 58},       {512, 59},
		{1000, 99},     {1023, 100},    {1024, 100},    {1025, 101},     {2048, 174},
		{4096, 303},    {8192, 532},    {9832, 618},    {10000, 627},    {12660, 761},
		{15207, 886},   {15498, 900},   {16384, 942},   {18315, 1033},   {18991, 1065},
		{22533, 1228},  {23782, 1285},  {24678, 1325},  {32456, 1668},   {39547, 1970},
		{50000, 2402},  {56284, 2656},  {63091, 2927},  {65536, 3023},   {84893, 3771},
		{95866, 4185},  {103503, 4470}, {109624, 4696}, {111288, 4757},  {113680, 4845},
		{131072, 5478}, {133024, 5548}, {140481, 5816}, {144456, 5958},  {148233, 6092},
		{152777, 6253}, {170641, 6882}, {200000, 7899}, {215295, 8422},  {216757, 8472},
		{238476, 9207}, {248371, 9540}, {248480, 9544}, {262143, 10000}, {262144, 10000}};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		CHECK_INT(ctr_cpu_weight(v[i][0]), v[i][1]);
}

TEST(the_weight_grows_with_the_shares_and_stays_in_range)
{
	uint64_t last = 1;

	for (uint64_t s = 1; s <= 262200; s++) {
		uint64_t w = ctr_cpu_weight(s);

		CHECK(w >= last && w <= 10000);
		last = w;
	}
	CHECK_INT(last, 10000);
	CHECK_INT(ctr_cpu_weight(0), 0);
	CHECK_INT(ctr_cpu_weight(UINT64_MAX), 10000);
}

static const char *max_of(int64_t quota, int64_t period, const char *now)
{
	static char buf[64];

	return ctr_cpu_max(quota, period, now, buf, sizeof(buf)) == 1 ? buf : "";
}

TEST(cpu_max_takes_the_missing_half_from_the_present_value)
{
	CHECK_STR(max_of(50000, 200000, "max 100000"), "50000 200000");
	CHECK_STR(max_of(50000, CTR_UNSET, "max 250000"), "50000 250000");
	CHECK_STR(max_of(CTR_UNSET, 200000, "70000 100000"), "70000 200000");
	CHECK_STR(max_of(CTR_UNSET, 200000, "max 100000"), "max 200000");
	CHECK_STR(max_of(CTR_UNSET, CTR_UNSET, "70000 100000"), "");
}

TEST(a_quota_of_zero_or_below_is_no_limit)
{
	CHECK_STR(max_of(-1, CTR_UNSET, "70000 100000"), "max 100000");
	CHECK_STR(max_of(0, 50000, ""), "max 50000");
}

TEST(without_a_present_value_the_period_is_the_kernels_default)
{
	CHECK_STR(max_of(50000, CTR_UNSET, ""), "50000 100000");
	CHECK_STR(max_of(50000, 0, "garbage"), "50000 100000");
}

TEST(negative_shares_period_burst_and_odd_idle_are_refused)
{
	struct ctr_cpu c = {CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET,
			    CTR_UNSET, CTR_UNSET, NULL,      NULL};
	struct err e = {0};

	CHECK(ctr_cpu_check(&c, &e) == 0);
	c.shares = -1;
	CHECK(ctr_cpu_check(&c, &e) == -EINVAL && e.kind == ERR_INVALID);
	c.shares = CTR_UNSET;
	c.idle = 2;
	CHECK(ctr_cpu_check(&c, &e) == -EINVAL);
	c.idle = 1;
	c.burst = -5;
	CHECK(ctr_cpu_check(&c, &e) == -EINVAL);
	c.burst = CTR_UNSET;
	c.period = -5;
	CHECK(ctr_cpu_check(&c, &e) == -EINVAL);
}
