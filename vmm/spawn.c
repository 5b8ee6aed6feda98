/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork and exec. This program has one thread, so the child may build its message in the ordinary
 * way; what must not be duplicated is anything but memory, and all fds are close-on-exec.
 */
#include "vmm/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "vmm/config.h"
#include "vmm/jail.h"

static int child_fds(const struct vmm_spawn *s, struct err *e)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int in = s->in_fd >= 0 ? s->in_fd : null, out = s->out_fd >= 0 ? s->out_fd : null;

	/* dup2 onto itself would keep close-on-exec; ours are all above 2 or wanted as they are. */
	if ((in != 0 && dup2(in, 0) < 0) || (out != 1 && dup2(out, 1) < 0) || dup2(out, 2) < 0)
		return err_set(e, -errno, "standard streams");
	/* Ours are close-on-exec, but not what our own parent left open. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(e, -errno, "close_range");
	for (size_t i = 0; i < s->n_fds; i++) {
		int r = fd_set_cloexec(s->fds[i], false);

		if (r < 0)
			return err_set(e, r, "pass fd %d", s->fds[i]);
	}
	return 0;
}

static void child(const struct vmm_spawn *s, int report)
{
	struct err e = {0};
	sigset_t none;
	int r;

	(void)sigemptyset(&none);
	for (int sig = 1; sig < SIGRTMIN; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);

	r = child_fds(s, &e);
	if (r == 0 && s->jail != NULL)
		r = vmm_jail_enter(s->jail, &e);
	if (r == 0) {
		(void)execv(s->path, s->argv);
		vmm_ignore(err_set(&e, -errno, "exec '%s'", s->path));
	}
	/* Below PIPE_BUF, so it arrives whole: pipe(7). */
	if (fd_write_full(report, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

int vmm_spawn(const struct vmm_spawn *s, struct pidref *ret, struct err *e)
{
	cleanup_close int report_r = -EBADF, report_w = -EBADF;
	struct pidref ref = PIDREF_INIT;
	struct err said = {0};
	int p[2], r;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, -errno, "pipe");
	report_r = p[0];
	report_w = p[1];

	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "fork");
	if (pid == 0)
		child(s, report_w);

	(void)fd_close(TAKE_FD(report_w));
	r = pidref_open(pid, &ref);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return err_set(e, r, "pidfd");
	}
	/* End of file means that exec closed the pipe. */
	n = fd_read_full(report_r, &said, sizeof(said));
	if (n == 0) {
		*ret = ref;
		return 0;
	}
	vmm_ignore(pidref_wait(&ref));
	pidref_done(&ref);
	if (n != sizeof(said))
		return err_set(e, -EIO, "start '%s'", s->path);
	*e = said;
	return err_wrap(e, "start '%s'", s->path);
}
