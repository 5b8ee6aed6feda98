/* SPDX-License-Identifier: Apache-2.0 */
/* OCI blockIO numbers as cgroup values. Pure. */
#include "container/blkio.h"

#include <inttypes.h>

#include "base/err.h"
#include "container/spec.h"

#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

static int check_weight(const char *field, int64_t w, struct err *e)
{
	if (w == CTR_UNSET || w == 0 || (w >= WEIGHT_MIN && w <= WEIGHT_MAX))
		return 0;
	return err_refuse(e, ERR_INVALID,
			  "linux.resources.blockIO.%s %" PRId64 " is not in 10..1000", field, w);
}

static int check_number(const char *field, int64_t major, int64_t minor, struct err *e)
{
	if (major < 0 || major > UINT32_MAX || minor < 0 || minor > UINT32_MAX)
		return err_refuse(e, ERR_INVALID,
				  "linux.resources.blockIO.%s: no device %" PRId64 ":%" PRId64,
				  field, major, minor);
	return 0;
}

int ctr_blkio_check(const struct ctr_blkio *b, struct err *e)
{
	int r = check_weight("weight", b->weight, e);

	if (r == 0)
		r = check_weight("leafWeight", b->leaf_weight, e);
	for (size_t i = 0; r == 0 && i < b->n_weight_devices; i++) {
		const struct ctr_weight_device *d = &b->weight_devices[i];

		r = check_number("weightDevice", d->major, d->minor, e);
		if (r == 0)
			r = check_weight("weightDevice.weight", d->weight, e);
	}
	for (int k = 0; k < CTR_THROTTLE_KINDS; k++) {
		for (size_t i = 0; r == 0 && i < b->n_throttle[k]; i++)
			r = check_number("throttle device", b->throttle[k][i].major,
					 b->throttle[k][i].minor, e);
	}
	return r;
}

uint64_t ctr_blkio_weight_v2(uint64_t weight)
{
	return weight < WEIGHT_MIN ? 0
				   : 1 + (weight - WEIGHT_MIN) * 9999 / (WEIGHT_MAX - WEIGHT_MIN);
}
