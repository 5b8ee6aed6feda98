/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that glibc 2.36 or musl 1.2.3 does not wrap, as thin inline functions returning -1 and errno like libc does. */
#pragma once

#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static inline pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

static inline int sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

/* Nanoseconds, where epoll_wait has milliseconds; the signal mask is left alone. */
static inline int sys_epoll_pwait2(int epfd, struct epoll_event *ev, int max,
				   const struct timespec *timeout, const void *mask)
{
	return (int)syscall(SYS_epoll_pwait2, epfd, ev, max, timeout, mask, 8);
}

static inline int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int sig, void *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, info, flags);
}
