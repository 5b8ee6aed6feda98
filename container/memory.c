/* SPDX-License-Identifier: Apache-2.0 */
/* OCI memory limits as cgroup values. Pure arithmetic: the backends write the files. */
#include "container/memory.h"

#include <inttypes.h>

#include "base/err.h"
#include "container/spec.h"

#define SWAPPINESS_MAX 100 /* OCI; the kernel alone would take 200 */

static bool is_absent(int64_t v)
{
	return v == CTR_UNSET || v == 0;
}

static int check_bytes(const char *field, int64_t v, struct err *e)
{
	if (v < -1 && v != CTR_UNSET)
		return err_refuse(e, ERR_INVALID,
				  "linux.resources.memory.%s %" PRId64 " is below -1", field, v);
	return 0;
}

int ctr_memory_check(const struct ctr_memory *m, struct err *e)
{
	int r = check_bytes("limit", m->limit, e);

	if (r == 0)
		r = check_bytes("swap", m->swap, e);
	if (r == 0)
		r = check_bytes("reservation", m->reservation, e);
	if (r < 0)
		return r;
	if (m->swappiness != CTR_UNSET && (m->swappiness < 0 || m->swappiness > SWAPPINESS_MAX))
		return err_refuse(e, ERR_INVALID, "valid memory swappiness range is 0-100");
	if (m->limit > 0 && m->swap > 0 && m->swap < m->limit)
		return err_refuse(e, ERR_INVALID, "memory+swap limit should be >= memory limit");
	return 0;
}

int ctr_memory_swap_max(int64_t limit, int64_t swap, int64_t *ret, struct err *e)
{
	if (limit != CTR_UNSET && limit < -1)
		return err_refuse(e, ERR_INVALID, "memory limit %" PRId64 " is below -1", limit);
	if (swap != CTR_UNSET && swap < -1)
		return err_refuse(e, ERR_INVALID, "memory+swap limit %" PRId64 " is below -1",
				  swap);

	if (swap == -1 || (limit == -1 && is_absent(swap))) {
		*ret = -1;
		return 1;
	}
	if (is_absent(swap))
		return 0;
	if (limit == -1) {
		*ret = swap;
		return 1;
	}
	if (is_absent(limit))
		return err_refuse(e, ERR_INVALID, "unable to set swap limit without memory limit");
	if (swap < limit)
		return err_refuse(e, ERR_INVALID, "memory+swap limit should be >= memory limit");
	*ret = swap - limit;
	return 1;
}

bool ctr_memory_swap_first(int64_t swap, uint64_t now)
{
	return swap == -1 || (swap > 0 && now < (uint64_t)swap);
}
