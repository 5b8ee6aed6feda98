/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as events: blocked for the process and read from one signalfd. */
#include <signal.h>
#include <sys/signalfd.h>

#include "base/fd.h"
#include "base/loop_priv.h"

/* The mask the process was started with, for its children. */
static sigset_t first_mask;
static bool has_first_mask;

static void signal_ready(struct loop_io *io, unused_arg uint32_t events)
{
	struct loop *l = list_entry(io, struct loop, signal_io);
	struct signalfd_siginfo si;

	while (io->loop != NULL && read(io->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		l->signal_fn(l->signal_data, (int)si.ssi_signo, (pid_t)si.ssi_pid);
}

int loop_signal_add(struct loop *l, const sigset_t *mask, loop_signal_fn fn, void *data)
{
	int fd, r;

	if (l->signal_io.loop != NULL)
		return -EBUSY;
	fd = signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = loop_io_add(l, &l->signal_io, fd, EPOLLIN, signal_ready);
	if (r < 0) {
		(void)fd_close(fd);
		return r;
	}
	if (sigprocmask(SIG_BLOCK, mask, &l->signal_old) < 0) {
		r = -errno;
		loop_io_del(&l->signal_io);
		(void)fd_close(fd);
		return r;
	}
	if (!has_first_mask) {
		first_mask = l->signal_old;
		has_first_mask = true;
	}
	l->signal_fn = fn;
	l->signal_data = data;
	return 0;
}

void loop_signal_restore(void)
{
	if (has_first_mask)
		(void)sigprocmask(SIG_SETMASK, &first_mask, NULL);
}

void loop_signal_drop(struct loop *l)
{
	struct signalfd_siginfo si;
	int fd = l->signal_io.fd;

	if (l->signal_io.loop == NULL)
		return;
	loop_io_del(&l->signal_io);
	/* What is pending would kill the process the moment it is unblocked. */
	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		continue;
	(void)fd_close(fd);
	(void)sigprocmask(SIG_SETMASK, &l->signal_old, NULL);
}
