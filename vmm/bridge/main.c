/* SPDX-License-Identifier: Apache-2.0 */
/* pith-vsockd: options, sockets, confinement, loop. Everything of substance is elsewhere. */
#define LOG_MODULE "main"

#include <getopt.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/path.h"
#include "vmm/bridge/confine.h"
#include "vmm/bridge/device.h"
#include "vmm/bridge/hybrid.h"

#define BACKLOG      512
#define VHOST_WAIT_S 5 /* for the rest of a message that QEMU began */

struct options {
	const char *vhost, *listen, *dial;
	int vhost_fd, listen_fd;
	uint32_t cid;
	bool once;
	struct vsb_confine confine;
};

struct server {
	struct loop *loop;
	struct vsb_dev dev;
	struct loop_io vhost_io; /* the listening socket, or QEMU's connection while there is one */
	struct loop_io listen_io;
	int vhost_listen_fd; /* -EBADF when a connected socket was passed */
	int vhost_fd;
	int listen_fd;
	bool once;
};

static const char usage[] =
	"usage: pith-vsockd (--vhost PATH | --vhost-fd N) (--listen PATH | --listen-fd N)\n"
	"                   [--dial PATH] [--cid N] [--uid N --gid N] [--once] [--seccomp on|off]\n"
	"\n"
	"Serves one vhost-user-vsock device. Clients connect to the --listen socket and write\n"
	"\"CONNECT <port>\\n\"; a guest that dials port N of CID 2 reaches the socket \"<dial>_N\".\n"
	"\n"
	"  --vhost PATH     listen there for QEMU (-chardev socket,path=PATH)\n"
	"  --vhost-fd N     the same with an inherited socket, listening or connected\n"
	"  --listen PATH    listen there for clients; --listen-fd N: inherited and listening\n"
	"  --dial PATH      prefix of the sockets that the guest may dial (default: --listen)\n"
	"  --cid N          context id that the guest sees as its own (default 3)\n"
	"  --uid N, --gid N become these ids; with --dial also chroot to its directory\n"
	"  --once           exit when QEMU disconnects\n"
	"  --seccomp off    do not load the system call filter (for debugging)\n"
	"  --help, --version\n";

/* ---- QEMU ---- */

static void vhost_accept(struct loop_io *io, uint32_t events);

static void vhost_gone(struct server *s)
{
	vsb_dev_unplug(&s->dev);
	loop_io_del(&s->vhost_io);
	s->vhost_fd = fd_close(s->vhost_fd);
	if (s->once || s->vhost_listen_fd < 0 ||
	    loop_io_add(s->loop, &s->vhost_io, s->vhost_listen_fd, EPOLLIN, vhost_accept) < 0)
		loop_quit(s->loop, EXIT_SUCCESS);
}

static void vhost_readable(struct loop_io *io, uint32_t events unused_arg)
{
	struct server *s = container_of(io, struct server, vhost_io);
	char text[ERR_TEXT_MAX];
	struct err e = {0};
	int r = vsb_vu_serve(&s->dev.vu, s->vhost_fd, &e);

	if (r < 0)
		log_error("QEMU: %s; hanging up", err_text(&e, text, sizeof(text)));
	if (r <= 0)
		vhost_gone(s);
}

/* Takes the connected socket. */
static int vhost_attach(struct server *s, int fd)
{
	const struct timeval wait = {.tv_sec = VHOST_WAIT_S};

	loop_io_del(&s->vhost_io);
	s->vhost_fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	return loop_io_add(s->loop, &s->vhost_io, fd, EPOLLIN, vhost_readable);
}

static void vhost_accept(struct loop_io *io, uint32_t events unused_arg)
{
	struct server *s = container_of(io, struct server, vhost_io);
	int fd = accept4(s->vhost_listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0 && vhost_attach(s, fd) < 0)
		vhost_gone(s);
}

static void client_waits(struct loop_io *io, uint32_t events unused_arg)
{
	struct server *s = container_of(io, struct server, listen_io);

	vsb_hybrid_accept(&s->dev, s->listen_fd);
}

static void signalled(void *data, int sig unused_arg, pid_t sender unused_arg)
{
	struct server *s = data;

	loop_quit(s->loop, EXIT_SUCCESS);
}

/* ---- start ---- */

static int listen_at(const char *path, struct err *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	cleanup_close int fd = -EBADF;
	struct stat st;

	if (str_copy(sa.sun_path, sizeof(sa.sun_path), path) < 0)
		return err_refuse(e, ERR_INVALID, "socket path '%s' is too long", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, -errno, "unix socket");

	/* A socket file that nobody listens on is a leftover. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
			return err_refuse(e, ERR_EXISTS, "'%s' is in use", path);
		(void)unlink(path);
	}
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(e, -errno, "listen on '%s'", path);
	return TAKE_FD(fd);
}

/* An inherited fd, moved up so that it cannot be taken for ours. Return: fd; *ret_listening. */
static int inherit(int fd, bool *ret_listening, struct err *e)
{
	int is_listening = 0, r;
	socklen_t len = sizeof(is_listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) < 0)
		return err_set(e, -errno, "inherited fd %d", fd);
	r = fd_set_cloexec(fd, true);
	if (r == 0 && is_listening)
		r = fd_set_nonblock(fd, true);
	if (r < 0)
		return err_set(e, r, "inherited fd %d", fd);
	*ret_listening = is_listening != 0;
	return fd;
}

static int open_sockets(struct server *s, const struct options *o, struct err *e)
{
	bool listening = true;
	int fd;

	fd = o->vhost != NULL ? listen_at(o->vhost, e) : inherit(o->vhost_fd, &listening, e);
	if (fd < 0)
		return fd;
	if (listening)
		s->vhost_listen_fd = fd;
	else
		s->vhost_fd = fd;

	s->listen_fd =
		o->listen != NULL ? listen_at(o->listen, e) : inherit(o->listen_fd, &listening, e);
	if (s->listen_fd < 0)
		return s->listen_fd;
	if (o->listen == NULL && !listening)
		return err_refuse(e, ERR_INVALID, "--listen-fd is not a listening socket");
	return 0;
}

static int watch(struct server *s, struct err *e)
{
	sigset_t mask;
	int r;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	r = loop_signal_add(s->loop, &mask, signalled, s);
	if (r == 0)
		r = loop_io_add(s->loop, &s->listen_io, s->listen_fd, EPOLLIN, client_waits);
	if (r == 0 && s->vhost_listen_fd >= 0)
		r = loop_io_add(s->loop, &s->vhost_io, s->vhost_listen_fd, EPOLLIN, vhost_accept);
	else if (r == 0)
		r = vhost_attach(s, s->vhost_fd);
	return r < 0 ? err_set(e, r, "event loop") : 0;
}

static int run(struct options *o, struct err *e)
{
	static struct server s;
	static char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *dial = o->dial != NULL ? o->dial : o->listen;
	int r;

	s = (struct server){.vhost_io = LOOP_IO_INIT,
			    .listen_io = LOOP_IO_INIT,
			    .vhost_listen_fd = -EBADF,
			    .vhost_fd = -EBADF,
			    .listen_fd = -EBADF,
			    .once = o->once};
	r = open_sockets(&s, o, e);
	if (r < 0)
		return r;
	r = loop_new(&s.loop);
	if (r < 0)
		return err_set(e, r, "event loop");

	/* connect() is the one call that still takes paths: inside a chroot it reaches this VM's only. */
	if (dial != NULL && o->confine.uid != (uid_t)-1) {
		if (str_copy(dir, sizeof(dir), dial) < 0)
			return err_refuse(e, ERR_INVALID, "--dial '%s' is too long", dial);
		dir[path_base(dial) - dial] = '\0';
		o->confine.root = dir[0] != '\0' ? dir : ".";
		dial = path_base(dial);
	}
	vsb_dev_init(&s.dev, s.loop, o->cid, dial);

	r = watch(&s, e);
	if (r == 0)
		r = vsb_confine(&o->confine, e);
	if (r < 0)
		return r;

	r = loop_run(s.loop);
	vsb_dev_done(&s.dev);
	loop_free(s.loop);
	return r < 0 ? err_set(e, r, "event loop") : 0;
}

/* ---- options ---- */

enum {
	O_VHOST = 256,
	O_VHOST_FD,
	O_LISTEN,
	O_LISTEN_FD,
	O_DIAL,
	O_CID,
	O_UID,
	O_GID,
	O_ONCE,
	O_SECCOMP,
	O_HELP,
	O_VERSION,
};

static const struct option long_options[] = {
	{"vhost", required_argument, NULL, O_VHOST},
	{"vhost-fd", required_argument, NULL, O_VHOST_FD},
	{"listen", required_argument, NULL, O_LISTEN},
	{"listen-fd", required_argument, NULL, O_LISTEN_FD},
	{"dial", required_argument, NULL, O_DIAL},
	{"cid", required_argument, NULL, O_CID},
	{"uid", required_argument, NULL, O_UID},
	{"gid", required_argument, NULL, O_GID},
	{"once", no_argument, NULL, O_ONCE},
	{"seccomp", required_argument, NULL, O_SECCOMP},
	{"help", no_argument, NULL, O_HELP},
	{"version", no_argument, NULL, O_VERSION},
	{0},
};

static int number(const char *name, const char *text, uint32_t max, uint32_t *ret, struct err *e)
{
	if (parse_u32(text, ret) < 0 || *ret > max)
		return err_refuse(e, ERR_INVALID, "--%s: '%s' is not a number up to %u", name, text,
				  max);
	return 0;
}

static int set_option(struct options *o, int c, struct err *e)
{
	uint32_t n = 0;
	int r = 0;

	switch (c) {
	case O_VHOST:
		o->vhost = optarg;
		break;
	case O_VHOST_FD:
		r = number("vhost-fd", optarg, INT32_MAX, &n, e);
		o->vhost_fd = (int)n;
		break;
	case O_LISTEN:
		o->listen = optarg;
		break;
	case O_LISTEN_FD:
		r = number("listen-fd", optarg, INT32_MAX, &n, e);
		o->listen_fd = (int)n;
		break;
	case O_DIAL:
		o->dial = optarg;
		break;
	case O_CID:
		/* 0 to 2 and the highest are reserved: vsock(7). */
		r = number("cid", optarg, UINT32_MAX - 1, &o->cid, e);
		if (r == 0 && o->cid < 3)
			r = err_refuse(e, ERR_INVALID, "--cid: 0 to 2 are reserved");
		break;
	case O_UID:
		r = number("uid", optarg, UINT32_MAX - 1, &o->confine.uid, e);
		break;
	case O_GID:
		r = number("gid", optarg, UINT32_MAX - 1, &o->confine.gid, e);
		break;
	case O_ONCE:
		o->once = true;
		break;
	case O_SECCOMP:
		if (!streq(optarg, "on") && !streq(optarg, "off"))
			return err_refuse(e, ERR_INVALID, "--seccomp takes on or off");
		o->confine.seccomp = streq(optarg, "on");
		break;
	default:
		return err_refuse(e, ERR_INVALID, "bad option; see --help");
	}
	return r;
}

static int check_options(const struct options *o, struct err *e)
{
	if ((o->vhost != NULL) == (o->vhost_fd >= 0))
		return err_refuse(e, ERR_INVALID,
				  "exactly one of --vhost and --vhost-fd is needed");
	if ((o->listen != NULL) == (o->listen_fd >= 0))
		return err_refuse(e, ERR_INVALID,
				  "exactly one of --listen and --listen-fd is needed");
	if ((o->confine.uid == (uid_t)-1) != (o->confine.gid == (gid_t)-1))
		return err_refuse(e, ERR_INVALID, "--uid and --gid go together");
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.vhost_fd = -EBADF,
			    .listen_fd = -EBADF,
			    .cid = 3,
			    .confine = {.uid = (uid_t)-1, .gid = (gid_t)-1, .seccomp = true}};
	char text[ERR_TEXT_MAX];
	struct err e = {0};
	int c, r = 0;

	log_setup("pith-vsockd", "vsockd", LOG_PLAIN);
	(void)signal(SIGPIPE, SIG_IGN);
	opterr = 0;
	while (r == 0 && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == O_HELP || c == O_VERSION) {
			(void)fputs(c == O_HELP ? usage : "pith-vsockd " PITH_VERSION "\n", stdout);
			return EXIT_SUCCESS;
		}
		r = set_option(&o, c, &e);
	}
	if (r == 0 && optind < argc)
		r = err_refuse(&e, ERR_INVALID, "unexpected argument '%s'", argv[optind]);
	if (r == 0)
		r = check_options(&o, &e);
	if (r == 0)
		r = run(&o, &e);
	if (r < 0) {
		(void)fprintf(stderr, "pith-vsockd: %s\n", err_text(&e, text, sizeof(text)));
		return e.kind == ERR_INVALID ? 2 : EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
