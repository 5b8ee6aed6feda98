/* SPDX-License-Identifier: Apache-2.0 */
/* pid and pidfd pairs. Blocking waits are for processes without a loop only. */
#include "base/pidref.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"

int pidref_open(pid_t pid, struct pidref *ret)
{
	int fd;

	if (pid <= 0)
		return -EINVAL;
	fd = sys_pidfd_open(pid, 0); /* CLOEXEC by definition, pidfd_open(2) */
	if (fd < 0)
		return -errno;
	*ret = (struct pidref){pid, fd};
	return 0;
}

void pidref_done(struct pidref *p)
{
	p->pidfd = fd_close(p->pidfd);
	p->pid = 0;
}

int pidref_kill(const struct pidref *p, int sig)
{
	if (!pidref_is_set(p))
		return -ESRCH;
	return sys_pidfd_send_signal(p->pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int pidref_wait(const struct pidref *p)
{
	siginfo_t info = {0};
	int r;

	if (!pidref_is_set(p))
		return -ECHILD;
	do
		r = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return pidref_exit_code(info.si_code, info.si_status);
}

int pidref_exit_code(int code, int status)
{
	if (code == CLD_EXITED)
		return status & 0xff;
	if (code == CLD_KILLED || code == CLD_DUMPED)
		return 128 + status;
	return 255;
}

bool pidref_is_set(const struct pidref *p)
{
	return p->pid > 0 && p->pidfd >= 0;
}
