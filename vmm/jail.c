/* SPDX-License-Identifier: Apache-2.0 */
/* Builds and enters the cage. Runs in the child only, as root until the last step. */
#include "vmm/jail.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/err.h"
#include "base/path.h"
#include "base/sys.h"

/* Paths below the new root, relative to it: the working directory is the new root while it is built. */

static int bind_read_only(const char *from, const char *to, struct err *e)
{
	if (mount(from, to, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) <
		    0)
		return err_set(e, -errno, "bind '%s' into QEMU's root", from);
	return 0;
}

static int bind_file(const char *from, const char *to, struct err *e)
{
	cleanup_close int fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0400);

	if (fd < 0)
		return err_set(e, -errno, "create '%s' in QEMU's root", to);
	return bind_read_only(from, to, e);
}

/* Merged /usr: /bin, /lib and friends are links on the host, and the same links inside. */
static int copy_link(const char *name, struct err *e)
{
	char target[64];
	ssize_t n = readlink(name, target, sizeof(target) - 1);

	if (n < 0)
		return errno == ENOENT || errno == EINVAL
			       ? 0
			       : err_set(e, -errno, "read link '%s'", name);
	target[n] = '\0';
	return symlink(target, name + 1) < 0 ? err_set(e, -errno, "link '%s'", name) : 0;
}

static int make_device(const char *path, unsigned major, unsigned minor, uid_t uid, struct err *e)
{
	if (mknod(path, S_IFCHR | 0600, makedev(major, minor)) < 0 || chown(path, uid, uid) < 0)
		return err_set(e, -errno, "device '%s' in QEMU's root", path);
	return 0;
}

static int build_root(const struct vmm_jail *j, struct err *e)
{
	static const char *const links[] = {"/bin", "/lib", "/lib64", "/lib32", "/libx32"};
	int r;

	if (mount("pith", j->dir, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") < 0)
		return err_set(e, -errno, "mount QEMU's root");
	if (chdir(j->dir) < 0 || mkdir("usr", 0755) < 0 || mkdir("dev", 0755) < 0)
		return err_set(e, -errno, "build QEMU's root");

	r = bind_read_only("/usr", "usr", e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(links); i++)
		r = copy_link(links[i], e);
	if (r == 0)
		r = bind_file(j->kernel, &VMM_JAIL_KERNEL[1], e);
	if (r == 0)
		r = bind_file(j->initrd, &VMM_JAIL_INITRD[1], e);
	if (r == 0)
		r = make_device("dev/null", 1, 3, j->uid, e);
	if (r == 0 && j->kvm)
		r = make_device("dev/kvm", 10, 232, j->uid, e);
	if (r < 0)
		return r;

	/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new and is detached. */
	if (sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_set(e, -errno, "enter QEMU's root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return err_set(e, -errno, "make QEMU's root read-only");
	return 0;
}

static int drop(const struct vmm_jail *j, struct err *e)
{
	const struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {0};
	const struct rlimit no_core = {0};

	/* 64 is above the highest capability of any kernel; the first unknown one ends the list. */
	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return err_set(e, -errno, "core limit");
	if (setgroups(0, NULL) < 0 || setresgid(j->gid, j->gid, j->gid) < 0 ||
	    setresuid(j->uid, j->uid, j->uid) < 0)
		return err_set(e, -errno, "become user %u", j->uid);
	if (syscall(SYS_capset, &hdr, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, -errno, "drop capabilities");
	return 0;
}

int vmm_jail_enter(const struct vmm_jail *j, struct err *e)
{
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "mount namespace");
	r = build_root(j, e);
	return r < 0 ? r : drop(j, e);
}
