/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forked workers: one SOCK_SEQPACKET pair each, one report, one owner object. A worker past its
 * deadline is reported at once and stays known until the kernel lets it die, so that it is reaped
 * and counted; its job's owner has forgotten it by then.
 */
#include "agent/worker.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define LOG_MODULE "worker"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"

#define WORKERS_MAX 64 /* stuck ones included: a dead share must not eat the process table */
#define NAME_MAX_   96

/* First part of the report; the payload follows. */
struct report {
	struct err err;
};

struct worker {
	struct list link;
	struct loop *loop;
	struct pidref pid;
	struct loop_child child;
	struct loop_io io;
	struct loop_timer timer;
	worker_done_fn done; /* NULL once called or abandoned */
	void *done_data;
	bool is_cancelled;
	char name[NAME_MAX_];
};

static struct list workers = {&workers, &workers};
static size_t n_workers;
static bool is_stopping;

static void worker_free(struct worker *w)
{
	int fd = w->io.fd;

	loop_io_del(&w->io);
	fd_close(fd);
	loop_timer_del(&w->timer);
	loop_child_del(&w->child);
	pidref_done(&w->pid);
	list_del(&w->link);
	n_workers--;
	free(w);
}

/* The owner hears of the end here, once. */
static void worker_finish(struct worker *w, const struct err *e, const void *payload, size_t n,
			  int *fds, size_t n_fds)
{
	worker_done_fn done = TAKE_PTR(w->done);

	if (done != NULL)
		done(w->done_data, e, payload, n, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
}

static void worker_close_io(struct worker *w)
{
	int fd = w->io.fd;

	loop_io_del(&w->io);
	fd_close(fd);
	w->io.fd = -EBADF;
}

/* Kill and report; the child object lives on until the process can be reaped. */
static void worker_give_up(struct worker *w, const char *why)
{
	struct err e = {0};

	loop_timer_del(&w->timer);
	worker_close_io(w);
	(void)!pidref_kill(&w->pid, SIGKILL);
	(void)!err_refuse(&e, ERR_TIMEOUT, "%s: %s", w->name, why);
	worker_finish(w, &e, NULL, 0, NULL, 0);
}

static void on_timeout(struct loop_timer *t)
{
	struct worker *w = container_of(t, struct worker, timer);

	worker_give_up(w, w->is_cancelled ? "cancelled" : "timed out");
}

static void on_report(struct loop_io *io, uint32_t events unused_arg)
{
	struct worker *w = container_of(io, struct worker, io);
	size_t size = sizeof(struct report) + WORKER_PAYLOAD_MAX;
	cleanup_free char *buf = malloc(size);
	int fds[FD_PASS_MAX];
	size_t n_fds = 0;
	struct report rep;
	ssize_t n;

	if (buf == NULL) {
		worker_give_up(w, "no memory for its report");
		return;
	}
	n = fd_recv(io->fd, buf, size, fds, ARRAY_LEN(fds), &n_fds);
	if (n == -EAGAIN)
		return;
	worker_close_io(w);
	if (n < (ssize_t)sizeof(rep))
		return; /* no report: on_exit tells how it died */

	loop_timer_del(&w->timer);
	memcpy(&rep, buf, sizeof(rep));
	rep.err.msg[ERR_MSG_MAX - 1] = '\0';
	worker_finish(w, &rep.err, buf + sizeof(rep), (size_t)n - sizeof(rep), fds, n_fds);
}

static void on_exit_(struct loop_child *c, const siginfo_t *info)
{
	struct worker *w = container_of(c, struct worker, child);
	struct err e = {0};

	/* The report may still be in the socket: io and child events of one round keep no order
	 * between different sources that became ready at different times. */
	if (w->io.fd >= 0)
		on_report(&w->io, EPOLLIN);
	if (w->done != NULL) {
		(void)!err_set(&e, -EIO, "%s: worker ended with code %d without a report", w->name,
			       pidref_exit_code(info->si_code, info->si_status));
		worker_finish(w, &e, NULL, 0, NULL, 0);
	}
	worker_free(w);
}

/* ---- the child ---- */

static int cmp_int(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Everything but 0..2 and the fds kept: a stuck worker must not hold a pipe or a terminal open. */
static void child_close_fds(const struct worker_job *job, int sock)
{
	int keep[FD_PASS_MAX + 1];
	size_t n = 0;
	unsigned from = 3;

	keep[n++] = sock;
	for (size_t i = 0; i < job->n_keep_fds && n < ARRAY_LEN(keep); i++) {
		if (job->keep_fds[i] > 2)
			keep[n++] = job->keep_fds[i];
	}
	qsort(keep, n, sizeof(keep[0]), cmp_int);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned)keep[i] > from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}

void worker_reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_main(const struct worker_job *job, int sock)
{
	cleanup_free char *buf = malloc(sizeof(struct report) + WORKER_PAYLOAD_MAX);
	struct worker_out out = {0};
	struct report rep = {0};
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_reset_signals();
	child_close_fds(job, sock);
	if (buf == NULL)
		_exit(1);
	out.payload = buf + sizeof(rep);
	r = job->fn(job->fn_data, &out, &rep.err);
	if (r >= 0)
		rep.err = (struct err){0};
	else if (rep.err.code == 0)
		rep.err.code = r;
	memcpy(buf, &rep, sizeof(rep));
	r = fd_send(sock, buf, sizeof(rep) + MIN(out.n, (size_t)WORKER_PAYLOAD_MAX), out.fds,
		    out.n_fds) < 0;
	_exit(r);
}

/* ---- the parent ---- */

static int watch(struct worker *w, int sock, uint64_t timeout_ns)
{
	int r = loop_io_add(w->loop, &w->io, sock, EPOLLIN, on_report);

	if (r == 0)
		r = loop_child_add(w->loop, &w->child, &w->pid, on_exit_);
	if (r == 0 && timeout_ns > 0)
		r = loop_timer_set(w->loop, &w->timer, loop_now_ns() + timeout_ns, on_timeout);
	return r;
}

static int start_child(struct worker *w, const struct worker_job *job, int sock, struct err *e)
{
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return err_set(e, -errno, "%s: start a worker", w->name);
	if (pid == 0)
		child_main(job, sock);

	r = pidref_open(pid, &w->pid);
	if (r < 0) {
		struct pidref p = {.pid = pid, .pidfd = -EBADF};

		(void)kill(pid, SIGKILL);
		(void)!pidref_wait(&p);
		return err_set(e, r, "%s: watch the worker", w->name);
	}
	return 0;
}

int worker_run(struct loop *loop, const struct worker_job *job, struct worker **ret, struct err *e)
{
	cleanup_close int ours = -EBADF, theirs = -EBADF;
	struct worker *w;
	int sv[2], r;

	if (is_stopping)
		return err_refuse(e, ERR_UNAVAILABLE, "%s: the agent ends", job->name);
	if (n_workers >= WORKERS_MAX)
		return err_refuse(e, ERR_LIMIT, "%s: limit of %d running workers reached",
				  job->name, WORKERS_MAX);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(e, -errno, "%s: socket pair", job->name);
	ours = sv[0];
	theirs = sv[1];
	r = fd_set_nonblock(ours, true);
	if (r < 0)
		return err_set(e, r, "%s: socket pair", job->name);

	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return err_set(e, -ENOMEM, "%s", job->name);
	w->loop = loop;
	w->pid = PIDREF_INIT;
	w->io = LOOP_IO_INIT;
	(void)str_copy(w->name, sizeof(w->name), job->name);
	list_add_tail(&workers, &w->link);
	n_workers++;
	r = start_child(w, job, theirs, e);
	if (r < 0) {
		worker_free(w);
		return r;
	}
	r = watch(w, ours, job->timeout_ns);
	if (r < 0) {
		(void)!pidref_kill(&w->pid, SIGKILL);
		(void)!pidref_wait(&w->pid);
		loop_io_del(&w->io);
		w->io.fd = -EBADF; /* still ours to close below */
		worker_free(w);
		return err_set(e, r, "%s: watch the worker", job->name);
	}
	TAKE_FD(ours);
	w->done = job->done;
	w->done_data = job->done_data;
	if (ret != NULL)
		*ret = w;
	return 0;
}

void worker_cancel(struct worker *w)
{
	w->is_cancelled = true;
	if (loop_timer_set(w->loop, &w->timer, loop_now_ns(), on_timeout) < 0)
		(void)!pidref_kill(&w->pid, SIGKILL); /* its exit ends the job */
}

void worker_abandon(struct worker *w)
{
	w->done = NULL;
	loop_timer_del(&w->timer);
	worker_close_io(w);
	(void)!pidref_kill(&w->pid, SIGKILL);
}

void workers_stop(void)
{
	is_stopping = true;
	while (!list_empty(&workers)) {
		struct worker *w = list_entry(workers.next, struct worker, link);
		struct err e = {0};

		(void)!pidref_kill(&w->pid, SIGKILL);
		(void)!err_refuse(&e, ERR_UNAVAILABLE, "%s: the agent ends", w->name);
		list_del(&w->link); /* what done does may look at the list again */
		worker_finish(w, &e, NULL, 0, NULL, 0);
		worker_free(w);
	}
	is_stopping = false;
}
