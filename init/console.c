/* SPDX-License-Identifier: Apache-2.0 */
/* Standard fds, session, terminal and the links programs expect in /dev. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define LOG_MODULE "console"
#include "base/err.h"
#include "base/log.h"
#include "init/steps.h"

/* The order is Kata's; shells and helpers of the guest live in these. */
#define GUEST_PATH "/bin:/sbin:/usr/bin:/usr/sbin"

static const struct {
	const char *target, *link;
} dev_links[] = {
	{"/dev/pts/ptmx", "/dev/ptmx"},     {"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},  {"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
};

/* The kernel gives PID 1 no standard fds when the initrd has no console node; a file opened then
 * would become fd 0, 1 or 2 and be written to by the next message. */
int step_stdio(const struct boot_params *p unused_arg, struct err *e)
{
	for (int want = 0; want <= 2; want++) {
		int fd;

		if (fcntl(want, F_GETFD) >= 0)
			continue;
		fd = open("/dev/console", O_RDWR | O_NOCTTY);
		if (fd < 0)
			fd = open("/dev/null", O_RDWR);
		if (fd < 0 && mknod("/dev/null", S_IFCHR | 0666, (1 << 8) | 3) == 0)
			fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return err_set(e, -errno, "open a console or null device as fd %d", want);
		if (fd != want)
			(void)close(fd); /* a lower one was free: the loop got there first */
	}
	return 0;
}

static void link_one(const char *target, const char *link)
{
	if (symlink(target, link) == 0)
		return;
	if (errno == EEXIST && unlink(link) == 0 && symlink(target, link) == 0)
		return;
	log_warn("link %s: %m, going on", link);
}

int step_console(const struct boot_params *p unused_arg, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(dev_links); i++)
		link_one(dev_links[i].target, dev_links[i].link);
	/* Both fail harmlessly: already a leader, or the console is no terminal. */
	(void)setsid();
	(void)ioctl(0, TIOCSCTTY, 1);
	if (setenv("PATH", GUEST_PATH, 1) < 0)
		return err_set(e, -errno, "set PATH");
	return 0;
}
