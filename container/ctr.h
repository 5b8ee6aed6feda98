/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container: create → start → exec → kill → delete, driven by the event loop. Nothing here waits:
 * an operation that takes time calls back. Both front ends, the agent and the command, use only
 * this header, process.h and the pure modules.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/pidref.h"
#include "container/spec.h"

struct err;
struct loop;
struct ctr;
struct ctr_cgroup;
struct ctr_process;
struct ctr_seccomp_cache;

/* What the program that embeds the core gives it once. */
struct ctr_host {
	struct loop *loop;
	struct ctr_seccomp_cache *seccomp; /* may be NULL: compile every time */
	bool is_agent;                     /* the rules that differ between the two front ends */
	struct rlimit boot_nofile;         /* restored in containers that set none */
	int64_t default_oom_score_adj;     /* for processes that set none; CTR_UNSET: inherit */
	int64_t default_hook_timeout_s;    /* CTR_UNSET: none */
	const char *bundle_root; /* directory below which ctr bundles live (hook state "bundle") */
	int null_fd;             /* the guest's own /dev/null, verified char 1:3 */
	int own_pidns_fd;        /* to return after setns(CLONE_NEWPID) */
	bool no_pivot; /* root is rootfs (initramfs): move-mount + chroot instead of pivot_root */
};

enum ctr_state {
	CTR_CREATING,
	CTR_CREATED,
	CTR_RUNNING,
	CTR_PAUSED,
	CTR_STOPPED, /* init is gone; resources remain until delete */
};

/* Result of an operation that took time: e->code is 0 on success. Called exactly once, never from inside the call that began it. */
typedef void (*ctr_done_fn)(void *data, const struct err *e);

/**
 * ctr_new() - check the spec, build the plan, make the cgroup; no process yet
 * @spec_arena: holds @spec; taken over by the container on success (the source is then empty)
 * Failure leaves nothing behind.
 */
int ctr_new(const struct ctr_host *host, const char *id, const char *bundle, struct ctr_spec *spec,
	    struct arena *spec_arena, struct ctr **ret, struct err *e) must_check;
/* Frees memory and fds only; call after ctr_delete is done, or on a container whose create failed (that undid everything). */
void ctr_free(struct ctr *c);

/* Clone, set up, run hooks, until init waits for start. On failure everything is undone before @done runs. @stdio: fds for 0,1,2 of init, borrowed until done; -EBADF: /dev/null. With process.terminal they are ignored and the pty master is in ctr_init. */
int ctr_create(struct ctr *c, const int stdio[static 3], ctr_done_fn done, void *data,
	       struct err *e) must_check;
int ctr_start(struct ctr *c, ctr_done_fn done, void *data, struct err *e) must_check;
/* Stops a create or start or exec under way at its next consistent point; its done gets ERR_TIMEOUT. */
void ctr_cancel(struct ctr *c);

/* A further process in the container. *ret exists at once (Starting) and is freed by ctr_process_free. */
int ctr_exec(struct ctr *c, const char *exec_id, struct ctr_process_spec *spec,
	     struct arena *spec_arena, const int stdio[static 3], ctr_done_fn done, void *data,
	     struct ctr_process **ret, struct err *e) must_check;

/* Freeze or thaw and wait for it (bounded, 2 s). */
int ctr_pause(struct ctr *c, ctr_done_fn done, void *data, struct err *e) must_check;
int ctr_resume(struct ctr *c, ctr_done_fn done, void *data, struct err *e) must_check;
int ctr_update(struct ctr *c, const struct ctr_resources *res, struct err *e) must_check;
/* Processors were plugged in: @online to the groups above that of a container with a cpuset, then its own again. */
int ctr_cpus_changed(struct ctr *c, const char *online, struct err *e) must_check;
/* SIGKILL to every process of the container (and thaw). */
int ctr_kill_all(struct ctr *c, struct err *e) must_check;
/* Kill, wait until empty, remove cgroup and mounts, poststop hooks. Resumable: a second call goes on where the first stopped. @deadline_ns: CLOCK_MONOTONIC, 0 none. */
int ctr_delete(struct ctr *c, uint64_t deadline_ns, ctr_done_fn done, void *data,
	       struct err *e) must_check;

const char *ctr_id(const struct ctr *c);
enum ctr_state ctr_get_state(const struct ctr *c);
const char *ctr_state_name(enum ctr_state s);
struct ctr_spec *ctr_get_spec(struct ctr *c);
struct ctr_cgroup *ctr_get_cgroup(struct ctr *c);
struct ctr_process *ctr_init(struct ctr *c); /* NULL before ctr_create */
int ctr_ns_fd(const struct ctr *c,
	      enum ctr_ns_type type); /* pinned at create; -EBADF: shared with the host program */

/* ---- processes ---- */
typedef void (*ctr_exit_fn)(void *data, struct ctr_process *p);
/* Called once when the process has been reaped; also when set after the fact. */
void ctr_process_on_exit(struct ctr_process *p, ctr_exit_fn fn, void *data);
bool ctr_process_has_exited(const struct ctr_process *p);
int ctr_process_exit_code(const struct ctr_process *p); /* 0..255, 128 + signal; valid after exit */
uint64_t ctr_process_exit_ns(const struct ctr_process *p);
const struct pidref *ctr_process_pid(const struct ctr_process *p);
/* Takes the pty master out of the process (caller owns); -EBADF: no terminal or taken. Valid once create or exec is done. */
int ctr_process_take_master(struct ctr_process *p);
/* Ends an exec that is still being set up; its done gets ERR_TIMEOUT. Harmless on any other process. */
void ctr_process_cancel(struct ctr_process *p);
/* By pidfd; SIGTERM to an init that neither catches, ignores nor blocks it becomes SIGKILL. Exited: 0. */
int ctr_process_signal(struct ctr_process *p, int sig, struct err *e) must_check;
void ctr_process_free(struct ctr_process *p);
