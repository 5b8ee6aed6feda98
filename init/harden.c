/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the guest kernel that could make it start a program which a container chose, or give
 * its secrets away. A file that this kernel does not have needs no setting.
 */
#include <fcntl.h>
#include <sys/reboot.h>

#define LOG_MODULE "harden"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "init/steps.h"

static const struct {
	const char *file, *value;
} settings[] = {
	{"/proc/sys/kernel/core_pattern", "core"}, /* a plain file in the dumping process's cwd */
	{"/sys/kernel/uevent_helper", ""},
	{"/proc/sys/kernel/kexec_load_disabled", "1"},
	{"/proc/sys/kernel/dmesg_restrict", "1"},
	{"/proc/sys/kernel/sysrq", "0"},
	/* Init and the agent it starts are the last to go when memory runs out; containers are reset. */
	{"/proc/self/oom_score_adj", "-997"},
};

int step_harden(const struct boot_params *p unused_arg, struct err *e)
{
	int first = 0;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		int r = fd_write_str(AT_FDCWD, settings[i].file, settings[i].value);

		/* The helper cannot be cleared with an empty write on every kernel: a newline does. */
		if (r == 0 && settings[i].value[0] == '\0')
			r = fd_write_str(AT_FDCWD, settings[i].file, "\n");
		if (r < 0 && r != -ENOENT && first == 0)
			first = err_set(e, r, "write %s", settings[i].file);
	}
	/* Ctrl-alt-del becomes SIGINT to us, and so an orderly end. */
	if (reboot(RB_DISABLE_CAD) < 0 && first == 0)
		first = err_set(e, -errno, "turn off ctrl-alt-del");
	return first;
}
