/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a VM through its keeper and waits for the agent. Knows no container. */
#define LOG_MODULE "launch"
#include "vmm/launch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/parse.h"
#include "base/str.h"
#include "vmm/accel.h"
#include "vmm/agent_wait.h"

#define NS_PER_S       1000000000ULL
#define NS_PER_MS      1000000ULL
#define SIGN_WAIT_NS   (5 * NS_PER_S) /* KVM prints within 0.4 s even on a busy host: measured */
#define CHECK_MS       2000
#define RETRY_MS       10
#define KEEPER_WAIT_NS (10 * NS_PER_S) /* for clearing up */
#define TAIL_MAX       2048

void vmm_launch_init(struct vmm_launch *l, const struct vmm_config *c)
{
	*l = (struct vmm_launch){.config = c, .keeper = PIDREF_INIT, .ctl = -EBADF};
}

/* One message of the keeper. Return: 1, 0 when time is up, -EPIPE when it is gone. */
static int next_msg(struct vmm_launch *l, struct vmm_msg *m, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now = loop_now_ns();
		struct pollfd p = {.fd = l->ctl, .events = POLLIN};
		int wait = now >= deadline_ns ? 0 : (int)((deadline_ns - now) / NS_PER_MS) + 1;
		int r = poll(&p, 1, wait);

		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			return 0;
		if (recv(l->ctl, m, sizeof(*m), 0) != sizeof(*m))
			return -EPIPE;
		m->text[sizeof(m->text) - 1] = '\0';
		if (m->type == VMM_MSG_SIGN)
			l->sign_of_life = true;
		return 1;
	}
}

static void send_msg(const struct vmm_launch *l, char type)
{
	const struct vmm_msg m = {.type = type};

	/* A keeper that is gone needs no orders. */
	if (l->ctl >= 0 && send(l->ctl, &m, sizeof(m), MSG_NOSIGNAL) < 0)
		return;
}

static void reap(struct vmm_launch *l)
{
	struct pollfd p = {.fd = l->keeper.pidfd, .events = POLLIN};

	if (!pidref_is_set(&l->keeper))
		return;
	l->ctl = fd_close(l->ctl);
	if (poll(&p, 1, (int)(KEEPER_WAIT_NS / NS_PER_MS)) != 1) {
		/* As the first of its PID namespace it takes all others with it. */
		vmm_ignore(pidref_kill(&l->keeper, SIGKILL));
		log_warn("the keeper of '%s' hung and was killed", l->state.name);
	}
	vmm_ignore(pidref_wait(&l->keeper));
	pidref_done(&l->keeper);
	vmm_state_remove(l->state.name);
}

void vmm_launch_end(struct vmm_launch *l, uint64_t grace_ns)
{
	uint64_t deadline = loop_now_ns() + grace_ns;
	struct vmm_msg m;
	int r;

	if (!pidref_is_set(&l->keeper))
		return;
	while ((r = next_msg(l, &m, deadline)) > 0 && m.type != VMM_MSG_EXITED)
		;
	if (r == 0)
		send_msg(l, VMM_MSG_QUIT);
	reap(l);
}

void vmm_launch_done(struct vmm_launch *l)
{
	vmm_launch_end(l, 0);
	l->ctl = fd_close(l->ctl);
}

void vmm_launch_detach(struct vmm_launch *l)
{
	send_msg(l, VMM_MSG_DETACH);
	l->ctl = fd_close(l->ctl);
	pidref_done(&l->keeper);
}

/* What the guest said last: the reason of most failures. Read before the folder goes. */
static void show_console(const struct vmm_launch *l)
{
	char path[VMM_PATH_MAX], text[TAIL_MAX + 1];
	cleanup_close int fd = -EBADF;
	struct err e = {0};
	struct stat st;
	ssize_t n;

	if (vmm_state_path(l->state.name, "console.log", path, &e) < 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	n = pread(fd, text, TAIL_MAX, st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0);
	if (n <= 0)
		return;
	/* The guest's bytes go to a terminal: no control sequences. */
	for (ssize_t i = 0; i < n; i++)
		if ((text[i] < ' ' && text[i] != '\n') || text[i] == 0x7f)
			text[i] = text[i] == '\t' ? '\t' : ' ';
	(void)fprintf(stderr, "--- end of the guest's console ---\n%.*s\n---\n", (int)n, text);
}

static int vm_gone(const struct vmm_launch *l, const struct vmm_msg *m, struct err *e)
{
	show_console(l);
	if (m->type == VMM_MSG_FAILED)
		return err_refuse(e, ERR_UNAVAILABLE, "%s", m->text);
	return err_refuse(e, ERR_UNAVAILABLE, "the VM ended before its agent answered (%d): %s",
			  m->code, m->text);
}

/* The keeper reports QEMU's pid in its own namespace; the host's is found among its children. */
static pid_t qemu_pid(pid_t keeper)
{
	char path[64], text[4096];
	struct slice rest, word;
	uint64_t pid = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", keeper, keeper);
	if (fd_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	/* Started last. */
	rest = slice_of(text);
	while (slice_cut(&rest, ' ', &word))
		if (word.n > 0 && parse_slice_u64(word, &pid) < 0)
			return 0;
	return (pid_t)pid;
}

static int await_started(struct vmm_launch *l, struct err *e)
{
	struct vmm_msg m = {0};
	int r;

	do
		r = next_msg(l, &m, l->started_ns + l->config->timeout_s * NS_PER_S);
	while (r > 0 && m.type == VMM_MSG_SIGN);
	if (r <= 0 || m.type != VMM_MSG_STARTED)
		return r == 0 ? err_refuse(e, ERR_TIMEOUT, "the VM's programs did not start")
			      : vm_gone(l, &m, e);

	l->state.uid = (uid_t)m.uid;
	(void)str_copy(l->state.cgroup, sizeof(l->state.cgroup), m.text);
	l->state.qemu = qemu_pid(l->keeper.pid);
	return vmm_state_write(&l->state, e);
}

/* Return: 0 the agent answers; -ENODEV: KVM shows no life. */
static int await_agent(struct vmm_launch *l, bool kvm, struct err *e)
{
	uint64_t deadline = l->started_ns + l->config->timeout_s * NS_PER_S;
	struct vmm_msg m = {0};

	for (;;) {
		int r = vmm_agent_check(l->vsock, CHECK_MS);
		uint64_t now = loop_now_ns();

		if (r == 0) {
			l->ready_ns = now;
			return 0;
		}
		if (r != -EAGAIN)
			return err_set(e, r, "connect to '%s'", l->vsock);
		r = next_msg(l, &m, now + RETRY_MS * NS_PER_MS);
		if (r < 0 || (r > 0 && m.type != VMM_MSG_SIGN)) {
			r = vm_gone(l, &m, e);
			/* QEMU gave up on KVM before the guest said a word: the same as silence. */
			return kvm && !l->sign_of_life ? (e->code = -ENODEV) : r;
		}
		if (kvm && !l->sign_of_life && now - l->started_ns > SIGN_WAIT_NS)
			return err_set(e, -ENODEV, "no sign of life under KVM");
		if (now > deadline) {
			show_console(l);
			return err_refuse(e, ERR_TIMEOUT,
					  "the agent did not answer in %" PRIu32 " s",
					  l->config->timeout_s);
		}
	}
}

static int start_once(struct vmm_launch *l, bool kvm, struct err *e)
{
	const struct vmm_vm vm = {
		.config = l->config,
		.paths = &l->paths,
		.name = l->state.name,
		.kvm = kvm,
		.tsc_khz = kvm ? 0 : vmm_tsc_khz(),
	};
	int r;

	r = vmm_state_create(l->state.name, e);
	if (r < 0)
		return r;
	l->started_ns = loop_now_ns();
	l->sign_of_life = false;
	r = vmm_keeper_start(&vm, &l->keeper, &l->ctl, e);
	if (r < 0) {
		vmm_state_remove(l->state.name);
		return r;
	}
	(void)str_copy(l->state.accel, sizeof(l->state.accel), kvm ? "kvm" : "tcg");
	l->state.keeper = l->keeper.pid;
	l->state.keeper_start = vmm_start_time(l->keeper.pid);

	r = vmm_state_write(&l->state, e);
	if (r == 0)
		r = await_started(l, e);
	if (r == 0)
		r = await_agent(l, kvm, e);
	if (r < 0)
		vmm_launch_end(l, 0);
	return r;
}

int vmm_launch(struct vmm_launch *l, struct err *e)
{
	const struct vmm_config *c = l->config;
	bool kvm;
	int r;

	if (geteuid() != 0)
		return err_refuse(
			e, ERR_PERMISSION,
			"pith-vm needs root: for namespaces, ids of its own and virtiofsd");
	r = vmm_paths_find(c, &l->paths, e);
	if (r < 0)
		return r;

	l->state.memory = c->memory;
	l->state.cpus = c->cpus;
	l->state.seccomp = c->seccomp;
	(void)str_copy(l->state.kernel, sizeof(l->state.kernel), l->paths.kernel);
	(void)str_copy(l->state.initrd, sizeof(l->state.initrd), l->paths.initrd);
	if (c->name != NULL)
		(void)str_copy(l->state.name, sizeof(l->state.name), c->name);
	else
		(void)snprintf(l->state.name, sizeof(l->state.name), "vm-%d", getpid());
	r = vmm_state_path(l->state.name, "vsock.sock", l->vsock, e);
	if (r < 0)
		return r;

	kvm = vmm_accel_choose(c->accel, &l->paths, l->state.accel_why, sizeof(l->state.accel_why));
	r = start_once(l, kvm, e);
	if (r != -ENODEV || !kvm)
		return r;

	vmm_accel_mark_bad(&l->paths);
	if (c->accel == VMM_ACCEL_KVM)
		return r;
	log_warn("KVM shows no sign of life; starting again with TCG");
	(void)str_copy(l->state.accel_why, sizeof(l->state.accel_why),
		       "KVM showed no sign of life");
	*e = (struct err){0};
	return start_once(l, false, e);
}
