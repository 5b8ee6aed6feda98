/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orderly end. Unmounting and syncing can hang on a dead share or disk, so a child does them and
 * gets a deadline; the power goes off in any case, because a guest that hangs at its end is worse
 * for the host than one that lost its last writes.
 */
#include "init/shutdown.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>

#define LOG_MODULE "shutdown"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "init/mountlist.h"

#define KILL_WAIT_MS  2000
#define FLUSH_WAIT_MS 10000
#define MOUNTINFO_MAX (1u << 20)

/* Reaps until no child is left or the time is up. Return: true when none is left. */
static bool reap_until(uint64_t wait_ms, pid_t only)
{
	uint64_t end = loop_now_ns() + wait_ms * 1000000u;
	sigset_t chld;

	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, NULL);
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);
		uint64_t now = loop_now_ns();
		struct timespec left;

		if ((pid < 0 && errno == ECHILD) || (only > 0 && pid == only))
			return true;
		if (pid > 0)
			continue;
		if (now >= end)
			return false;
		left = (struct timespec){.tv_sec = (time_t)((end - now) / 1000000000u),
					 .tv_nsec = (long)((end - now) % 1000000000u)};
		(void)sigtimedwait(&chld, NULL, &left);
	}
}

static bool is_kernel_tree(const char *path)
{
	return path_is_below(path, "/proc") || path_is_below(path, "/sys") ||
	       path_is_below(path, "/dev") || strcmp(path, "/") == 0;
}

/* Mounts come in the order they were made, so the last line is undone first. */
static void unmount_all(void)
{
	cleanup_free char *text = malloc(MOUNTINFO_MAX);
	cleanup_free char **points = NULL;
	char path[4096];
	size_t n = 0, max = 0;
	struct slice rest;
	ssize_t len;

	if (text == NULL)
		return;
	len = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", text, MOUNTINFO_MAX);
	if (len <= 0)
		return;
	for (ssize_t i = 0; i < len; i++)
		max += text[i] == '\n';
	points = calloc(max + 1, sizeof(*points));
	if (points == NULL)
		return;
	rest = (struct slice){text, (size_t)len};
	while (n < max && mountlist_next(&rest, path, sizeof(path)))
		if (!is_kernel_tree(path) && (points[n] = strdup(path)) != NULL)
			n++;
	while (n-- > 0) {
		if (umount2(points[n], UMOUNT_NOFOLLOW) < 0 && errno == EBUSY)
			(void)umount2(points[n], UMOUNT_NOFOLLOW | MNT_DETACH);
		free(points[n]);
	}
	(void)mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

static void flush_disks(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		sync();
		unmount_all();
		sync();
		_exit(0);
	}
	if (pid < 0 || !reap_until(FLUSH_WAIT_MS, pid))
		log_error("file systems could not be unmounted in time, powering off all the same");
}

static int reboot_command(void)
{
#if defined(__x86_64__) || defined(__i386__)
	/* Without ACPI a power-off only halts; a restart makes the machine monitor exit. */
	if (access("/sys/firmware/acpi/tables", F_OK) < 0)
		return RB_AUTOBOOT;
#endif
	return RB_POWER_OFF;
}

noreturn void guest_shutdown(uint64_t grace_ms)
{
	(void)kill(-1, SIGTERM);
	if (!reap_until(grace_ms, 0)) {
		(void)kill(-1, SIGKILL);
		if (!reap_until(KILL_WAIT_MS, 0))
			log_warn("some processes could not be killed");
	}
	flush_disks();
	(void)reboot(reboot_command());
	/* Not reached as PID 1; without the right to reboot there is nothing better than to stop. */
	for (;;)
		(void)pause();
}
