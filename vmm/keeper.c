/* SPDX-License-Identifier: Apache-2.0 */
/* Brings up the VM's processes, watches them, clears up. Decides nothing about the guest. */
#include "vmm/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "vmm/host_cgroup.h"
#include "vmm/jail.h"
#include "vmm/programs.h"
#include "vmm/qmp.h"
#include "vmm/share.h"
#include "vmm/sockets.h"
#include "vmm/spawn.h"
#include "vmm/state.h"

#define QUIT_WAIT_NS   (2ULL * 1000000000) /* for QEMU to obey the monitor */
#define HELPER_WAIT_NS (1ULL * 1000000000) /* helpers also end when QEMU does: which came first? */
#define READ_WAIT_MS   2000
#define OVERHEAD       (1536ULL << 20) /* QEMU's translation buffer is up to 1 GiB */
#define PIDS_MAX       512
#define CONSOLE_MAX    (8U * 1024 * 1024)

struct keeper {
	const struct vmm_vm *vm;
	struct loop *loop;
	int ctl, console_fd, log_fd;
	struct loop_io ctl_io, console_io;
	struct vmm_programs prog;
	struct loop_child qemu_child, fs_child, vsock_child;
	struct loop_timer timer;
	struct vmm_cgroup cgroup;
	char dir[VMM_PATH_MAX];
	size_t logged;
	bool detached, quitting;
	char why[128]; /* what ended the VM if it was not the guest */
	int code;
};

static void tell(const struct keeper *k, char type, int code, const char *text)
{
	struct vmm_msg m = {.type = type, .code = code, .uid = (int32_t)k->prog.uid};

	(void)str_copy(m.text, sizeof(m.text), text);
	/* The launcher may be gone; the VM's fate does not depend on its listening. */
	if (send(k->ctl, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

/* ---- the end ---- */

static void kill_qemu(struct loop_timer *t)
{
	struct keeper *k = container_of(t, struct keeper, timer);

	vmm_ignore(pidref_kill(&k->prog.qemu, SIGKILL));
}

static void end_vm(struct keeper *k, const char *why, uint64_t wait_ns)
{
	if (k->why[0] == '\0')
		(void)str_copy(k->why, sizeof(k->why), why);
	if (k->timer.loop == NULL &&
	    loop_timer_set(k->loop, &k->timer, loop_now_ns() + wait_ns, kill_qemu) < 0)
		kill_qemu(&k->timer);
}

static void quit(struct keeper *k, const char *why)
{
	char path[VMM_PATH_MAX + sizeof("/qmp.sock")];

	if (k->quitting)
		return;
	k->quitting = true;
	(void)snprintf(path, sizeof(path), "%s/qmp.sock", k->dir);
	end_vm(k, why, vmm_qmp_quit(path) < 0 ? 0 : QUIT_WAIT_NS);
}

static void qemu_exited(struct loop_child *c, const siginfo_t *info)
{
	struct keeper *k = container_of(c, struct keeper, qemu_child);

	k->code = pidref_exit_code(info->si_code, info->si_status);
	loop_quit(k->loop, 0);
}

static void helper_exited(struct keeper *k, const char *name)
{
	char why[64];

	(void)snprintf(why, sizeof(why), "%s died", name);
	end_vm(k, why, HELPER_WAIT_NS);
}

static void fs_exited(struct loop_child *c, const siginfo_t *info unused_arg)
{
	helper_exited(container_of(c, struct keeper, fs_child), "virtiofsd");
}

static void vsock_exited(struct loop_child *c, const siginfo_t *info unused_arg)
{
	helper_exited(container_of(c, struct keeper, vsock_child), "pith-vsockd");
}

/* ---- events ---- */

static void ctl_ready(struct loop_io *io, uint32_t events unused_arg)
{
	struct keeper *k = container_of(io, struct keeper, ctl_io);
	struct vmm_msg m;
	ssize_t n = recv(k->ctl, &m, sizeof(m), MSG_DONTWAIT);

	/* A launcher that closes without reading our last message resets the socket: unix(7). What it
	 * sent before is still there and comes next. */
	if (n < 0 && (errno == EAGAIN || errno == ECONNRESET))
		return;
	if (n == sizeof(m) && m.type == VMM_MSG_DETACH) {
		k->detached = true;
	} else if (n == sizeof(m) && m.type == VMM_MSG_QUIT) {
		quit(k, "stopped");
	} else {
		loop_io_del(io);
		if (!k->detached)
			quit(k, "the launcher is gone");
	}
}

static void console_ready(struct loop_io *io, uint32_t events unused_arg)
{
	struct keeper *k = container_of(io, struct keeper, console_io);
	char buf[4096];
	ssize_t n = read(k->console_fd, buf, sizeof(buf));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		loop_io_del(io);
		return;
	}
	if (k->logged == 0)
		tell(k, VMM_MSG_SIGN, 0, "");
	/* The guest must not fill the host's memory: the folder is a tmpfs. The first part matters. */
	if (k->logged + (size_t)n <= CONSOLE_MAX && fd_write_full(k->log_fd, buf, (size_t)n) == n)
		k->logged += (size_t)n;
}

static void signalled(void *data, int sig unused_arg, pid_t sender unused_arg)
{
	quit(data, "stopped");
}

/* ---- start ---- */

/* The launcher's terminal and pipes are not the VM's: who reads them must see their end. */
static int let_go(int ctl, struct err *e)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return err_set(e, -errno, "standard streams");
	for (int fd = 3; fd < ctl; fd++)
		(void)fd_close(fd);
	return close_range((unsigned)ctl + 1, ~0U, 0) < 0 ? err_set(e, -errno, "close_range") : 0;
}

static int private_system(struct keeper *k, struct err *e)
{
	int r;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_set(e, -errno, "private mounts");
	vmm_ignore(sethostname("pith-vm", 7));

	vmm_cgroup_enter(&k->cgroup, k->vm->name, k->vm->config->memory + OVERHEAD, PIDS_MAX);
	r = vmm_state_path(k->vm->name, NULL, k->dir, e);
	if (r < 0)
		return r;
	/* Everything below is named relative to the VM's folder. */
	if (chdir(k->dir) < 0 || mkdir("jail", 0700) < 0 || mkdir("shared", 0700) < 0)
		return err_set(e, -errno, "folders in '%s'", k->dir);
	return vmm_share_build(k->vm->config, "shared", e);
}

static int watch(struct keeper *k, struct err *e)
{
	sigset_t mask;
	int r;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	r = loop_signal_add(k->loop, &mask, signalled, k);
	if (r == 0)
		r = loop_io_add(k->loop, &k->ctl_io, k->ctl, EPOLLIN, ctl_ready);
	if (r == 0)
		r = loop_io_add(k->loop, &k->console_io, k->console_fd, EPOLLIN, console_ready);
	if (r == 0)
		r = loop_child_add(k->loop, &k->qemu_child, &k->prog.qemu, qemu_exited);
	if (r == 0)
		r = loop_child_add(k->loop, &k->fs_child, &k->prog.virtiofsd, fs_exited);
	if (r == 0)
		r = loop_child_add(k->loop, &k->vsock_child, &k->prog.vsockd, vsock_exited);
	return r < 0 ? err_set(e, r, "watch the VM's programs") : 0;
}

static int bring_up(struct keeper *k, struct err *e)
{
	int r;

	r = loop_new(&k->loop);
	if (r < 0)
		return err_set(e, r, "event loop");
	r = private_system(k, e);
	if (r < 0)
		return r;
	k->log_fd = open("console.log", O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (k->log_fd < 0)
		return err_set(e, -errno, "create console.log");
	r = vmm_programs_start(k->vm, &k->prog, &k->console_fd, e);
	return r < 0 ? r : watch(k, e);
}

/* Whatever is left of the VM, in whatever state it is. */
static void clear_up(struct keeper *k)
{
	/* Everybody else in this PID namespace; nobody outside it is reached. */
	(void)kill(-1, SIGKILL);
	while (waitid(P_ALL, 0, NULL, WEXITED) == 0 || errno == EINTR)
		;
	vmm_ignore(chdir("/"));
	if (k->dir[0] != '\0') {
		char shared[VMM_PATH_MAX + sizeof("/shared")];

		(void)snprintf(shared, sizeof(shared), "%s/shared", k->dir);
		(void)umount2(shared, MNT_DETACH);
	}
	vmm_cgroup_leave(&k->cgroup);
	vmm_state_remove(k->vm->name);
}

/* The launcher may want to read the console; it hangs up when it has. */
static void await_launcher(int ctl)
{
	struct pollfd p = {.fd = ctl, .events = POLLRDHUP};

	(void)!poll(&p, 1, READ_WAIT_MS);
}

static void keep_last_words(struct keeper *k, char *buf, size_t size)
{
	ssize_t n;

	buf[0] = '\0';
	n = vmm_programs_last_words(buf, size);
	if (n <= 0)
		(void)str_copy(buf, size, k->why);
}

_Noreturn void vmm_keeper_main(const struct vmm_vm *vm, int ctl)
{
	static struct keeper k;
	char text[ERR_TEXT_MAX];
	struct err e = {0};
	int r;

	k = (struct keeper){.vm = vm,
			    .ctl = ctl,
			    .console_fd = -EBADF,
			    .log_fd = -EBADF,
			    .ctl_io = LOOP_IO_INIT,
			    .console_io = LOOP_IO_INIT};
	vmm_programs_init(&k.prog);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "pith-vm-keeper");
	(void)signal(SIGPIPE, SIG_IGN);

	r = let_go(ctl, &e);
	if (r == 0)
		r = bring_up(&k, &e);
	if (r < 0) {
		tell(&k, VMM_MSG_FAILED, r, err_text(&e, text, sizeof(text)));
		clear_up(&k);
		_exit(1);
	}
	tell(&k, VMM_MSG_STARTED, 0, k.cgroup.note);
	if (loop_run(k.loop) < 0)
		(void)str_copy(k.why, sizeof(k.why), "event loop failed");
	keep_last_words(&k, text, sizeof(text));
	tell(&k, VMM_MSG_EXITED, k.code, text);
	if (!k.detached)
		await_launcher(ctl);
	clear_up(&k);
	_exit(0);
}

int vmm_keeper_start(const struct vmm_vm *vm, struct pidref *ret, int *ret_ctl, struct err *e)
{
	int pidfd = -EBADF, sv[2];
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			 CLONE_NEWNET,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(e, -errno, "control socket");
	pid = sys_clone3(&args);
	if (pid == 0) {
		(void)fd_close(sv[0]);
		vmm_keeper_main(vm, sv[1]);
	}
	(void)fd_close(sv[1]);
	if (pid < 0) {
		(void)fd_close(sv[0]);
		return err_set(e, -errno, "start the VM's namespaces");
	}
	*ret = (struct pidref){.pid = pid, .pidfd = pidfd};
	*ret_ctl = sv[0];
	return 0;
}
