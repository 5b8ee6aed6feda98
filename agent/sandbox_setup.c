/* SPDX-License-Identifier: Apache-2.0 */
/* Worker side of CreateSandbox: run directory, kernel modules, namespaces, resolv.conf. */
#define LOG_MODULE "sandbox"

#include "agent/sandbox_setup.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/bundle.h"
#include "agent/sandbox.h"
#include "agent/worker.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#define SETUP_TIMEOUT_NS (50 * UINT64_C(1000000000)) /* below the hosts' 60 s */
#define MODPROBE         "/sbin/modprobe"
#define RESOLV_CONF      "/etc/resolv.conf"
#define DNS_MAX          65536
#define MODULE_ARGS_MAX  64

struct setup_job {
	const struct agent *a;
	const Grpc__CreateSandboxRequest *req;
	sandbox_setup_fn setup_done;
	void (*dns_done)(void *data, const struct err *e);
	void *done_data;
	bool drops_dns; /* of an earlier sandbox */
};

int sandbox_setup_check(const Grpc__CreateSandboxRequest *req, struct err *e)
{
	for (size_t i = 0; i < req->n_kernel_modules; i++) {
		const Grpc__KernelModule *m = req->kernel_modules[i];

		if (str_empty(m->name))
			return err_refuse(e, ERR_INTERNAL, "Kernel module name is empty");
		if (m->name[0] == '-' || strchr(m->name, '/') != NULL)
			return err_refuse(e, ERR_INVALID, "kernel module name '%s' is not allowed",
					  m->name);
		if (m->n_parameters > MODULE_ARGS_MAX)
			return err_refuse(e, ERR_LIMIT,
					  "kernel module '%s': limit of %d parameters reached",
					  m->name, MODULE_ARGS_MAX);
	}
	return 0;
}

static int load_module(const Grpc__KernelModule *m, struct err *e)
{
	cleanup_str struct str out = STR_INIT(120), err = STR_INIT(120);
	const char *argv[MODULE_ARGS_MAX + 4] = {MODPROBE, "-v", m->name};
	int r;

	for (size_t i = 0; i < m->n_parameters; i++)
		argv[3 + i] = m->parameters[i];
	r = worker_exec(argv, NULL, 0, &out, &err, e);
	if (r < 0)
		return r;
	if (r > 128)
		return err_refuse(e, ERR_INTERNAL, "modprobe %s: Process terminated by signal",
				  m->name);
	if (r != 0)
		return err_refuse(e, ERR_INTERNAL,
				  "load_kernel_module return code: %d stdout:%s stderr:%s", r,
				  str_text(&out), str_text(&err));
	return 0;
}

static int make_dirs(const struct agent_paths *p, struct err *e)
{
	const char *const dirs[] = {p->run, p->shared, p->sandbox};

	/* What is mounted below stays; everything else is of an earlier sandbox. */
	(void)!bundle_remove_tree(p->run);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		int r = path_mkdir_all(dirs[i], 0711);

		if (r < 0)
			return err_set(e, r, "make '%s'", dirs[i]);
	}
	return 0;
}

static int make_namespaces(const char *hostname, struct worker_out *out, struct err *e)
{
	if (unshare(CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_set(e, -errno, "setup persistent IPC namespace and UTS namespace");
	/* Cut rather than refused, as one of the hosts cuts it. */
	if (!str_empty(hostname) &&
	    sethostname(hostname, MIN(strlen(hostname), (size_t)HOST_NAME_MAX)) < 0)
		return err_set(e, -errno, "setup persistent UTS namespace: hostname '%s'",
			       hostname);
	out->fds[0] = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	out->fds[1] = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	if (out->fds[0] < 0 || out->fds[1] < 0)
		return err_set(e, -errno, "setup persistent namespaces");
	out->n_fds = 2;
	return 0;
}

static int setup_in_worker(void *data, struct worker_out *out, struct err *e)
{
	const struct setup_job *j = data;
	int r;

	if (j->drops_dns && umount2(RESOLV_CONF, MNT_DETACH) < 0 && errno != EINVAL)
		return err_set(e, -errno, "unmount '%s'", RESOLV_CONF);
	r = make_dirs(&j->a->paths, e);
	for (size_t i = 0; r == 0 && i < j->req->n_kernel_modules; i++)
		r = load_module(j->req->kernel_modules[i], e);
	if (r == 0)
		r = make_namespaces(j->req->hostname, out, e);
	return r;
}

static void on_setup(void *data, const struct err *e, unused_arg const void *payload,
		     unused_arg size_t n, int *fds, size_t n_fds)
{
	struct setup_job *j = data;
	int none[2] = {-EBADF, -EBADF};
	struct err lost = {0};

	if (e->code == 0 && n_fds != 2) {
		(void)!err_refuse(&lost, ERR_INTERNAL, "setup persistent namespaces: fds lost");
		e = &lost;
	}
	j->setup_done(j->done_data, e, e->code == 0 ? fds : none);
	free(j);
}

/* ---- DNS ---- */

static int write_resolv_conf(const struct setup_job *j, const char *path, struct err *e)
{
	cleanup_str struct str text = STR_INIT(DNS_MAX);
	cleanup_close int fd = -EBADF;
	ssize_t n;

	for (size_t i = 0; i < j->req->n_dns; i++) {
		struct slice line = slice_trim(slice_of(j->req->dns[i]));

		(void)str_add_n(&text, line.p, line.n);
		if (i + 1 < j->req->n_dns)
			(void)str_add_char(&text, '\n');
	}
	if (str_check(&text) < 0)
		return err_refuse(e, ERR_LIMIT, "dns: limit of %d bytes reached", DNS_MAX);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, -errno, "write '%s'", path);
	n = fd_write_full(fd, str_text(&text), text.n);
	return n < 0 ? err_set(e, (int)n, "write '%s'", path) : 0;
}

static int dns_in_worker(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct setup_job *j = data;
	cleanup_str struct str path = STR_INIT(PATH_MAX);
	struct stat st;
	int r;

	if (stat(RESOLV_CONF, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "failed to setup guest DNS");
	if (S_ISDIR(st.st_mode))
		return err_refuse(e, ERR_INTERNAL, "failed to setup guest DNS: %s is a directory",
				  RESOLV_CONF);
	(void)str_addf(&path, "%s/resolv.conf", j->a->paths.sandbox);
	r = str_check(&path);
	if (r < 0)
		return err_set(e, r, "failed to setup guest DNS");
	r = write_resolv_conf(j, str_text(&path), e);
	if (r < 0)
		return r;
	if (mount(str_text(&path), RESOLV_CONF, NULL, MS_BIND, NULL) < 0)
		return err_set(e, -errno, "failed to setup guest DNS");
	return 0;
}

static void on_dns(void *data, const struct err *e, unused_arg const void *payload,
		   unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	struct setup_job *j = data;

	j->dns_done(j->done_data, e);
	free(j);
}

/* ---- both ---- */

static int start(struct agent *a, struct setup_job *j, const char *name, worker_fn fn,
		 worker_done_fn done, struct err *e)
{
	struct worker_job job = {
		.name = name,
		.fn = fn,
		.fn_data = j,
		.timeout_ns = SETUP_TIMEOUT_NS,
		.done = done,
		.done_data = j,
	};
	int r = worker_run(a->loop, &job, NULL, e);

	if (r < 0)
		free(j);
	return r;
}

int sandbox_setup_start(struct agent *a, const Grpc__CreateSandboxRequest *req,
			sandbox_setup_fn done, void *data, struct err *e)
{
	struct setup_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return err_set(e, -ENOMEM, "create sandbox");
	*j = (struct setup_job){
		.a = a,
		.req = req,
		.setup_done = done,
		.done_data = data,
		.drops_dns = a->sandbox->has_dns_mount,
	};
	return start(a, j, "create sandbox", setup_in_worker, on_setup, e);
}

int sandbox_dns_start(struct agent *a, const Grpc__CreateSandboxRequest *req,
		      void (*done)(void *data, const struct err *e), void *data, struct err *e)
{
	struct setup_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return err_set(e, -ENOMEM, "failed to setup guest DNS");
	*j = (struct setup_job){.a = a, .req = req, .dns_done = done, .done_data = data};
	return start(a, j, "guest DNS", dns_in_worker, on_dns, e);
}
