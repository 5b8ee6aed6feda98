/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting the agent together and taking it apart. The port listens first, so that a host's dial
 * waits in the backlog instead of being refused; nothing is answered before everything is there.
 */
#define LOG_MODULE "agent"

#include "agent/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/debug_console.h"
#include "agent/dispatch.h"
#include "agent/init_link.h"
#include "agent/log_port.h"
#include "agent/oom.h"
#include "agent/orphans.h"
#include "agent/resource.h"
#include "agent/sandbox.h"
#include "agent/worker.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/timeline.h"
#include "container/cgroup.h"
#include "container/seccomp.h"
#include "ttrpc/addr.h"
#include "ttrpc/server.h"

#define RUN_DIR          "/run/kata-containers"
#define CGROUP_NAME      "pith-agent"
#define OOM_SCORE_ADJ    "-997" /* as the unit file that Kata ships */
#define MEMORY_MIN_BYTES (8u << 20)

static int set_paths(struct agent *a, const char *run, struct err *e)
{
	struct agent_paths *p = &a->paths;

	if (run == NULL)
		run = RUN_DIR;
	p->run = strdup(run);
	if (p->run == NULL || asprintf(&p->shared, "%s/shared/containers", run) < 0 ||
	    asprintf(&p->sandbox, "%s/sandbox", run) < 0)
		return err_set(e, -ENOMEM, "paths below '%s'", run);
	return 0;
}

static int listen_on(struct agent *a, struct err *e)
{
	struct ttrpc_addr addr;
	int fd = -EBADF;
	int r;

	r = ttrpc_server_new(a->loop, dispatch_request, a, &a->server);
	if (r < 0)
		return err_set(e, r, "make the server");
	if (ttrpc_addr_parse(a->config.server_addr, &addr, e) < 0) {
		/* A guest that answers elsewhere than asked can be reached; one that ends cannot. */
		log_error("%s: using %s", e->msg, AGENT_DEFAULT_ADDR);
		*e = (struct err){0};
		a->config.server_addr = AGENT_DEFAULT_ADDR;
	}
	r = ttrpc_addr_parse(a->config.server_addr, &addr, e);
	if (r == 0)
		r = ttrpc_addr_listen(&addr, &fd, e);
	if (r < 0)
		return err_wrap(e, "listen on '%s'", a->config.server_addr);
	r = ttrpc_server_add_listener_take(a->server, fd);
	if (r < 0) {
		fd_close(fd);
		return err_set(e, r, "listen on '%s'", a->config.server_addr);
	}
	return 0;
}

/* Of the initramfs, which cannot be pivoted away from. */
static bool root_is_rootfs(void)
{
	cleanup_fclose FILE *f = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f != NULL && getline(&line, &size, f) > 0) {
		/* The mount point is the fifth field; the type follows the separator. */
		if (strstr(line, " / / ") != NULL)
			found = strstr(line, " - rootfs ") != NULL;
	}
	return found;
}

static int open_null(void)
{
	struct stat st;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
		fd_close(fd);
		return -ENODEV;
	}
	return fd;
}

static int set_host(struct agent *a, struct err *e)
{
	struct ctr_host *h = &a->host;
	struct rlimit all;
	int r;

	h->loop = a->loop;
	h->is_agent = true;
	h->default_oom_score_adj = 0; /* ours must not leak into containers */
	h->default_hook_timeout_s = 10;
	h->bundle_root = a->paths.run;
	h->no_pivot = root_is_rootfs();
	if (getrlimit(RLIMIT_NOFILE, &h->boot_nofile) < 0)
		return err_set(e, -errno, "read the fd limit");
	all = (struct rlimit){h->boot_nofile.rlim_max, h->boot_nofile.rlim_max};
	if (setrlimit(RLIMIT_NOFILE, &all) < 0)
		log_warn("the fd limit stays at %ju", (uintmax_t)h->boot_nofile.rlim_cur);
	h->null_fd = open_null();
	if (h->null_fd < 0)
		return err_set(e, h->null_fd, "/dev/null is not the null device");
	h->own_pidns_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (h->own_pidns_fd < 0)
		return err_set(e, -errno, "open the own pid namespace");
	r = ctr_seccomp_cache_new(&h->seccomp);
	return r < 0 ? err_set(e, r, "seccomp cache") : 0;
}

/* What keeps the agent alive under pressure. None of it is worth failing for. */
static void protect_self(void)
{
	struct err e = {0};

	if (fd_write_str(AT_FDCWD, "/proc/self/oom_score_adj", OOM_SCORE_ADJ) < 0)
		log_warn("oom_score_adj cannot be lowered");
	if (ctr_cgroup_join_self(CGROUP_NAME, MEMORY_MIN_BYTES, &e) < 0)
		log_warn("own cgroup: %s", e.msg);
}

static void on_signal(void *data, int sig, unused_arg pid_t sender)
{
	struct agent *a = data;

	if (sig == SIGCHLD)
		orphans_reap(a->loop);
	else
		(void)agent_shutdown(a, NULL);
}

static int watch_signals(struct agent *a, struct err *e)
{
	sigset_t mask;
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	if (a->init == NULL) {
		/* Under init, orphans are init's, and so survive this process. */
		sigaddset(&mask, SIGCHLD);
		if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
			return err_set(e, -errno, "become the reaper of orphans");
	}
	r = loop_signal_add(a->loop, &mask, on_signal, a);
	return r < 0 ? err_set(e, r, "watch signals") : 0;
}

static int open_init(struct agent *a, const struct agent_options *o, struct err *e)
{
	if (o->timeline_fd >= 0 && timeline_map(o->timeline_fd, &a->timeline) < 0)
		log_warn("fd %d is not a boot timeline, ignored", o->timeline_fd);
	fd_close(o->timeline_fd);
	a->is_under_init = o->init_fd >= 0 || getpid() == 1;
	if (o->init_fd < 0)
		return 0;
	return init_link_new_consume(a->loop, o->init_fd, &a->init, e);
}

/* "vsock://-1:PORT" in @buf, or NULL for port 0. */
static const char *port_addr(uint32_t port, char *buf, size_t size)
{
	if (port == 0)
		return NULL;
	(void)snprintf(buf, size, "vsock://-1:%u", port);
	return buf;
}

/* The agent is worth more than its log or a shell: what fails here is told and done without. */
static void open_extras(struct agent *a)
{
	char addr[64];
	struct err e = {0};

	if (log_port_new(a->loop, port_addr(a->config.log_vport, addr, sizeof(addr)), &a->log_port,
			 &e) < 0)
		log_error("%s", e.msg);
	if (a->config.debug_console &&
	    debug_console_new(a->loop, port_addr(a->config.debug_console_vport, addr, sizeof(addr)),
			      &a->debug_console, &e) < 0)
		log_error("%s", e.msg);
}

static int build(struct agent *a, const struct agent_options *o, struct err *e)
{
	int r = loop_new(&a->loop);

	if (r < 0)
		return err_set(e, r, "make the event loop");
	r = open_init(a, o, e);
	if (r == 0)
		r = agent_config_load(&a->config, o->config_file, "/proc/cmdline", e);
	if (r < 0)
		return r;
	log_set_level(a->config.log_level);
	r = watch_signals(a, e);
	if (r == 0)
		r = set_paths(a, o->run_dir, e);
	if (r == 0)
		r = listen_on(a, e);
	if (r < 0)
		return r;
	timeline_mark(a->timeline, "agent-listening");
	open_extras(a);

	r = set_host(a, e);
	if (r == 0)
		r = ctr_cgroup_setup(e);
	if (r < 0)
		return r;
	ctr_cgroup_tolerate_foreign();
	protect_self();
	r = sandbox_new(&a->sandbox);
	if (r == 0)
		r = oom_queue_new(&a->oom);
	if (r < 0)
		return err_set(e, r, "sandbox state");
	r = path_mkdir_all(a->paths.run, 0711);
	if (r < 0)
		return err_set(e, r, "make '%s'", a->paths.run);
	r = resource_new(a, &a->resource, e);
	return r;
}

int agent_new(const struct agent_options *o, struct agent **ret, struct err *e)
{
	struct agent *a = calloc(1, sizeof(*a));
	int r;

	if (a == NULL)
		return err_set(e, -ENOMEM, "agent");
	agent_config_init(&a->config);
	a->host.null_fd = a->host.own_pidns_fd = -EBADF;
	r = build(a, o, e);
	if (r < 0) {
		agent_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

int agent_run(struct agent *a)
{
	log_info("pith-agent %s answers on %s", PITH_VERSION, a->config.server_addr);
	timeline_mark(a->timeline, "agent-ready");
	init_link_ready(a->init);
	return loop_run(a->loop);
}

void agent_free(struct agent *a)
{
	debug_console_free(a->debug_console);
	workers_stop();
	ttrpc_server_free(a->server);
	free(a->shutdown);
	resource_free(a->resource);
	oom_queue_free(a->oom);
	sandbox_free(a->sandbox);
	ctr_seccomp_cache_free(a->host.seccomp);
	fd_close(a->host.null_fd);
	fd_close(a->host.own_pidns_fd);
	log_port_free(a->log_port);
	init_link_free(a->init);
	timeline_unmap(a->timeline);
	free(a->paths.run);
	free(a->paths.shared);
	free(a->paths.sandbox);
	agent_config_done(&a->config);
	loop_free(a->loop);
	free(a);
}
