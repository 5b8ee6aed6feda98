/* SPDX-License-Identifier: Apache-2.0 */
/* OCI cpu numbers as cgroup values. Pure; no libm, which the guest image does without. */
#include "container/cpu.h"

#include <inttypes.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/str.h"
#include "container/spec.h"

#define SHARES_MIN 2
#define SHARES_MAX 262144
#define WEIGHT_MAX 10000

static long double log2_of(uint64_t v)
{
	int whole = 63 - __builtin_clzll(v);
	long double x = (long double)v / (long double)(UINT64_C(1) << whole);
	long double bit = 1, sum = whole;

	/* x is in [1,2): squaring doubles its logarithm, so each overflow is the next binary digit. */
	for (int i = 0; i < 48; i++) {
		bit /= 2;
		x *= x;
		if (x >= 2) {
			x /= 2;
			sum += bit;
		}
	}
	return sum;
}

static long double exp10_of(long double y)
{
	const long double ln10 = 2.302585092994045684018L;
	int whole = (int)y;
	long double f = (y - whole) * ln10, term = 1, sum = 1;

	for (int i = 1; i < 40; i++) {
		term *= f / i;
		sum += term;
	}
	for (; whole > 0; whole--)
		sum *= 10;
	return sum;
}

uint64_t ctr_cpu_weight(uint64_t shares)
{
	/* Values that are whole in theory must not be rounded up for the last bit. */
	const long double slack = 1e-9L;
	long double l, w;
	uint64_t up;

	if (shares == 0)
		return 0;
	if (shares <= SHARES_MIN)
		return 1;
	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	l = log2_of(shares);
	w = exp10_of((l * l + 125 * l) / 612 - 7.0L / 34) - slack;
	up = (uint64_t)w;
	return up + ((long double)up < w);
}

int ctr_cpu_check(const struct ctr_cpu *c, struct err *e)
{
	if (c->shares != CTR_UNSET && c->shares < 0)
		return err_refuse(e, ERR_INVALID, "linux.resources.cpu.shares is negative");
	if (c->period != CTR_UNSET && c->period < 0)
		return err_refuse(e, ERR_INVALID, "linux.resources.cpu.period is negative");
	if (c->burst != CTR_UNSET && c->burst < 0)
		return err_refuse(e, ERR_INVALID, "linux.resources.cpu.burst is negative");
	if (c->idle != CTR_UNSET && c->idle != 0 && c->idle != 1)
		return err_refuse(e, ERR_INVALID, "linux.resources.cpu.idle is neither 0 nor 1");
	return 0;
}

int ctr_cpu_max(int64_t quota, int64_t period, const char *now, char *buf, size_t size)
{
	bool has_quota = quota != CTR_UNSET, has_period = period != CTR_UNSET && period != 0;
	uint64_t old_quota = 0, old_period = CTR_CPU_PERIOD_DEFAULT;
	struct slice rest = slice_of(now), first = {0};

	if (!has_quota && !has_period)
		return 0;
	/* "max 100000" or "50000 100000" */
	if (slice_cut(&rest, ' ', &first)) {
		(void)!parse_slice_u64(first, &old_quota);
		(void)!parse_slice_u64(rest, &old_period);
	}
	if (!has_period)
		period = (int64_t)old_period;
	if (!has_quota)
		quota = (int64_t)old_quota;
	if (quota <= 0)
		(void)snprintf(buf, size, "max %" PRId64, period);
	else
		(void)snprintf(buf, size, "%" PRId64 " %" PRId64, quota, period);
	return 1;
}
