/* SPDX-License-Identifier: Apache-2.0 */
/* The file systems that everything else needs. Nothing outside this table is mounted at boot but cgroups. */
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#define LOG_MODULE "mount"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "init/steps.h"

struct early_mount {
	const char *fstype, *target;
	unsigned long flags;
	const char *data;
	unsigned long magic; /* f_type once mounted */
	bool may_fail;
};

static const struct early_mount early_mounts[] = {
	{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, PROC_SUPER_MAGIC, false},
	{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, SYSFS_MAGIC, false},
	/* The kernel may have mounted it before us. */
	{"devtmpfs", "/dev", MS_NOSUID, NULL, TMPFS_MAGIC, true},
	{"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, NULL, TMPFS_MAGIC, false},
	/* Containers mount instances of their own; this one serves the debug console. */
	{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666,mode=620,gid=5",
	 DEVPTS_SUPER_MAGIC, false},
	{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755", TMPFS_MAGIC, false},
};

/* A mount point is a directory on another device than its parent; then the type decides. */
static bool is_mounted(const char *target, unsigned long magic)
{
	char parent[64];
	struct stat here, up;
	struct statfs fs;

	if (str_copy(parent, sizeof(parent) - 3, target) < 0)
		return false;
	memcpy(parent + strlen(parent), "/..", 4);
	return stat(target, &here) == 0 && stat(parent, &up) == 0 && here.st_dev != up.st_dev &&
	       statfs(target, &fs) == 0 && (unsigned long)fs.f_type == magic;
}

static int mount_one(const struct early_mount *m, struct err *e)
{
	int r = path_mkdir_all(m->target, 0755);

	if (r < 0 && r != -EROFS)
		return err_set(e, r, "create mount point %s", m->target);
	if (is_mounted(m->target, m->magic))
		return 0;
	if (mount(m->fstype, m->target, m->fstype, m->flags, m->data) == 0)
		return 0;
	return err_set(e, -errno, "mount %s on %s", m->fstype, m->target);
}

int step_mounts(const struct boot_params *p unused_arg, struct err *e)
{
	struct statvfs root;

	for (size_t i = 0; i < ARRAY_LEN(early_mounts); i++) {
		int r = mount_one(&early_mounts[i], e);

		if (r < 0 && !early_mounts[i].may_fail)
			return r;
		if (r < 0)
			log_warn("%s, going on", e->msg);
	}
	/* /dev/pts and /dev/shm vanish under a /dev mounted late; the order above rules that out. */
	if (statvfs("/", &root) == 0 && (root.f_flag & ST_RDONLY) != 0 &&
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
		log_warn("no writable /tmp: %m");
	return 0;
}
