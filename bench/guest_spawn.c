/* SPDX-License-Identifier: Apache-2.0 */
/* The bare ways to start a process in namespaces: what any runtime has to do at the least. */
#include "bench/guest.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/sys.h"

#define NEW_NS (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static int reap(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static void exec_program(const char *program)
{
	char name[] = "true";
	char *argv[] = {name, NULL}, *envp[] = {NULL};

	(void)execve(program, argv, envp);
	_exit(127);
}

static pid_t clone_ns(void)
{
	struct clone_args args = {.flags = NEW_NS, .exit_signal = SIGCHLD};

	return sys_clone3(&args);
}

int bench_fork_exec(const char *program)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_program(program);
	return reap(pid);
}

int bench_ns_exec(const char *program)
{
	pid_t pid = clone_ns();

	if (pid == 0)
		exec_program(program);
	return reap(pid);
}

int bench_root_exec(const char *root, const char *program)
{
	pid_t pid = clone_ns();

	if (pid == 0) {
		/* An initramfs root cannot be pivoted out of: the bind is moved over it instead. */
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(root) < 0 ||
		    mount(root, "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
			_exit(126);
		exec_program(program);
	}
	return reap(pid);
}

int bench_sleeper_start(void)
{
	pid_t pid = clone_ns();

	if (pid == 0)
		for (;;)
			(void)pause();
	return pid < 0 ? -errno : pid;
}

void bench_sleeper_stop(int pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

int bench_join_exec(int pid, const char *program)
{
	pid_t helper = fork();

	if (helper == 0) {
		int pidfd = sys_pidfd_open(pid, 0);
		pid_t child;

		if (pidfd < 0 || setns(pidfd, NEW_NS) < 0)
			_exit(126);
		child = fork(); /* a pid namespace is entered by children only */
		if (child == 0)
			exec_program(program);
		_exit(reap(child) == 0 ? 0 : 1);
	}
	return reap(helper);
}
