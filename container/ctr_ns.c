/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces of a container: opened and checked before anything is cloned, pinned as descriptors
 * once init has made its own. A path to /proc/PID/ns is never trusted later: the workload may have
 * changed its namespaces, and the number may be another process.
 */
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "container/ctr_priv.h"

struct ns_kind {
	const char *word, *file;
	int flag;
};

static const struct ns_kind kinds[CTR_NS_COUNT] = {
	[CTR_NS_MOUNT] = {"mount", "mnt", CLONE_NEWNS},
	[CTR_NS_PID] = {"pid", "pid", CLONE_NEWPID},
	[CTR_NS_NET] = {"network", "net", CLONE_NEWNET},
	[CTR_NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},
	[CTR_NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
	[CTR_NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP},
	[CTR_NS_USER] = {"user", "user", CLONE_NEWUSER},
	[CTR_NS_TIME] = {"time", "time", 0x80 /* CLONE_NEWTIME */},
};

static int check_type(const struct ns_kind *kind, int fd, const char *what, struct err *e)
{
	int type = ioctl(fd, NS_GET_NSTYPE);

	if (type == kind->flag)
		return 0;
	return err_refuse(e, ERR_INVALID, "namespace %s: %s is not of that type", kind->word, what);
}

static int resolve_one(struct ctr *c, const struct ctr_namespace *ns, struct err *e)
{
	const struct ns_kind *kind = &kinds[ns->type];
	int fd;

	if (ns->fd >= 0) {
		c->join[ns->type] = ns->fd;
		c->join_borrowed[ns->type] = true;
		return check_type(kind, ns->fd, "the descriptor", e);
	}
	if (ns->path == NULL) {
		c->is_new[ns->type] = true;
		return 0;
	}
	if (ns->path[0] != '/')
		return err_refuse(e, ERR_INVALID, "namespace %s: path \"%s\" is not absolute",
				  kind->word, ns->path);
	fd = open(ns->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		int code = -errno;

		(void)!err_set(e, code, "namespace %s: open %s", kind->word, ns->path);
		e->kind = ERR_INVALID;
		return code;
	}
	c->join[ns->type] = fd;
	return check_type(kind, fd, ns->path, e);
}

int ctr_ns_resolve(struct ctr *c, struct err *e)
{
	for (size_t i = 0; i < c->spec->n_namespaces; i++) {
		int r = resolve_one(c, &c->spec->namespaces[i], e);

		if (r < 0)
			return r;
	}
	if (c->join[CTR_NS_USER] >= 0 && c->is_new[CTR_NS_PID])
		return err_refuse(e, ERR_UNIMPLEMENTED,
				  "namespaces: a new pid namespace in a joined user namespace");
	if (c->is_new[CTR_NS_USER] && c->join[CTR_NS_MOUNT] >= 0)
		return err_refuse(e, ERR_INVALID,
				  "namespaces: a joined mount namespace with a new user namespace");
	return 0;
}

void ctr_ns_close_all(int fds[static CTR_NS_COUNT])
{
	for (int i = 0; i < CTR_NS_COUNT; i++)
		fds[i] = fd_close(fds[i]);
}

void ctr_ns_close(struct ctr *c)
{
	for (int i = 0; i < CTR_NS_COUNT; i++) {
		if (!c->join_borrowed[i])
			(void)fd_close(c->join[i]);
		c->join[i] = -EBADF;
	}
	ctr_ns_close_all(c->ns);
	ctr_ns_close_all(c->hook_ns);
}

int ctr_ns_pin(const struct ctr *c, pid_t pid, int out[static CTR_NS_COUNT], struct err *e)
{
	char dir_path[sizeof("/proc/-2147483648/ns")];
	cleanup_close int dir = -EBADF;

	(void)snprintf(dir_path, sizeof(dir_path), "/proc/%d/ns", (int)pid);
	dir = open(dir_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, -errno, "open %s", dir_path);
	for (int i = 0; i < CTR_NS_COUNT; i++) {
		if (!c->is_new[i] && c->join[i] < 0)
			continue;
		out[i] = openat(dir, kinds[i].file, O_RDONLY | O_CLOEXEC);
		if (out[i] < 0)
			return err_set(e, -errno, "pin the %s namespace", kinds[i].word);
	}
	return 0;
}

static int write_map(pid_t pid, const char *file, const struct ctr_idmaps *maps, struct err *e)
{
	char path[sizeof("/proc/-2147483648/uid_map")];
	struct str text = STR_INIT(340 * 33); /* user_namespaces(7): at most 340 lines */
	int r;

	for (size_t i = 0; i < maps->n; i++)
		str_addf(&text, "%u %u %u\n", maps->v[i].container_id, maps->v[i].host_id,
			 maps->v[i].size);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = str_check(&text);
	if (r == 0)
		r = fd_write_str(AT_FDCWD, path, str_text(&text));
	str_done(&text);
	return r < 0 ? err_set(e, r, "write %s", file) : 0;
}

int ctr_ns_write_maps(const struct ctr_spec *s, pid_t pid, struct err *e)
{
	int r = write_map(pid, "uid_map", &s->uid_maps, e);

	return r < 0 ? r : write_map(pid, "gid_map", &s->gid_maps, e);
}

static void add_enter(struct spawn_how *how, const struct ctr_facts *f, enum ctr_ns_type type,
		      int fd)
{
	if (fd >= 0)
		how->enter[how->n_enter++] =
			(struct spawn_enter){fd, f->own_ns[type], kinds[type].flag};
}

/*
 * A joined pid namespace is entered by the parent around the clone. With a new user namespace all
 * joined ones are: the child, born in it, would no longer have the right.
 */
void ctr_ns_how(const struct ctr *c, const struct ctr_facts *f, struct spawn_how *how)
{
	bool joins_user = c->join[CTR_NS_USER] >= 0;

	how->cgroup_fd = -EBADF;
	how->is_agent = c->host->is_agent;
	for (int i = 0; i < CTR_NS_COUNT; i++) {
		if (!c->is_new[i] || i == CTR_NS_CGROUP)
			continue; /* its root is the group at its creation: after the join only */
		if (!joins_user)
			how->clone_flags |= (uint64_t)kinds[i].flag;
	}
	add_enter(how, f, CTR_NS_PID, c->join[CTR_NS_PID]);
	if (!c->is_new[CTR_NS_USER])
		return;
	add_enter(how, f, CTR_NS_IPC, c->join[CTR_NS_IPC]);
	add_enter(how, f, CTR_NS_UTS, c->join[CTR_NS_UTS]);
	add_enter(how, f, CTR_NS_NET, c->join[CTR_NS_NET]);
	add_enter(how, f, CTR_NS_CGROUP, c->join[CTR_NS_CGROUP]);
}
