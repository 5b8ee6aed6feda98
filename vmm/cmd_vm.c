/* SPDX-License-Identifier: Apache-2.0 */
/* `pith-vm start`, `stop`, `ls`, `info`, `console`: VMs that outlive a command. */
#include "vmm/cmd.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "vmm/ctl_args.h"
#include "vmm/ctl_run.h"
#include "vmm/launch.h"

#define ARENA_MAX    (256U * 1024)
#define POWER_OFF_MS 15000
#define QUIT_MS      10000
#define MIB          (1024U * 1024)

int vmm_cmd_start(int argc, char **argv)
{
	static struct vmm_launch l;
	cleanup_free char *json = NULL;
	struct vmm_config c;
	struct err e = {0};
	int r;

	vmm_config_init(&c);
	r = vmm_config_parse(&c, argc, argv, false, &e);
	if (r != 0) {
		vmm_config_done(&c);
		return r > 0 ? vmm_cmd_help() : vmm_cmd_fail(&e);
	}
	vmm_launch_init(&l, &c);
	r = vmm_launch(&l, &e);
	if (r == 0) {
		json = vmm_state_json(&l.state, false);
		if (c.json && json != NULL)
			(void)puts(json);
		else
			(void)printf("%s\n", l.state.name);
		vmm_launch_detach(&l);
	}
	vmm_launch_done(&l);
	vmm_config_done(&c);
	return r < 0 ? vmm_cmd_fail(&e) : 0;
}

/* ---- one VM by name ---- */

struct named {
	struct vmm_state state;
	struct pidref keeper;
	bool json, force, follow;
};

/* Options --json, --force, --follow and the name. Return: 0, 1 after help, or -errno. */
static int find(int argc, char **argv, struct named *ret, struct err *e)
{
	static const struct option opts[] = {{"json", no_argument, NULL, 'j'},
					     {"force", no_argument, NULL, 'f'},
					     {"follow", no_argument, NULL, 'F'},
					     {"help", no_argument, NULL, 'h'},
					     {0}};
	int c, r;

	*ret = (struct named){.keeper = PIDREF_INIT};
	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
		if (c == 'h')
			return 1;
		if (c == '?')
			return err_refuse(e, ERR_INVALID, "unknown option '%s'; see --help",
					  argv[optind - 1]);
		ret->json |= c == 'j';
		ret->force |= c == 'f';
		ret->follow |= c == 'F';
	}
	if (argc - optind != 1)
		return err_refuse(e, ERR_INVALID, "give the name of one VM");
	r = vmm_state_read(argv[optind], &ret->state, e);
	if (r < 0)
		return r;
	r = vmm_state_keeper(&ret->state, &ret->keeper);
	if (r == 0)
		return 0;
	vmm_state_remove(argv[optind]);
	return err_refuse(e, ERR_NOT_FOUND, "VM '%s' is not running any more", argv[optind]);
}

static bool ended(const struct pidref *keeper, int wait_ms)
{
	struct pollfd p = {.fd = keeper->pidfd, .events = POLLIN};

	return poll(&p, 1, wait_ms) == 1;
}

/* The guest's own power-off: everything in it is stopped in order and its disks are synced. */
static bool ask_guest(const struct named *v)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	const struct vmm_config c = {0};
	static struct vmm_paths paths;
	char vsock[VMM_PATH_MAX];
	struct err e = {0};
	char **destroy;

	if (vmm_paths_find(&c, &paths, &e) < 0 && paths.ctl[0] == '\0')
		return false;
	if (vmm_state_path(v->state.name, "vsock.sock", vsock, &e) < 0)
		return false;
	destroy = vmm_ctl_destroy(paths.ctl, vsock, &a);
	return destroy != NULL && vmm_ctl_execute(destroy, VMM_CTL_SILENT, &e) == 0 &&
	       ended(&v->keeper, POWER_OFF_MS);
}

int vmm_cmd_stop(int argc, char **argv)
{
	struct err e = {0};
	struct named v;
	int r = find(argc, argv, &v, &e);

	if (r != 0)
		return r > 0 ? vmm_cmd_help() : vmm_cmd_fail(&e);
	if (v.force || !ask_guest(&v)) {
		/* The keeper asks QEMU to quit, then kills it. */
		vmm_ignore(pidref_kill(&v.keeper, SIGTERM));
		if (!ended(&v.keeper, QUIT_MS)) {
			vmm_ignore(pidref_kill(&v.keeper, SIGKILL));
			(void)ended(&v.keeper, QUIT_MS);
		}
	}
	pidref_done(&v.keeper);
	vmm_state_remove(v.state.name);
	return 0;
}

int vmm_cmd_info(int argc, char **argv)
{
	cleanup_free char *json = NULL;
	struct err e = {0};
	struct named v;
	int r = find(argc, argv, &v, &e);

	if (r != 0)
		return r > 0 ? vmm_cmd_help() : vmm_cmd_fail(&e);
	pidref_done(&v.keeper);
	json = vmm_state_json(&v.state, !v.json);
	if (json == NULL) {
		vmm_ignore(err_set(&e, -ENOMEM, "info"));
		return vmm_cmd_fail(&e);
	}
	(void)puts(json);
	return 0;
}

/* ---- console ---- */

/* Copies what there is from the offset of @fd on. Return: 0 or -errno. */
static int copy_out(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (fd_write_full(STDOUT_FILENO, buf, (size_t)n) != n)
			return -EPIPE;
	return n < 0 ? -errno : 0;
}

static int follow(int fd, const char *path, const struct pidref *keeper)
{
	cleanup_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char events[sizeof(struct inotify_event) + NAME_MAX + 1];

	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
		return -errno;
	for (;;) {
		struct pollfd p[] = {{.fd = watch, .events = POLLIN},
				     {.fd = keeper->pidfd, .events = POLLIN}};
		int r = copy_out(fd);

		if (r < 0)
			return r;
		if (poll(p, 2, -1) < 0)
			return -errno;
		if ((p[1].revents & POLLIN) != 0)
			return copy_out(fd);
		if (read(watch, events, sizeof(events)) < 0 && errno != EAGAIN)
			return -errno;
	}
}

int vmm_cmd_console(int argc, char **argv)
{
	cleanup_close int fd = -EBADF;
	char path[VMM_PATH_MAX];
	struct err e = {0};
	struct named v;
	int r = find(argc, argv, &v, &e);

	if (r != 0)
		return r > 0 ? vmm_cmd_help() : vmm_cmd_fail(&e);
	r = vmm_state_path(v.state.name, "console.log", path, &e);
	if (r == 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? -errno : v.follow ? follow(fd, path, &v.keeper) : copy_out(fd);
		if (r < 0)
			r = err_set(&e, r, "read '%s'", path);
	}
	pidref_done(&v.keeper);
	return r < 0 ? vmm_cmd_fail(&e) : 0;
}

/* ---- ls ---- */

static int print_one(const struct vmm_state *s, void *data)
{
	const bool *as_json = data;
	cleanup_free char *json = NULL;

	if (!*as_json) {
		(void)printf("%-20s %7d %5" PRIu32 " %7" PRIu64 "M  %s\n", s->name, s->qemu,
			     s->cpus, s->memory / MIB, s->accel);
		return 0;
	}
	json = vmm_state_json(s, false);
	if (json == NULL)
		return -ENOMEM;
	(void)puts(json);
	return 0;
}

int vmm_cmd_ls(int argc, char **argv)
{
	bool as_json = argc == 2 && streq(argv[1], "--json");
	struct err e = {0};

	if (argc == 2 && streq(argv[1], "--help"))
		return vmm_cmd_help();
	if (argc > 1 && !as_json) {
		vmm_ignore(err_refuse(&e, ERR_INVALID, "ls takes only --json"));
		return vmm_cmd_fail(&e);
	}
	if (!as_json)
		(void)printf("%-20s %7s %5s %8s  %s\n", "NAME", "QEMU", "CPUS", "MEMORY", "ACCEL");
	return vmm_state_each(print_one, &as_json, &e) < 0 ? vmm_cmd_fail(&e) : 0;
}
