/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's own host name. A pod's name goes to its shared UTS namespace, not here. */
#include <fcntl.h>

#define LOG_MODULE "hostname"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "init/steps.h"

int step_hostname(const struct boot_params *p unused_arg, struct err *e)
{
	char text[256], name[65] = "localhost"; /* 64: __NEW_UTS_LEN */
	struct slice rest, word;
	ssize_t n = fd_read_file(AT_FDCWD, "/etc/hostname", text, sizeof(text));

	if (n > 0) {
		rest = slice_trim((struct slice){text, (size_t)n});
		if (slice_cut(&rest, ' ', &word) && word.n > 0 && word.n < sizeof(name)) {
			memcpy(name, word.p, word.n);
			name[word.n] = '\0';
		}
	}
	if (sethostname(name, strlen(name)) < 0)
		return err_set(e, -errno, "set host name '%s'", name);
	return 0;
}
