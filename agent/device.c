/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and awaits devices by PCI path. Sysfs is the truth, events only make it quick. */
#include "agent/device.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "container/spec.h"

/* A directory of sysfs, with the name of a tree in front for tests. */
#define PATH_BUF (PCI_DEVPATH_MAX + 3 * DEVICE_NAME_MAX + 256)

/* For events that were lost and for nodes that come after their event. */
#define RESCAN_NS (100ULL * 1000 * 1000)

/* The one entry of @path whose name starts with @prefix. Return: 0, -EAGAIN none, -EINVAL several. */
static int single_entry(const char *path, const char *prefix, char *buf, size_t size)
{
	cleanup_closedir DIR *dir = opendir(path);
	const struct dirent *d;
	bool any = false;

	if (dir == NULL)
		return -EAGAIN;

	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.' || !str_starts(d->d_name, prefix))
			continue;
		if (any)
			return -EINVAL;
		if (str_copy(buf, size, d->d_name) < 0)
			return -ENAMETOOLONG;
		any = true;
	}
	return any ? 0 : -EAGAIN;
}

/* "253:16\n" of a sysfs "dev" file. */
static int read_numbers(const char *path, uint32_t *ret_major, uint32_t *ret_minor)
{
	char text[32];
	struct slice rest, major_part;
	uint64_t major, minor;
	ssize_t n;

	n = fd_read_line(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return (int)n;

	rest = slice_of(text);
	if (!slice_cut(&rest, ':', &major_part) || rest.p == NULL ||
	    parse_slice_u64(major_part, &major) < 0 || parse_slice_u64(rest, &minor) < 0 ||
	    major > UINT32_MAX || minor > UINT32_MAX)
		return -EINVAL;

	*ret_major = (uint32_t)major;
	*ret_minor = (uint32_t)minor;
	return 0;
}

static int find_block(const struct device_env *env, const char *function_dir, struct device *d)
{
	char virtio[DEVICE_NAME_MAX], dir[PATH_BUF], file[PATH_BUF];
	struct stat st;
	int r;

	r = single_entry(function_dir, "virtio", virtio, sizeof(virtio));
	if (r < 0)
		return r;

	/* Partitions are directories of the disk, one level deeper, so a name here is a whole disk. */
	if ((size_t)snprintf(dir, sizeof(dir), "%s/%s/block", function_dir, virtio) >= sizeof(dir))
		return -ENAMETOOLONG;
	r = single_entry(dir, "", d->name, sizeof(d->name));
	if (r < 0)
		return r;

	if ((size_t)snprintf(file, sizeof(file), "%s/%s/dev", dir, d->name) >= sizeof(file) ||
	    (size_t)snprintf(d->node, sizeof(d->node), "%s/%s", env->dev, d->name) >=
		    sizeof(d->node))
		return -ENAMETOOLONG;
	r = read_numbers(file, &d->major, &d->minor);
	if (r < 0)
		return r == -ENOENT ? -EAGAIN : r;

	if (stat(d->node, &st) < 0)
		return -EAGAIN;
	if (!S_ISBLK(st.st_mode) || major(st.st_rdev) != d->major || minor(st.st_rdev) != d->minor)
		return -EAGAIN;
	return 0;
}

/* A plain function has net/ of its own, a virtio one has it one level deeper. */
static int find_net(const char *function_dir, struct device *d)
{
	char virtio[DEVICE_NAME_MAX], dir[PATH_BUF];
	int r;

	if ((size_t)snprintf(dir, sizeof(dir), "%s/net", function_dir) >= sizeof(dir))
		return -ENAMETOOLONG;
	r = single_entry(dir, "", d->name, sizeof(d->name));
	if (r != -EAGAIN)
		return r;

	r = single_entry(function_dir, "virtio", virtio, sizeof(virtio));
	if (r < 0)
		return r;
	if ((size_t)snprintf(dir, sizeof(dir), "%s/%s/net", function_dir, virtio) >= sizeof(dir))
		return -ENAMETOOLONG;
	return single_entry(dir, "", d->name, sizeof(d->name));
}

int device_find(const struct device_env *env, enum device_kind kind, const struct pci_path *path,
		struct device *ret, struct err *e)
{
	char dir[PATH_BUF];
	struct device d = {0};
	int r;

	r = pci_path_resolve(env->sysfs, path, d.path, sizeof(d.path), e);
	if (r < 0)
		return r;
	if ((size_t)snprintf(dir, sizeof(dir), "%s%s", env->sysfs, d.path) >= sizeof(dir))
		return err_set(e, -ENAMETOOLONG, "device '%s'", d.path);

	r = kind == DEVICE_BLOCK ? find_block(env, dir, &d) : find_net(dir, &d);
	if (r < 0)
		return err_set(e, r, "%s of PCI device '%s'",
			       kind == DEVICE_BLOCK ? "disk" : "interface", d.path);

	*ret = d;
	return 0;
}

static void wait_over(struct device_wait *w, const struct device *d, const struct err *e)
{
	device_wait_stop(w);
	w->fn(w, d, e);
}

static void look(struct device_wait *w)
{
	uint64_t now = loop_now_ns();
	struct err e = {0};
	struct device d;
	int r;

	r = device_find(w->env, w->kind, &w->path, &d, &e);
	if (r == 0) {
		wait_over(w, &d, NULL);
		return;
	}
	if (r == -EAGAIN && now < w->until_ns)
		return;
	if (r == -EAGAIN) {
		e.code = -ETIMEDOUT;
		(void)!err_wrap(&e, "waited %" PRIu64 " ms", w->env->timeout_ns / 1000000);
	}
	wait_over(w, NULL, &e);
}

static void on_timer(struct loop_timer *t)
{
	struct device_wait *w = container_of(t, struct device_wait, timer);
	uint64_t next = loop_now_ns() + RESCAN_NS;
	struct err e = {0};
	int r;

	/* Armed first: looking may end the wait, and with it the object. */
	r = loop_timer_set(w->env->loop, &w->timer, MIN(next, MAX(w->until_ns, loop_now_ns())),
			   on_timer);
	if (r < 0) {
		(void)!err_set(&e, r, "timer of a device wait");
		wait_over(w, NULL, &e);
		return;
	}
	look(w);
}

static void on_event(struct uevent_listener *l, const struct uevent *ev)
{
	struct device_wait *w = container_of(l, struct device_wait, listener);
	const char *subsystem = w->kind == DEVICE_BLOCK ? "block" : "net";

	/* The bus numbers of the bridges may have just become known, so any arrival below a root counts. */
	if (ev == NULL || uevent_is_arrival(ev, subsystem, "/devices"))
		look(w);
}

int device_wait_start(struct device_wait *w, const struct device_env *env, enum device_kind kind,
		      const struct pci_path *path, device_wait_fn fn, struct err *e)
{
	uint64_t now = loop_now_ns();
	int r;

	*w = (struct device_wait){
		.env = env,
		.kind = kind,
		.path = *path,
		.until_ns = now + env->timeout_ns,
		.listener.fn = on_event,
		.fn = fn,
	};
	list_init(&w->listener.link);

	/* Listening comes before the first look, so that nothing falls between them. */
	if (env->events != NULL)
		uevent_listen(env->events, &w->listener);
	r = loop_timer_set(env->loop, &w->timer, now, on_timer);
	if (r < 0) {
		device_wait_stop(w);
		return err_set(e, r, "timer of a device wait");
	}
	return 0;
}

void device_wait_stop(struct device_wait *w)
{
	uevent_unlisten(&w->listener);
	loop_timer_del(&w->timer);
}
