/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the VM's programs with the fds that connect them. */
#include "vmm/programs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "vmm/jail.h"
#include "vmm/keeper.h"
#include "vmm/qemu_args.h"
#include "vmm/sockets.h"
#include "vmm/spawn.h"
#include "vmm/state.h"

#define LOG_FILE  "vmm.log"
#define ARENA_MAX (256U * 1024)
/* Above all ids that distributions and user namespaces hand out; a name service knows none of them. */
#define UID_BASE 0x70000000U

struct wiring {
	int log_fd;
	int vsock_listen, vhost[2];  /* bridge: clients; QEMU's end and the bridge's */
	int fs_listen, fs_connected; /* virtiofsd accepts, QEMU has connected already */
	int qmp_listen, console[2];
};

static void wiring_close(struct wiring *w)
{
	int *fds[] = {&w->log_fd,     &w->vsock_listen, &w->vhost[0],
		      &w->vhost[1],   &w->fs_listen,    &w->fs_connected,
		      &w->qmp_listen, &w->console[0],   &w->console[1]};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		*fds[i] = fd_close(*fds[i]);
}

void vmm_programs_init(struct vmm_programs *p)
{
	*p = (struct vmm_programs){
		.qemu = PIDREF_INIT, .virtiofsd = PIDREF_INIT, .vsockd = PIDREF_INIT};
}

static int wire(struct wiring *w, struct err *e)
{
	int r;

	w->log_fd = open(LOG_FILE, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (w->log_fd < 0)
		return err_set(e, -errno, "create " LOG_FILE);
	w->vsock_listen = vmm_socket_listen("vsock.sock", e);
	if (w->vsock_listen < 0)
		return w->vsock_listen;
	w->qmp_listen = vmm_socket_listen("qmp.sock", e);
	if (w->qmp_listen < 0)
		return w->qmp_listen;
	r = vmm_socket_pair_listening(&w->fs_listen, &w->fs_connected, e);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->vhost) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->console) < 0)
		return err_set(e, -errno, "socket pair");
	return 0;
}

static int start_virtiofsd(const struct vmm_vm *vm, const struct wiring *w, struct pidref *ret,
			   struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	char cwd[VMM_PATH_MAX];
	char *argv[] = {arena_dup(&a, "virtiofsd"),
			arena_printf(&a, "--fd=%d", w->fs_listen),
			arena_dup(&a, "-o"),
			getcwd(cwd, sizeof(cwd)) != NULL ? arena_printf(&a, "source=%s/shared", cwd)
							 : NULL,
			arena_dup(&a, "-o"),
			arena_dup(&a, "sandbox=namespace,cache=auto,xattr"),
			NULL};
	const struct vmm_spawn s = {.path = vm->paths->virtiofsd,
				    .argv = argv,
				    .fds = &w->fs_listen,
				    .n_fds = 1,
				    .in_fd = -EBADF,
				    .out_fd = w->log_fd};

	for (size_t i = 0; i + 1 < ARRAY_LEN(argv); i++)
		if (argv[i] == NULL)
			return err_set(e, -ENOMEM, "arguments of virtiofsd");
	return vmm_spawn(&s, ret, e);
}

static int start_vsockd(const struct vmm_vm *vm, const struct wiring *w, uid_t uid,
			struct pidref *ret, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	const int fds[] = {w->vhost[1], w->vsock_listen};
	/* The folder is the working directory: the bridge makes it its root. */
	char *argv[] = {arena_dup(&a, "pith-vsockd"),
			arena_dup(&a, "--vhost-fd"),
			arena_printf(&a, "%d", w->vhost[1]),
			arena_dup(&a, "--listen-fd"),
			arena_printf(&a, "%d", w->vsock_listen),
			arena_dup(&a, "--dial"),
			arena_dup(&a, "vsock.sock"),
			arena_dup(&a, "--uid"),
			arena_printf(&a, "%u", uid),
			arena_dup(&a, "--gid"),
			arena_printf(&a, "%u", uid),
			NULL};
	const struct vmm_spawn s = {.path = vm->paths->vsockd,
				    .argv = argv,
				    .fds = fds,
				    .n_fds = ARRAY_LEN(fds),
				    .in_fd = -EBADF,
				    .out_fd = w->log_fd};

	for (size_t i = 0; i + 1 < ARRAY_LEN(argv); i++)
		if (argv[i] == NULL)
			return err_set(e, -ENOMEM, "arguments of pith-vsockd");
	return vmm_spawn(&s, ret, e);
}

static int start_qemu(const struct vmm_vm *vm, const struct wiring *w, uid_t uid,
		      struct pidref *ret, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	const struct vmm_config *c = vm->config;
	const struct vmm_machine m = {
		.qemu = vm->paths->qemu,
		.kernel = VMM_JAIL_KERNEL,
		.initrd = VMM_JAIL_INITRD,
		.kvm = vm->kvm,
		.seccomp = c->seccomp,
		.cgroup_v1 = c->cgroup_v1,
		.debug_console = c->debug_console,
		.memory = c->memory,
		.cpus = c->cpus,
		.tsc_khz = vm->tsc_khz,
		.append = c->append,
		.vsock_fd = w->vhost[0],
		.fs_fd = w->fs_connected,
		.qmp_fd = w->qmp_listen,
		.console_fd = w->console[0],
	};
	const struct vmm_jail jail = {.dir = "jail",
				      .kernel = vm->paths->kernel,
				      .initrd = vm->paths->initrd,
				      .kvm = vm->kvm,
				      .uid = uid,
				      .gid = uid};
	const int fds[] = {w->vhost[0], w->fs_connected, w->qmp_listen, w->console[0]};
	struct vmm_spawn s = {.path = vm->paths->qemu,
			      .fds = fds,
			      .n_fds = ARRAY_LEN(fds),
			      .in_fd = -EBADF,
			      .out_fd = w->log_fd,
			      .jail = &jail};

	s.argv = vmm_qemu_args(&m, &a);
	if (s.argv == NULL)
		return err_set(e, -ENOMEM, "arguments of QEMU");
	return vmm_spawn(&s, ret, e);
}

/* An id that no other live VM has: the inode number of our PID namespace is unique while it lives. */
static int own_uid(uid_t *ret, struct err *e)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0)
		return err_set(e, -errno, "PID namespace");
	*ret = UID_BASE + (uid_t)(st.st_ino % 0x0fffffff);
	return 0;
}

int vmm_programs_start(const struct vmm_vm *vm, struct vmm_programs *p, int *ret_console,
		       struct err *e)
{
	struct wiring w = {-EBADF, -EBADF, {-EBADF, -EBADF}, -EBADF,
			   -EBADF, -EBADF, {-EBADF, -EBADF}};
	int r;

	r = own_uid(&p->uid, e);
	if (r == 0)
		r = wire(&w, e);
	if (r == 0)
		r = start_virtiofsd(vm, &w, &p->virtiofsd, e);
	if (r == 0)
		r = start_vsockd(vm, &w, p->uid, &p->vsockd, e);
	if (r == 0)
		r = start_qemu(vm, &w, p->uid, &p->qemu, e);
	if (r == 0)
		r = fd_set_nonblock(w.console[1], true) < 0 ? err_set(e, -EIO, "console") : 0;
	if (r == 0)
		*ret_console = TAKE_FD(w.console[1]);
	wiring_close(&w);
	return r;
}

ssize_t vmm_programs_last_words(char *buf, size_t size)
{
	cleanup_close int fd = open(LOG_FILE, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *line;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	n = pread(fd, buf, size - 1, st.st_size < (off_t)size ? 0 : st.st_size - (off_t)(size - 1));
	if (n <= 0)
		return n;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	line = memrchr(buf, '\n', (size_t)n);
	if (line == NULL)
		return n;
	n -= line + 1 - buf;
	memmove(buf, line + 1, (size_t)n + 1);
	return n;
}
