/* SPDX-License-Identifier: Apache-2.0 */
/* clone3, and the parent's end of the channel to a child that walks a plan. */
#define LOG_MODULE "spawn"
#include "container/spawn.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/child.h"

/* Set when the way back out of a container's namespace failed: nothing may be cloned any more. */
static bool is_lost;

static int enter(const struct spawn_how *how, size_t *ret_n, struct err *e)
{
	*ret_n = 0;
	for (size_t i = 0; i < how->n_enter; i++) {
		if (setns(how->enter[i].fd, how->enter[i].ns) < 0)
			return err_set(e, -errno, "enter a namespace for the clone");
		++*ret_n;
	}
	return 0;
}

static int leave(const struct spawn_how *how, size_t n, struct err *e)
{
	int r = 0;

	while (n > 0) {
		n--;
		if (setns(how->enter[n].own_fd, how->enter[n].ns) < 0)
			r = err_set(e, -errno, "return from a container's namespace");
	}
	if (r < 0) {
		is_lost = true;
		log_crit("cannot leave a container's namespace: no more processes are started");
	}
	return r;
}

/* What this program ignores: decided at its start, so asked for once. */
static uint64_t ignored_signals(void)
{
	static uint64_t ignored;
	static bool is_known;

	/* The raw call: two signals that the library hides may come ignored from our own parent. */
	for (int sig = 1; !is_known && sig < _NSIG; sig++) {
		struct child_sigaction now = {0};

		if (syscall(SYS_rt_sigaction, sig, NULL, &now, sizeof(now.mask)) == 0 &&
		    now.handler == SIG_IGN)
			ignored |= UINT64_C(1) << (sig - 1);
	}
	is_known = true;
	return ignored;
}

/* Never returns in the child. */
static pid_t clone_child(struct spawn *s, const struct spawn_how *how, bool with_cgroup)
{
	struct clone_args args = {
		.flags = how->clone_flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&s->ref.pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	if (with_cgroup) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)how->cgroup_fd;
	}
	pid = sys_clone3(&args);
	if (pid == 0)
		child_run(s->plan);
	return pid < 0 ? -errno : pid;
}

/* Signals are blocked around the clone: no handler of ours may run in the child. */
static int clone_blocked(struct spawn *s, const struct spawn_how *how, struct err *e)
{
	sigset_t all, saved;
	pid_t pid;

	(void)sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, &saved) < 0)
		return err_set(e, -errno, "block signals");
	s->in_cgroup = how->cgroup_fd >= 0;
	pid = clone_child(s, how, s->in_cgroup);
	if (pid < 0 && s->in_cgroup) {
		/* Full (pids.max) or with controllers below: a migration is refused by neither. */
		s->in_cgroup = false;
		pid = clone_child(s, how, false);
	}
	(void)sigprocmask(SIG_SETMASK, &saved, NULL);
	if (pid < 0)
		return err_set(e, pid, "clone");
	s->ref.pid = pid;
	return 0;
}

static void failed_at(struct spawn *s, const siginfo_t *info)
{
	struct str words = STR_INIT(ERR_MSG_MAX);
	uint32_t op = s->at == NULL ? 0 : *s->at;

	if (op < s->plan->n_ops)
		plan_op_words(s->plan, op, &words);
	if (info->si_code == CLD_EXITED)
		(void)!err_set(&s->err, -ECHILD, "the process exited (%d) while being set up (%s)",
			       info->si_status, str_text(&words));
	else
		(void)!err_set(&s->err, -ECHILD,
			       "the process died of SIG%s while being set up (%s)",
			       sigabbrev_np(info->si_status), str_text(&words));
	str_done(&words);
}

enum verdict {
	GO_ON,
	WAIT,
	AT_SYNC,
	AT_END
};

/* One message of the child. */
static enum verdict receive(struct spawn *s, enum plan_sync *ret_sync)
{
	struct child_report report = {0};
	int fd = -EBADF;
	size_t n_fds = 0;
	ssize_t n = fd_recv(s->sock, &report, sizeof(report), &fd, 1, &n_fds);

	if (n == -EAGAIN || n == -EINTR)
		return WAIT;
	if (n != (ssize_t)sizeof(report))
		return AT_END;
	switch (report.type) {
	case CHILD_MARK:
		s->is_marked = true;
		break;
	case CHILD_ERROR:
		if (s->err.code == 0)
			(void)!plan_failure(s->plan, report.op, report.step, report.detail,
					    report.code, s->is_agent, &s->err);
		break;
	case CHILD_WARNING: {
		struct err warning = {0};
		char text[ERR_TEXT_MAX];

		(void)!plan_failure(s->plan, report.op, report.step, report.detail, report.code,
				    s->is_agent, &warning);
		log_warn("%s: ignored", err_text(&warning, text, sizeof(text)));
		break;
	}
	case CHILD_MASTER:
		s->master = fd_close(s->master);
		s->master = TAKE_FD(fd);
		break;
	case CHILD_SYNC:
		if (report.op >= s->plan->n_ops || s->plan->op[report.op].type != PLAN_SYNC)
			break;
		*ret_sync = (enum plan_sync)s->plan->op[report.op].arg;
		(void)fd_close(fd);
		return AT_SYNC;
	default:
		break;
	}
	(void)fd_close(fd);
	return GO_ON;
}

static void close_channel(struct spawn *s)
{
	loop_io_del(&s->io);
	s->sock = fd_close(s->sock);
}

static void drop_plan(struct spawn *s)
{
	if (s->at != NULL)
		(void)munmap((void *)(uintptr_t)s->at, sizeof(*s->at));
	s->at = NULL;
	plan_free(s->plan);
	s->plan = NULL;
}

static void on_io(struct loop_io *io, uint32_t events)
{
	struct spawn *s = container_of(io, struct spawn, io);
	enum plan_sync which = PLAN_SYNC_GO;
	enum verdict v;

	(void)events;
	do
		v = receive(s, &which);
	while (v == GO_ON);
	if (v == AT_SYNC) {
		s->ops->sync(s, which);
	} else if (v == AT_END) {
		close_channel(s);
		if (s->is_marked && s->err.code == 0) {
			s->is_running = true;
			drop_plan(s); /* an idle container keeps nothing of it */
			s->ops->running(s);
		}
	}
}

static void on_child_exit(struct loop_child *child, const siginfo_t *info)
{
	struct spawn *s = container_of(child, struct spawn, child);
	enum plan_sync which;
	enum verdict v = WAIT;

	s->has_exited = true;
	if (s->sock >= 0) {
		do
			v = receive(s, &which);
		while (v == GO_ON || v == AT_SYNC);
		close_channel(s);
		s->is_running = s->is_marked && s->err.code == 0;
	}
	if (!s->is_running && s->err.code == 0)
		failed_at(s, info);
	s->ops->exited(s, info);
}

static int open_channel(struct spawn *s, int *ret_child, struct err *e)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(e, -errno, "socketpair");
	s->sock = sv[0];
	*ret_child = sv[1];
	s->plan->report_fd = sv[1];
	s->plan->ignored_signals = ignored_signals();
	if (fd_set_nonblock(s->sock, true) < 0 || sv[1] < 3)
		return err_set(e, -EBADF, "channel to the child");
	s->at = mmap(NULL, sizeof(*s->at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (s->at == MAP_FAILED) {
		s->at = NULL;
		return err_set(e, -ENOMEM, "shared page");
	}
	s->plan->at = s->at;
	return 0;
}

int ctr_spawn_start(struct spawn *s, struct loop *loop, struct plan *plan,
		    const struct spawn_how *how, const struct spawn_ops *ops, struct err *e)
{
	cleanup_close int child_end = -EBADF;
	size_t entered = 0;
	int r, back;

	s->loop = loop;
	s->plan = plan;
	s->ops = ops;
	s->is_agent = how->is_agent;
	if (is_lost)
		r = err_set(e, -EIO, "this program has lost its own namespaces");
	else
		r = open_channel(s, &child_end, e);
	if (r == 0) {
		r = enter(how, &entered, e);
		if (r == 0)
			r = clone_blocked(s, how, e);
		back = leave(how, entered, e);
		r = r < 0 ? r : back;
	}
	if (r == 0)
		r = loop_child_add(loop, &s->child, &s->ref, on_child_exit);
	if (r == 0)
		r = loop_io_add(loop, &s->io, s->sock, EPOLLIN, on_io);
	if (r < 0) {
		if (e->code == 0)
			r = err_set(e, r, "watch the child");
		if (pidref_is_set(&s->ref)) {
			loop_child_del(&s->child);
			(void)!pidref_kill(&s->ref, SIGKILL);
			(void)!pidref_wait(&s->ref); /* just killed: returns at once */
		}
		ctr_spawn_done(s);
	}
	return r;
}

int ctr_spawn_go(struct spawn *s)
{
	if (s->sock < 0)
		return -EPIPE;
	return send(s->sock, "g", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

void ctr_spawn_kill(struct spawn *s, const struct err *why)
{
	if (s->err.code == 0 && why != NULL && !s->is_running)
		s->err = *why;
	if (pidref_is_set(&s->ref) && !s->has_exited)
		(void)!pidref_kill(&s->ref, SIGKILL);
}

void ctr_spawn_done(struct spawn *s)
{
	close_channel(s);
	loop_child_del(&s->child);
	pidref_done(&s->ref);
	s->master = fd_close(s->master);
	drop_plan(s);
}
