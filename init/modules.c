/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads kernel modules down a list that the image builder put in dependency order, so no modprobe
 * and no dependency search is needed at boot. A driver for hardware that is not there says ENODEV,
 * EOPNOTSUPP or ENXIO; that and "already loaded" are fine.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define LOG_MODULE "modules"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "init/steps.h"

#define LIST_MAX 16384

static int load_one(int dirfd, const char *file)
{
	cleanup_close int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return syscall(SYS_finit_module, fd, "", 0) < 0 ? -errno : 0;
}

static int open_module_dir(struct err *e)
{
	struct utsname u;
	char path[sizeof("/lib/modules/") + sizeof(u.release)];
	int fd;

	if (uname(&u) < 0)
		return err_set(e, -errno, "uname");
	(void)snprintf(path, sizeof(path), "/lib/modules/%s", u.release);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open %s (modules of another kernel?)", path) : fd;
}

int modules_load_list(const char *list, size_t *ret_loaded, struct err *e)
{
	cleanup_free char *text = malloc(LIST_MAX);
	cleanup_close int dirfd = -EBADF;
	struct slice rest, line;
	ssize_t n;

	*ret_loaded = 0;
	if (text == NULL)
		return err_set(e, -ENOMEM, "read %s", list);
	n = fd_read_file(AT_FDCWD, list, text, LIST_MAX);
	if (n == -ENOENT || n == 0)
		return 0;
	if (n < 0)
		return err_set(e, (int)n, "read %s", list);
	dirfd = open_module_dir(e);
	if (dirfd < 0)
		return dirfd;

	rest = (struct slice){text, (size_t)n};
	while (slice_cut(&rest, '\n', &line)) {
		char file[256];
		int r;

		line = slice_trim(line);
		if (line.n == 0 || line.p[0] == '#' || line.n >= sizeof(file))
			continue;
		memcpy(file, line.p, line.n);
		file[line.n] = '\0';
		r = load_one(dirfd, file);
		if (r == 0)
			++*ret_loaded;
		else if (r != -EEXIST && r != -ENODEV && r != -EOPNOTSUPP && r != -ENXIO)
			log_warn("module %s: %s, going on without it", file, strerror(-r));
	}
	return 0;
}

int step_modules(const struct boot_params *p unused_arg, struct err *e)
{
	size_t loaded;

	return modules_load_list(MODULES_BOOT, &loaded, e);
}
