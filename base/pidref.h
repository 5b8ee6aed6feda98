/* SPDX-License-Identifier: Apache-2.0 */
/* A process is a pid and a pidfd; it is signalled by pidfd only, so a recycled pid is never hit. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct pidref {
	pid_t pid; /* 0: empty */
	int pidfd; /* -EBADF: empty */
};

#define PIDREF_INIT ((struct pidref){.pid = 0, .pidfd = -EBADF})

/* Opens a pidfd for a pid that cannot be recycled meanwhile (our own unreaped child). Owns: *ret owns the fd. */
int pidref_open(pid_t pid, struct pidref *ret) must_check;
void pidref_done(struct pidref *p); /* closes the pidfd; twice is fine */
/* Return: 0, -ESRCH when it is gone, or -errno. */
int pidref_kill(const struct pidref *p, int sig) must_check;
/* waitid(P_PIDFD, WEXITED) blocking; for workers and commands without a loop. Return: exit code as a shell counts (128 + signal), or -errno. */
int pidref_wait(const struct pidref *p) must_check;
/* From waitid's si_code and si_status: 0..255, or 128 + signal. */
int pidref_exit_code(int code, int status);
bool pidref_is_set(const struct pidref *p);
