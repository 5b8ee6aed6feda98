/* SPDX-License-Identifier: Apache-2.0 */
/* The VM's folder and its state.json. Starts and stops nothing. */
#include "vmm/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "vmm/host_cgroup.h"

#define STATE_MAX 5120

const char *vmm_run_dir(void)
{
	const char *env = getenv("PITH_RUN_DIR");

	return env != NULL && env[0] == '/' ? env : "/run/pith";
}

int vmm_state_path(const char *name, const char *file, char ret[static VMM_PATH_MAX], struct err *e)
{
	int n = snprintf(ret, VMM_PATH_MAX, "%s/vm/%s%s%s", vmm_run_dir(), name,
			 file != NULL ? "/" : "", file != NULL ? file : "");

	return n < 0 || n >= VMM_PATH_MAX ? err_set(e, -ENAMETOOLONG, "state folder of '%s'", name)
					  : 0;
}

uint64_t vmm_start_time(pid_t pid)
{
	char path[64], text[1024];
	struct slice rest, field = {0};
	const char *end;
	uint64_t v;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (fd_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	/* The command name may hold anything; the last parenthesis ends it. */
	end = strrchr(text, ')');
	if (end == NULL || end[1] != ' ')
		return 0;
	rest = slice_of(end + 2);
	for (int i = 3; i <= 22; i++)
		if (!slice_cut(&rest, ' ', &field))
			return 0;
	return parse_slice_u64(field, &v) < 0 ? 0 : v;
}

int vmm_state_keeper(const struct vmm_state *s, struct pidref *ret)
{
	struct pidref ref = PIDREF_INIT;
	int r;

	if (s->keeper <= 0)
		return -ESRCH;
	r = pidref_open(s->keeper, &ref);
	if (r < 0)
		return r;
	/* Opened first, compared second: the pid cannot be recycled in between unnoticed. A keeper that
	 * waits to be reaped by a slow init is gone, too: its pidfd is readable. */
	if (s->keeper_start == 0 || vmm_start_time(s->keeper) != s->keeper_start ||
	    poll(&(struct pollfd){.fd = ref.pidfd, .events = POLLIN}, 1, 0) != 0) {
		pidref_done(&ref);
		return -ESRCH;
	}
	*ret = ref;
	return 0;
}

void vmm_state_remove(const char *name)
{
	char path[VMM_PATH_MAX];
	cleanup_close int dir = -EBADF;

	vmm_cgroup_forget(name);
	(void)snprintf(path, sizeof(path), "%s/vm", vmm_run_dir());
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && path_remove_tree(dir, name) < 0)
		return;
}

int vmm_state_create(const char *name, struct err *e)
{
	struct pidref keeper;
	struct vmm_state s;
	char path[VMM_PATH_MAX];
	struct err why = {0};
	int r;

	r = vmm_state_path("", NULL, path, e);
	if (r < 0)
		return r;
	r = path_mkdir_all(path, 0755);
	if (r < 0)
		return err_set(e, r, "create '%s'", path);
	r = vmm_state_path(name, NULL, path, e);
	if (r < 0)
		return r;

	/* Searchable by all, listable by none: the bridge finds its sockets there by name. */
	if (mkdir(path, 0711) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(e, -errno, "create '%s'", path);
	if (vmm_state_read(name, &s, &why) == 0 && vmm_state_keeper(&s, &keeper) == 0) {
		pidref_done(&keeper);
		return err_refuse(e, ERR_EXISTS, "a VM named '%s' is running", name);
	}
	vmm_state_remove(name);
	return mkdir(path, 0711) < 0 ? err_set(e, -errno, "create '%s'", path) : 0;
}

static json_t *to_json(const struct vmm_state *s)
{
	char vsock[VMM_PATH_MAX], console[VMM_PATH_MAX], qmp[VMM_PATH_MAX];
	struct err e = {0};

	if (vmm_state_path(s->name, "vsock.sock", vsock, &e) < 0 ||
	    vmm_state_path(s->name, "console.log", console, &e) < 0 ||
	    vmm_state_path(s->name, "qmp.sock", qmp, &e) < 0)
		return NULL;
	return json_pack(
		"{s:s, s:i, s:I, s:i, s:I, s:s, s:s, s:b, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s}",
		"name", s->name, "keeper_pid", (int)s->keeper, "keeper_start",
		(json_int_t)s->keeper_start, "qemu_pid", (int)s->qemu, "uid", (json_int_t)s->uid,
		"accel", s->accel, "accel_why", s->accel_why, "vmm_seccomp", (int)s->seccomp,
		"cgroup", s->cgroup, "memory", (json_int_t)s->memory, "cpus", (json_int_t)s->cpus,
		"kernel", s->kernel, "initrd", s->initrd, "vsock", vsock, "console", console, "qmp",
		qmp);
}

char *vmm_state_json(const struct vmm_state *s, bool pretty)
{
	json_t *j = to_json(s);
	char *text = j != NULL ? json_dumps(j, pretty ? JSON_INDENT(2) : JSON_COMPACT) : NULL;

	json_decref(j);
	return text;
}

int vmm_state_write(const struct vmm_state *s, struct err *e)
{
	cleanup_free char *text = vmm_state_json(s, true);
	char path[VMM_PATH_MAX], tmp[VMM_PATH_MAX];
	cleanup_close int fd = -EBADF;
	int r;

	if (text == NULL)
		return err_set(e, -ENOMEM, "state of '%s'", s->name);
	r = vmm_state_path(s->name, "state.json", path, e);
	if (r == 0)
		r = vmm_state_path(s->name, "state.json.new", tmp, e);
	if (r < 0)
		return r;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fd_write_full(fd, text, strlen(text)) < 0 || rename(tmp, path) < 0)
		return err_set(e, -errno, "write '%s'", path);
	return 0;
}

int vmm_state_read(const char *name, struct vmm_state *ret, struct err *e)
{
	const char *accel, *why, *cgroup, *kernel, *initrd;
	json_int_t start, uid, memory, cpus;
	char path[VMM_PATH_MAX], text[STATE_MAX];
	int keeper, qemu, seccomp, r;
	json_t *j;
	ssize_t n;

	if (!vmm_name_ok(name))
		return err_refuse(e, ERR_INVALID, "'%s' is not a valid VM name", name);
	r = vmm_state_path(name, "state.json", path, e);
	if (r < 0)
		return r;
	n = fd_read_file(AT_FDCWD, path, text, sizeof(text));
	if (n == -ENOENT)
		return err_refuse(e, ERR_NOT_FOUND, "no VM named '%s'", name);
	if (n < 0)
		return err_set(e, (int)n, "read '%s'", path);

	j = json_loads(text, 0, NULL);
	r = json_unpack(j, "{s:i, s:I, s:i, s:I, s:s, s:s, s:b, s:s, s:I, s:I, s:s, s:s}",
			"keeper_pid", &keeper, "keeper_start", &start, "qemu_pid", &qemu, "uid",
			&uid, "accel", &accel, "accel_why", &why, "vmm_seccomp", &seccomp, "cgroup",
			&cgroup, "memory", &memory, "cpus", &cpus, "kernel", &kernel, "initrd",
			&initrd);
	if (r == 0) {
		*ret = (struct vmm_state){.keeper = keeper,
					  .keeper_start = (uint64_t)start,
					  .qemu = qemu,
					  .uid = (uid_t)uid,
					  .seccomp = seccomp != 0,
					  .memory = (uint64_t)memory,
					  .cpus = (uint32_t)cpus};
		(void)str_copy(ret->name, sizeof(ret->name), name);
		(void)str_copy(ret->accel, sizeof(ret->accel), accel);
		(void)str_copy(ret->accel_why, sizeof(ret->accel_why), why);
		(void)str_copy(ret->cgroup, sizeof(ret->cgroup), cgroup);
		(void)str_copy(ret->kernel, sizeof(ret->kernel), kernel);
		(void)str_copy(ret->initrd, sizeof(ret->initrd), initrd);
	}
	json_decref(j);
	return r == 0 ? 0 : err_refuse(e, ERR_INVALID, "'%s' is damaged", path);
}

int vmm_state_each(int (*fn)(const struct vmm_state *s, void *data), void *data, struct err *e)
{
	cleanup_closedir DIR *d = NULL;
	struct pidref keeper;
	struct vmm_state s;
	struct dirent *de;
	char path[VMM_PATH_MAX];
	int r;

	r = vmm_state_path("", NULL, path, e);
	if (r < 0)
		return r;
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open '%s'", path);
	while ((de = readdir(d)) != NULL) {
		struct err why = {0};

		/* A folder without state.json is being started, or its owner will see to it. */
		if (!vmm_name_ok(de->d_name) || vmm_state_read(de->d_name, &s, &why) < 0)
			continue;
		if (vmm_state_keeper(&s, &keeper) < 0) {
			vmm_state_remove(de->d_name);
			continue;
		}
		pidref_done(&keeper);
		r = fn(&s, data);
		if (r != 0)
			return r;
	}
	return 0;
}
