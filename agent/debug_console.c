/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of the debug console. Each direction has one small buffer; a side is read only while the
 * other takes what was read before.
 */
#define LOG_MODULE "debug-console"

#include "agent/debug_console.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/worker.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "ttrpc/addr.h"

#define BUFFER_SIZE 4096

struct pipe_half {
	char buf[BUFFER_SIZE];
	size_t n, done;
};

struct session {
	struct list link;
	struct debug_console *console;
	struct pidref pid;
	struct loop_child child;
	struct loop_io sock, tty;
	int sock_fd, tty_fd;
	struct pipe_half in, out; /* socket → terminal, terminal → socket */
	bool is_tty_over;
};

struct debug_console {
	struct loop *loop;
	struct loop_io listener;
	int listen_fd;
	struct list sessions;
	size_t n_sessions;
};

static const char *find_shell(void)
{
	static const char *const shells[] = {"/run/kata-extensions/devkit/bin/devkit-sh",
					     "/bin/bash", "/bin/sh"};

	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (access(shells[i], X_OK) == 0)
			return shells[i];
	}
	return NULL;
}

/* In the child. @tty becomes 0, 1, 2 and the controlling terminal. */
static void shell_main(const char *shell, const char *option, int tty)
{
	char *const argv[] = {(char *)(uintptr_t)shell, (char *)(uintptr_t)option, NULL};
	char home[] = "HOME=/root", term[] = "TERM=linux";
	char path[] = "PATH=/bin:/sbin:/usr/bin:/usr/sbin";
	char *const env[] = {home, term, path, NULL};

	worker_reset_signals();
	(void)setsid();
	if (dup2(tty, 0) < 0 || dup2(tty, 1) < 0 || dup2(tty, 2) < 0)
		_exit(126);
	(void)ioctl(0, TIOCSCTTY, 1);
	(void)close_range(3, ~0U, 0);
	(void)execve(shell, argv, env);
	_exit(127);
}

static void session_close(struct session *s)
{
	loop_io_del(&s->sock);
	loop_io_del(&s->tty);
	s->sock_fd = fd_close(s->sock_fd);
	s->tty_fd = fd_close(s->tty_fd);
}

static void session_free(struct session *s)
{
	session_close(s);
	loop_child_del(&s->child);
	pidref_done(&s->pid);
	list_del(&s->link);
	s->console->n_sessions--;
	free(s);
}

static void on_shell_exit(struct loop_child *c, unused_arg const siginfo_t *info)
{
	struct session *s = container_of(c, struct session, child);

	/* What it printed last is in the terminal; its end of file closes the socket. */
	if (s->sock_fd < 0 || s->is_tty_over)
		session_free(s);
	else
		pidref_done(&s->pid);
}

static void session_end(struct session *s)
{
	session_close(s);
	if (!pidref_is_set(&s->pid))
		session_free(s);
	else
		(void)!pidref_kill(&s->pid, SIGKILL); /* its exit frees the session */
}

static int half_read(struct pipe_half *h, int fd)
{
	ssize_t n;

	if (h->n > 0)
		return 0;
	n = read(fd, h->buf, sizeof(h->buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE;
	h->n = (size_t)n;
	h->done = 0;
	return 0;
}

static int half_write(struct pipe_half *h, int fd, bool is_socket)
{
	while (h->done < h->n) {
		const char *p = h->buf + h->done;
		size_t left = h->n - h->done;
		ssize_t n = is_socket ? send(fd, p, left, MSG_NOSIGNAL) : write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		h->done += (size_t)n;
	}
	h->n = h->done = 0;
	return 0;
}

static void on_tty(struct loop_io *io, uint32_t events);

/* Each side is watched for what can happen next. */
static void session_watch(struct session *s)
{
	if (s->sock.loop != NULL)
		(void)!loop_io_set(&s->sock,
				   (s->in.n == 0 ? EPOLLIN : 0U) | (s->out.n > 0 ? EPOLLOUT : 0U));
	/* A terminal that hung up reports it for ever: away with it while its last bytes wait. */
	if (s->tty.loop != NULL && s->out.n > 0 && s->in.n == 0) {
		loop_io_del(&s->tty);
		return;
	}
	if (s->tty.loop == NULL && !s->is_tty_over &&
	    loop_io_add(s->console->loop, &s->tty, s->tty_fd, EPOLLIN, on_tty) < 0)
		return;
	if (s->tty.loop != NULL)
		(void)!loop_io_set(&s->tty,
				   (s->out.n == 0 ? EPOLLIN : 0U) | (s->in.n > 0 ? EPOLLOUT : 0U));
}

static int session_move(struct session *s, bool sock_ready, bool tty_ready)
{
	if (sock_ready && half_read(&s->in, s->sock_fd) < 0)
		return -EPIPE;
	if (tty_ready && half_read(&s->out, s->tty_fd) < 0) {
		s->is_tty_over = true;
		loop_io_del(&s->tty);
	}
	if (!s->is_tty_over && half_write(&s->in, s->tty_fd, false) < 0)
		return -EPIPE;
	if (half_write(&s->out, s->sock_fd, true) < 0)
		return -EPIPE;
	return s->is_tty_over && s->out.n == 0 ? -EPIPE : 0;
}

static void session_pump(struct session *s, bool sock_ready, bool tty_ready)
{
	if (session_move(s, sock_ready, tty_ready) < 0)
		session_end(s);
	else
		session_watch(s);
}

static void on_sock(struct loop_io *io, uint32_t events)
{
	struct session *s = container_of(io, struct session, sock);

	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		session_end(s);
	else
		session_pump(s, (events & EPOLLIN) != 0, false);
}

static void on_tty(struct loop_io *io, uint32_t events)
{
	session_pump(container_of(io, struct session, tty), false,
		     (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0);
}

/* @tty is borrowed. */
static int session_spawn(struct session *s, const char *shell, const char *option, int tty)
{
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		shell_main(shell, option, tty);
	r = pidref_open(pid, &s->pid);
	if (r == 0)
		r = loop_child_add(s->console->loop, &s->child, &s->pid, on_shell_exit);
	return r;
}

static struct session *session_new(struct debug_console *c)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->console = c;
	s->pid = PIDREF_INIT;
	s->sock = s->tty = LOOP_IO_INIT;
	s->sock_fd = s->tty_fd = -EBADF;
	list_add_tail(&c->sessions, &s->link);
	c->n_sessions++;
	return s;
}

static int session_start(struct session *s, int sock)
{
	const char *shell = find_shell();
	cleanup_close int slave = -EBADF;
	int r;

	s->sock_fd = sock;
	if (shell == NULL)
		return -ENOENT;
	if (openpty(&s->tty_fd, &slave, NULL, NULL, NULL) < 0)
		return -errno;
	r = fd_set_cloexec(s->tty_fd, true);
	if (r == 0)
		r = fd_set_cloexec(slave, true);
	if (r == 0)
		r = fd_set_nonblock(s->tty_fd, true);
	if (r == 0)
		r = session_spawn(s, shell, NULL, slave);
	if (r == 0)
		r = loop_io_add(s->console->loop, &s->sock, s->sock_fd, EPOLLIN, on_sock);
	if (r == 0)
		r = loop_io_add(s->console->loop, &s->tty, s->tty_fd, EPOLLIN, on_tty);
	return r;
}

static void on_connect(struct loop_io *io, unused_arg uint32_t events)
{
	struct debug_console *c = container_of(io, struct debug_console, listener);
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct session *s = NULL;
	int r;

	if (fd < 0)
		return;
	if (c->n_sessions < DEBUG_CONSOLE_SESSIONS_MAX)
		s = session_new(c);
	if (s == NULL) {
		log_warn("limit of %d sessions reached", DEBUG_CONSOLE_SESSIONS_MAX);
		fd_close(fd);
		return;
	}
	r = session_start(s, fd);
	if (r < 0) {
		log_error("no shell: %s", strerrordesc_np(-r));
		if (pidref_is_set(&s->pid))
			session_end(s);
		else
			session_free(s);
	}
}

static int start_on_console(struct debug_console *c, struct err *e)
{
	const char *shell = find_shell();
	cleanup_close int tty = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct session *s;
	int r;

	if (tty < 0)
		return err_set(e, -errno, "open /dev/console");
	if (shell == NULL)
		return err_refuse(e, ERR_INTERNAL, "no shell found");
	s = session_new(c);
	r = s != NULL ? session_spawn(s, shell, "-i", tty) : -ENOMEM;
	if (r < 0 && s != NULL)
		session_free(s);
	return r < 0 ? err_set(e, r, "start '%s'", shell) : 0;
}

static int listen_on(struct debug_console *c, const char *addr, struct err *e)
{
	struct ttrpc_addr a;
	int r = ttrpc_addr_parse(addr, &a, e);

	if (r == 0)
		r = ttrpc_addr_listen(&a, &c->listen_fd, e);
	if (r < 0)
		return r;
	r = loop_io_add(c->loop, &c->listener, c->listen_fd, EPOLLIN, on_connect);
	return r < 0 ? err_set(e, r, "watch '%s'", addr) : 0;
}

int debug_console_new(struct loop *loop, const char *addr, struct debug_console **ret,
		      struct err *e)
{
	struct debug_console *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return err_set(e, -ENOMEM, "debug console");
	c->loop = loop;
	c->listener = LOOP_IO_INIT;
	c->listen_fd = -EBADF;
	list_init(&c->sessions);
	r = addr != NULL ? listen_on(c, addr, e) : start_on_console(c, e);
	if (r < 0) {
		debug_console_free(c);
		return err_wrap(e, "debug console");
	}
	*ret = c;
	return 0;
}

void debug_console_free(struct debug_console *c)
{
	if (c == NULL)
		return;
	loop_io_del(&c->listener);
	fd_close(c->listen_fd);
	while (!list_empty(&c->sessions)) {
		struct session *s = list_entry(c->sessions.next, struct session, link);

		if (pidref_is_set(&s->pid))
			(void)!pidref_kill(&s->pid, SIGKILL);
		session_free(s);
	}
	free(c);
}
