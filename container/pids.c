/* SPDX-License-Identifier: Apache-2.0 */
/* OCI pids limit as a cgroup value. Pure. */
#include "container/pids.h"

#include <inttypes.h>

#include "base/str.h"
#include "container/spec.h"

int ctr_pids_max(int64_t limit, char *buf, size_t size)
{
	if (limit == CTR_UNSET)
		return 0;
	if (limit < 0)
		(void)snprintf(buf, size, "max");
	else
		(void)snprintf(buf, size, "%" PRId64, limit == 0 ? 1 : limit);
	return 1;
}
