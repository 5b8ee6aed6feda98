/* SPDX-License-Identifier: Apache-2.0 */
/* One child in our own process group and session, so that a terminal's signals reach it by themselves. */
#include "vmm/ctl_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/pidref.h"
#include "vmm/config.h"

static void child(char *const *argv, enum vmm_ctl_io io, const sigset_t *mask)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	if (null < 0 || (io != VMM_CTL_ALL && dup2(null, 0) < 0) ||
	    (io == VMM_CTL_SILENT && dup2(null, 1) < 0))
		_exit(125);
	(void)execv(argv[0], argv);
	(void)fprintf(stderr, "pith-vm: exec '%s': %s\n", argv[0], strerror(errno));
	_exit(125);
}

/* The terminal sends SIGINT and SIGQUIT to the child as well; others are ours to pass on. */
static void pass_on(int sfd, const struct pidref *ref)
{
	struct signalfd_siginfo si;

	if (read(sfd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_code == SI_KERNEL && (si.ssi_signo == SIGINT || si.ssi_signo == SIGQUIT))
		return;
	vmm_ignore(pidref_kill(ref, (int)si.ssi_signo));
}

int vmm_ctl_execute(char *const *argv, enum vmm_ctl_io io, struct err *e)
{
	static const int sigs[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
	cleanup_close int sfd = -EBADF;
	struct pidref ref = PIDREF_INIT;
	sigset_t mask, old;
	pid_t pid;
	int r;

	(void)sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		(void)sigaddset(&mask, sigs[i]);
	if (sigprocmask(SIG_BLOCK, &mask, &old) < 0)
		return err_set(e, -errno, "signal mask");
	sfd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	pid = sfd < 0 ? -1 : fork();
	if (pid == 0)
		child(argv, io, &old);
	r = pid < 0 ? err_set(e, -errno, "fork") : pidref_open(pid, &ref);
	if (pid > 0 && r < 0)
		r = err_set(e, r, "pidfd");

	while (r == 0) {
		struct pollfd p[] = {{.fd = ref.pidfd, .events = POLLIN},
				     {.fd = sfd, .events = POLLIN}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if ((p[1].revents & POLLIN) != 0)
			pass_on(sfd, &ref);
		if ((p[0].revents & POLLIN) != 0)
			break;
	}
	if (r == 0)
		r = pidref_wait(&ref);
	pidref_done(&ref);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
