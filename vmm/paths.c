/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for files. The one program it may run is the build tree's own kernel.sh. */
#include "vmm/paths.h"

#include <fcntl.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "vmm/config.h"
#include "vmm/spawn.h"

#define KERNEL "vmlinux"
#define INITRD "pith-initrd.cpio"

/* Return: whether the file "@dir/@name" can be read; *@ret is its real path. */
static bool found(char ret[static PATH_MAX], const char *dir, const char *name, int mode)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n > 0 && (size_t)n < sizeof(path) && access(path, mode) == 0 &&
	       realpath(path, ret) != NULL;
}

/* The folder of this program. */
static bool own_dir(char ret[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	char *slash;

	if (n <= 0)
		return false;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

static int find_own(const char *name, char ret[static PATH_MAX], struct err *e)
{
	static char dir[PATH_MAX];

	if ((own_dir(dir) && found(ret, dir, name, X_OK)) ||
	    found(ret, "/usr/libexec/pith", name, X_OK) || found(ret, "/usr/bin", name, X_OK))
		return 0;
	return err_refuse(e, ERR_NOT_FOUND, "%s is missing: build it with 'make' or install pith",
			  name);
}

static int find_qemu(struct vmm_paths *p, struct err *e)
{
	const char *env = getenv("PITH_QEMU");

	if (env != NULL) {
		if (access(env, X_OK) < 0 || realpath(env, p->qemu) == NULL)
			return err_refuse(e, ERR_NOT_FOUND, "PITH_QEMU '%s' cannot be executed",
					  env);
	} else if (!found(p->qemu, "/usr/bin", "qemu-system-x86_64", X_OK)) {
		return err_refuse(e, ERR_NOT_FOUND,
				  "QEMU is missing: apt-get install qemu-system-x86");
	}
	if (!found(p->virtiofsd, "/usr/lib/qemu", "virtiofsd", X_OK))
		return err_refuse(e, ERR_NOT_FOUND,
				  "virtiofsd is missing: apt-get install qemu-system-common");
	return 0;
}

/* "kernel.sh path" of the source tree around @build: knows the cache of kernels. */
static bool ask_tree(const char *build, char ret[static PATH_MAX])
{
	static char script[PATH_MAX],
		dir[PATH_MAX]; /* too large for the stack; one call at a time */
	char *argv[] = {script, (char[]){"path"}, NULL};
	struct vmm_spawn s = {.path = script, .argv = argv, .in_fd = -EBADF, .out_fd = -EBADF};
	cleanup_close int in = -EBADF, out = -EBADF;
	struct pidref ref;
	struct err e = {0};
	int p[2];
	ssize_t n;

	if (snprintf(dir, sizeof(dir), "%.*s/../..", PATH_MAX - 16, build) < 0 ||
	    !found(script, dir, "rootfs-builder/kernel.sh", X_OK) || pipe2(p, O_CLOEXEC) < 0)
		return false;
	in = p[0];
	out = p[1];
	s.out_fd = out;
	if (vmm_spawn(&s, &ref, &e) < 0)
		return false;
	(void)fd_close(TAKE_FD(out));
	n = fd_read_full(in, ret, PATH_MAX - 1);
	if (pidref_wait(&ref) != 0 || n <= 1)
		n = 0;
	pidref_done(&ref);
	ret[n > 0 ? n - 1 : 0] = '\0'; /* the newline */
	return n > 0 && strchr(ret, '\n') == NULL && access(ret, R_OK) == 0;
}

static bool find_image(const char *name, char ret[static PATH_MAX])
{
	const char *env = getenv("PITH_IMAGE_DIR");
	static char bin[PATH_MAX], build[PATH_MAX];

	if (env != NULL && found(ret, env, name, R_OK))
		return true;
	if (own_dir(bin) && realpath(bin, build) != NULL && str_ends(build, "/bin")) {
		build[strlen(build) - strlen("/bin")] = '\0';
		if (found(ret, build, name, R_OK) || (streq(name, KERNEL) && ask_tree(build, ret)))
			return true;
	}
	return found(ret, "/usr/lib/pith", name, R_OK);
}

static int find_or_given(const char *given, const char *option, const char *name,
			 char ret[static PATH_MAX], struct err *e)
{
	if (given != NULL) {
		if (access(given, R_OK) < 0 || realpath(given, ret) == NULL)
			return err_set(e, -errno, "%s '%s'", option, given);
		return 0;
	}
	if (find_image(name, ret))
		return 0;
	return err_refuse(e, ERR_NOT_FOUND,
			  "no guest %s: run 'make initrd', set PITH_IMAGE_DIR, or give %s", name,
			  option);
}

/*
 * The packaged kernel needs its modules in the initrd, the tuned one has none: an initrd for the other
 * kernel boots and then has no vsock. The cache's folders tell which it is.
 */
static const char *initrd_for(const char *kernel)
{
	if (strstr(kernel, "/tuned-") != NULL)
		return "pith-initrd-tuned.cpio";
	if (strstr(kernel, "/packaged-") != NULL)
		return "pith-initrd-packaged.cpio";
	return INITRD;
}

int vmm_paths_find(const struct vmm_config *c, struct vmm_paths *ret, struct err *e)
{
	int r;

	r = find_qemu(ret, e);
	if (r == 0)
		r = find_own("pith-vsockd", ret->vsockd, e);
	if (r == 0)
		r = find_own("pith-ctl", ret->ctl, e);
	if (r == 0)
		r = find_or_given(c->kernel, "--kernel", KERNEL, ret->kernel, e);
	if (r == 0)
		r = find_or_given(c->initrd, "--initrd", initrd_for(ret->kernel), ret->initrd, e);
	return r;
}
