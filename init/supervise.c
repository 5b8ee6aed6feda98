/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One child with a control socket, everything else that ends is an orphan. The socket is only a
 * courtesy of the agent: nothing read from it is trusted, nothing written to it is waited for.
 */
#include "init/supervise.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define LOG_MODULE "supervise"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/timeline.h"
#include "init/clock.h"
#include "init/steps.h"

/* Numbers in the agent, above the standard fds. */
#define AGENT_INIT_FD     3
#define AGENT_TIMELINE_FD 4

struct supervisor {
	const struct boot_params *params;
	struct timeline *timeline;
	struct loop *loop;
	struct loop_io ctl;
	struct loop_timer grace;
	struct clock_sync clock;
	struct fdstore store;
	int ctl_fd;
	pid_t agent;
	siginfo_t agent_info;
	bool asked; /* the agent announced the end */
	int signal; /* the signal that asked for it, or 0 */
};

void supervise_describe_exit(int how, int status, char *buf, size_t size)
{
	if (how == CLD_EXITED)
		(void)snprintf(buf, size, "agent exited with status %d", status);
	else
		(void)snprintf(buf, size, "agent was killed by signal %d (%s)%s", status,
			       strsignal(status), how == CLD_DUMPED ? ", core dumped" : "");
}

static void child_exec(const struct boot_params *p, int ctl, int timeline_fd)
{
	char init_fd[] = {'0' + AGENT_INIT_FD, '\0'}, tl_fd[] = {'0' + AGENT_TIMELINE_FD, '\0'};
	char name[] = "pith-agent", opt1[] = "--init-fd", opt2[] = "--timeline-fd";
	char *argv[] = {name, opt1, init_fd, opt2, tl_fd, NULL};
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_NAME, "pith-agent");
	/* The sources were moved above the targets before the fork; dup2 clears close-on-exec. */
	if (dup2(ctl, AGENT_INIT_FD) < 0 || dup2(timeline_fd, AGENT_TIMELINE_FD) < 0)
		_exit(127);
	(void)execv(p->agent, argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int start_agent(struct supervisor *s, int timeline_fd, struct err *e)
{
	cleanup_close int child_ctl = -EBADF, child_tl = -EBADF;
	int pair[2];

	if (access(s->params->agent, X_OK) < 0)
		return err_set(e, -errno, "agent program '%s'", s->params->agent);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_set(e, -errno, "control socket for the agent");
	s->ctl_fd = pair[0];
	child_ctl = fd_dup_above(pair[1], AGENT_TIMELINE_FD + 1);
	(void)close(pair[1]);
	child_tl = fd_dup_above(timeline_fd, AGENT_TIMELINE_FD + 1);
	if (child_ctl < 0 || child_tl < 0)
		return err_set(e, child_ctl < 0 ? child_ctl : child_tl, "move the agent's fds");
	timeline_mark(s->timeline, "agent-exec");
	s->agent = fork();
	if (s->agent < 0)
		return err_set(e, -errno, "fork for the agent");
	if (s->agent == 0)
		child_exec(s->params, child_ctl, child_tl);
	return 0;
}

/* Drivers that nothing needs before the first request; in a child, since loading takes time. */
static void load_late_modules(void)
{
	struct err e = {0};
	size_t n;
	pid_t pid;

	if (access(MODULES_LATE, R_OK) < 0)
		return;
	pid = fork();
	if (pid < 0)
		log_warn("late modules are not loaded: %m");
	if (pid != 0)
		return;
	if (modules_load_list(MODULES_LATE, &n, &e) < 0)
		log_warn("late modules: %s", e.msg);
	_exit(0);
}

static void print_timeline(const struct timeline *t)
{
	uint64_t prev = 0;

	for (size_t i = 0; i < timeline_count(t); i++) {
		struct timeline_entry en = t->entry[i];

		en.name[sizeof(en.name) - 1] = '\0';
		(void)dprintf(2, "timeline %-22s %9.3f ms  +%.3f\n", en.name, (double)en.ns / 1e6,
			      (double)(en.ns - prev) / 1e6);
		prev = en.ns;
	}
}

static void on_ready(struct supervisor *s)
{
	int r;

	timeline_mark(s->timeline, "ready");
	if (s->params->show_timeline)
		print_timeline(s->timeline);
	load_late_modules();
	r = clock_sync_start(&s->clock, s->loop);
	if (r < 0)
		log_warn("clock is not kept on the host's: %s", strerror(-r));
}

static void handle_msg(struct supervisor *s, struct init_msg *msg, int *fds, size_t n_fds)
{
	int r;

	msg->key[sizeof(msg->key) - 1] = '\0';
	if (msg->type == INIT_MSG_FD_PUT) {
		r = fdstore_put_consume(&s->store, msg->key, fds, n_fds);
		if (r < 0) {
			log_warn("fd store refused '%s': %s", msg->key, strerror(-r));
			msg->type = INIT_MSG_FD_REFUSED;
			(void)!fd_send(s->ctl_fd, msg, sizeof(*msg), NULL, 0);
		}
		return;
	}
	for (size_t i = 0; i < n_fds; i++)
		(void)fd_close(fds[i]);
	switch (msg->type) {
	case INIT_MSG_READY:
		on_ready(s);
		return;
	case INIT_MSG_FD_DEL:
		fdstore_del(&s->store, msg->key);
		return;
	case INIT_MSG_FD_LIST:
		r = fdstore_send_all(&s->store, s->ctl_fd);
		if (r < 0)
			log_warn("fd store was not read to its end: %s", strerror(-r));
		return;
	case INIT_MSG_SHUTDOWN:
		s->asked = true;
		return;
	default:
		log_warn("agent sent unknown message %u, ignored", msg->type);
	}
}

static void on_ctl(struct loop_io *io, uint32_t events unused_arg)
{
	struct supervisor *s = container_of(io, struct supervisor, ctl);
	struct init_msg msg = {0};
	int fds[INIT_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n = fd_recv(s->ctl_fd, &msg, sizeof(msg), fds, INIT_FDS_MAX, &n_fds);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0) { /* the exit status will say more than a closed socket */
		loop_io_del(io);
		return;
	}
	if (n != sizeof(msg)) {
		for (size_t i = 0; i < n_fds; i++)
			(void)fd_close(fds[i]);
		log_warn("agent sent a message of %zd bytes, ignored", n);
		return;
	}
	handle_msg(s, &msg, fds, n_fds);
}

static void reap_all(struct supervisor *s)
{
	siginfo_t info;

	for (;;) {
		info = (siginfo_t){0};
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) < 0 || info.si_pid == 0)
			return;
		if (info.si_pid != s->agent)
			continue;
		s->agent_info = info;
		/* What it sent before its end is still in the socket: the reason may be there. */
		while (s->ctl.loop != NULL) {
			char probe;

			if (recv(s->ctl_fd, &probe, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
				break;
			on_ctl(&s->ctl, EPOLLIN);
		}
		loop_quit(s->loop, 0);
	}
}

static void on_grace_over(struct loop_timer *t)
{
	struct supervisor *s = container_of(t, struct supervisor, grace);

	log_warn("agent did not end in time, going on without it");
	loop_quit(s->loop, 0);
}

static void on_signal(void *data, int sig, pid_t sender unused_arg)
{
	struct supervisor *s = data;

	if (sig == SIGCHLD) {
		reap_all(s);
		return;
	}
	if (s->signal != 0)
		return;
	s->signal = sig;
	log_info("signal %d: ending the guest", sig);
	(void)kill(s->agent, SIGTERM);
	if (loop_timer_set(s->loop, &s->grace,
			   loop_now_ns() + s->params->shutdown_grace_ms * 1000000u,
			   on_grace_over) < 0)
		loop_quit(s->loop, 0);
}

static int setup_loop(struct supervisor *s, struct err *e)
{
	static const int wanted[] = {SIGCHLD, SIGTERM, SIGINT, SIGPWR, SIGHUP};
	sigset_t mask;
	int r;

	r = loop_new(&s->loop);
	if (r < 0)
		return err_set(e, r, "event loop");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		(void)sigaddset(&mask, wanted[i]);
	r = loop_signal_add(s->loop, &mask, on_signal, s);
	return r < 0 ? err_set(e, r, "signals") : 0;
}

static int conclude(const struct supervisor *s, char *why, size_t size)
{
	char exit_text[128];

	supervise_describe_exit(s->agent_info.si_code, s->agent_info.si_status, exit_text,
				sizeof(exit_text));
	if (s->signal != 0) {
		(void)snprintf(why, size, "signal %d to init", s->signal);
		return GUEST_END_SIGNAL;
	}
	if (s->asked) {
		(void)snprintf(why, size, "the sandbox was destroyed");
		return GUEST_END_ORDERLY;
	}
	(void)snprintf(why, size, "%s without being asked to", exit_text);
	return GUEST_END_AGENT_DIED;
}

int supervise_run(const struct boot_params *p, struct timeline *tl, int timeline_fd, char *why,
		  size_t size, struct err *e)
{
	struct supervisor s = {
		.params = p, .timeline = tl, .ctl_fd = -EBADF, .clock = CLOCK_SYNC_INIT};
	int r = setup_loop(&s, e);

	if (r == 0)
		r = start_agent(&s, timeline_fd, e);
	if (r == 0) {
		r = loop_io_add(s.loop, &s.ctl, s.ctl_fd, EPOLLIN, on_ctl);
		if (r == 0)
			r = loop_run(s.loop);
		if (r < 0)
			r = err_set(e, r, "event loop");
	}
	if (r >= 0)
		r = conclude(&s, why, size);
	clock_sync_stop(&s.clock);
	loop_timer_del(&s.grace);
	loop_io_del(&s.ctl);
	(void)fd_close(s.ctl_fd);
	fdstore_done(&s.store);
	loop_free(s.loop);
	return r;
}
