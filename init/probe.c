/* SPDX-License-Identifier: Apache-2.0 */
/* One log line that says what this kernel offers, so that a later refusal needs no guessing. */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define LOG_MODULE "probe"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "init/steps.h"

static const char *const file_systems[] = {"overlay", "virtiofs", "9p", "ext4", "xfs", "erofs"};

static const struct {
	const char *name, *path;
} nodes[] = {
	{"ptp", "/dev/ptp0"},
	{"memory-blocks", "/sys/devices/system/memory/block_size_bytes"},
	{"hugepages", "/sys/kernel/mm/hugepages"},
	{"ipv6", "/proc/sys/net/ipv6"},
	{"psi", "/proc/pressure/memory"},
};

static void probe_file_systems(struct str *s)
{
	char text[4096];
	ssize_t n = fd_read_file(AT_FDCWD, "/proc/filesystems", text, sizeof(text));
	struct slice rest = {text, n > 0 ? (size_t)n : 0}, line, last;

	while (slice_cut(&rest, '\n', &line)) {
		const char *tab = memchr(line.p, '\t', line.n);

		if (tab == NULL)
			continue;
		last = (struct slice){tab + 1, line.n - (size_t)(tab + 1 - line.p)};
		for (size_t i = 0; i < ARRAY_LEN(file_systems); i++)
			if (slice_eq(last, file_systems[i]))
				(void)str_addf(s, " %s", file_systems[i]);
	}
}

int step_probe(const struct boot_params *p, struct err *e)
{
	cleanup_str struct str s = STR_INIT(1024);
	cleanup_close int vs = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint32_t action = SECCOMP_RET_ERRNO;
	char controllers[256];

	(void)str_addf(&s, "cgroup=%s", p->cgroup_v1 ? "v1" : "v2");
	if (!p->cgroup_v1 && fd_read_line(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers",
					  controllers, sizeof(controllers)) > 0)
		(void)str_addf(&s, " (%s)", controllers);
	(void)str_add(&s, "; fs:");
	probe_file_systems(&s);
	(void)str_add(&s, ";");
	if (vs >= 0)
		(void)str_add(&s, " vsock");
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
		(void)str_add(&s, " seccomp");
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		if (access(nodes[i].path, F_OK) == 0)
			(void)str_addf(&s, " %s", nodes[i].name);
	if (str_check(&s) < 0)
		return err_set(e, -ENOMEM, "describe the kernel");
	log_info("kernel offers: %s", str_text(&s));
	return 0;
}
