/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child between clone and exec: walks a plan with system calls, and says nothing but "operation
 * i, step s, errno e". It knows neither the spec, nor words, nor allocation.
 */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>

struct plan;

enum child_report_type {
	CHILD_SYNC = 1, /* waits for one byte at operation op */
	CHILD_ERROR,    /* operation op failed; the child exits */
	CHILD_WARNING,  /* operation op was not wholly possible; the child goes on */
	CHILD_MASTER,   /* carries the pty master as SCM_RIGHTS */
	CHILD_MARK,     /* nothing but execve is left: end of file now means success */
};

struct child_report {
	uint32_t type;
	uint32_t op;
	int32_t code; /* negative errno */
	uint32_t step;
	uint32_t detail;
};

/* The kernel's own layout, of which the C library knows another. */
struct child_sigaction {
	void (*handler)(int sig);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

/* Exit codes of a child that could not exec, as shells have them. */
#define CHILD_EXIT_NOT_EXECUTABLE 126
#define CHILD_EXIT_NOT_FOUND      127

/* Runs in the child only. */
noreturn void child_run(const struct plan *plan);
