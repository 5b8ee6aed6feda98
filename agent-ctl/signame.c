/* SPDX-License-Identifier: Apache-2.0 */
/* Signal names from libc's own table. */
#include "agent-ctl/signame.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

int actl_signal_parse(const char *text, uint32_t *ret)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	uint32_t number;

	if (parse_u32(text, &number) == 0 && number <= (uint32_t)SIGRTMAX) {
		*ret = number;
		return 0;
	}
	for (int i = 1; i < NSIG; i++) {
		const char *known = sigabbrev_np(i);

		if (known != NULL && strcasecmp(known, name) == 0) {
			*ret = (uint32_t)i;
			return 0;
		}
	}
	return -EINVAL;
}
