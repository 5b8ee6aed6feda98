/* SPDX-License-Identifier: Apache-2.0 */
/* Programs run by a worker: it may block, so this waits for the child and its output. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent/worker.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/pidref.h"
#include "base/str.h"

struct pipes {
	int in, out, err; /* our ends; -EBADF once closed */
};

static void pipes_done(const struct pipes *p)
{
	fd_close(p->in);
	fd_close(p->out);
	fd_close(p->err);
}

/* @ours_writes: the child reads. Return: the child's end or -errno. */
static int make_pipe(int *ours, bool ours_writes)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ours = ours_writes ? fds[1] : fds[0];
	return ours_writes ? fds[0] : fds[1];
}

/* Reads what is there; output beyond the bound of @to is dropped, so that the child never stalls. */
static int drain(int fd, struct str *to)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0 && to != NULL)
		(void)str_add_n(to, buf, MIN((size_t)n, to->max - to->n));
	return n > 0 || (n < 0 && errno == EINTR) ? 0 : -EPIPE;
}

/* Writes what fits; the pipe is closed after the last byte, or when nobody reads it. */
static void feed(struct pipes *p, const char **input, size_t *n)
{
	ssize_t done = *n > 0 ? write(p->in, *input, *n) : -1;

	if (done > 0) {
		*input += done;
		*n -= (size_t)done;
	}
	if (done < 0 && errno == EAGAIN)
		done = 0;
	if (done < 0 || *n == 0)
		p->in = fd_close(p->in);
}

static void pump(struct pipes *p, const char *input, size_t n, struct str *out, struct str *err)
{
	while (p->in >= 0 || p->out >= 0 || p->err >= 0) {
		struct pollfd pfd[] = {
			{.fd = p->in, .events = POLLOUT},
			{.fd = p->out, .events = POLLIN},
			{.fd = p->err, .events = POLLIN},
		};

		if (poll(pfd, ARRAY_LEN(pfd), -1) < 0)
			return;
		if (pfd[0].revents != 0)
			feed(p, &input, &n);
		if (pfd[1].revents != 0 && drain(p->out, out) < 0)
			p->out = fd_close(p->out);
		if (pfd[2].revents != 0 && drain(p->err, err) < 0)
			p->err = fd_close(p->err);
	}
}

static void exec_child(const char *const argv[], int in, int out, int err)
{
	static const char *const env[] = {"PATH=/bin:/sbin:/usr/bin:/usr/sbin", NULL};
	char *const *args;
	char *const *envp;

	/* execve(2) takes non-const arrays for historical reasons and writes to none of them. */
	memcpy(&args, &argv, sizeof(args));
	envp = (char *const *)(uintptr_t)env;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0)
		(void)execve(argv[0], args, envp);
	_exit(errno == ENOENT ? 127 : 126);
}

int worker_exec(const char *const argv[], const void *input, size_t n, struct str *out,
		struct str *err_out, struct err *e)
{
	__attribute__((cleanup(pipes_done))) struct pipes p = {-EBADF, -EBADF, -EBADF};
	cleanup_close int in = -EBADF, o = -EBADF, er = -EBADF;
	struct pidref ref = PIDREF_INIT;
	pid_t pid;
	int r;

	if (access(argv[0], X_OK) < 0)
		return err_set(e, -errno, "run '%s'", argv[0]);
	in = input != NULL ? make_pipe(&p.in, true) : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return err_set(e, in == -1 ? -errno : in, "run '%s': standard input", argv[0]);
	o = make_pipe(&p.out, false);
	er = make_pipe(&p.err, false);
	if (o < 0 || er < 0)
		return err_set(e, o < 0 ? o : er, "run '%s': pipe", argv[0]);
	if (p.in >= 0) {
		r = fd_set_nonblock(p.in, true);
		if (r < 0)
			return err_set(e, r, "run '%s': pipe", argv[0]);
	}

	(void)signal(SIGPIPE, SIG_IGN); /* a program that does not read its input */
	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "run '%s'", argv[0]);
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_DFL);
		exec_child(argv, in, o, er);
	}
	(void)fd_close(TAKE_FD(in));
	(void)fd_close(TAKE_FD(o));
	(void)fd_close(TAKE_FD(er));
	r = pidref_open(pid, &ref);
	if (r < 0)
		return err_set(e, r, "run '%s'", argv[0]);
	pump(&p, input, n, out, err_out);
	r = pidref_wait(&ref);
	pidref_done(&ref);
	return r < 0 ? err_set(e, r, "wait for '%s'", argv[0]) : r;
}
