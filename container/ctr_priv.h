/* SPDX-License-Identifier: Apache-2.0 */
/* Between the ctr_*.c files and process.c: the container and process objects. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/loop.h"
#include "container/ctr.h"
#include "container/hooks.h"
#include "container/plan.h"
#include "container/spawn.h"

struct ctr_bpf;
struct ctr_cgroup;

/* What the guest is like; found once, by the parent, from its own files. */
struct ctr_facts {
	uint64_t own_dev, own_ino; /* the program that runs */
	bool has_apparmor;
	bool root_may_be_initramfs;
	const char *const *cgroup_v1; /* hierarchies */
	int own_ns[CTR_NS_COUNT];     /* to come back to */
};
const struct ctr_facts *ctr_facts_get(struct err *e); /* NULL: failed */

/* What happens to a container. The order is that of the table in ctr.c. */
enum ctr_event {
	CTR_EV_CREATED,
	CTR_EV_STARTED,
	CTR_EV_PAUSED,
	CTR_EV_RESUMED,
	CTR_EV_EXITED,
	CTR_EV_WANT_START, /* the wants: may it be asked for now? */
	CTR_EV_WANT_EXEC,
	CTR_EV_WANT_PAUSE,
	CTR_EV_WANT_RESUME,
	CTR_EV_WANT_UPDATE,
	CTR_EVENTS,
};

enum ctr_work {
	CTR_IDLE,
	CTR_WORK_CREATE,
	CTR_WORK_START,
	CTR_WORK_FREEZE, /* pause or resume */
	CTR_WORK_DELETE,
};

enum ctr_end_step {
	CTR_END_KILL,
	CTR_END_WAIT,
	CTR_END_CGROUP,
	CTR_END_POSTSTOP,
	CTR_END_DONE,
};

typedef void (*ctr_hooks_then)(struct ctr *c, const struct err *e);

struct ctr {
	const struct ctr_host *host;
	char *id, *bundle;
	struct arena arena;
	struct ctr_spec *spec;
	struct ctr_cgroup *cgroup;
	char *cpus; /* the cpuset it was last given; NULL: none */
	struct ctr_bpf *bpf;
	struct plan *plan;   /* of init, until the clone */
	struct arena hidden; /* mounts of the outer view that its plan hides */
	enum ctr_state state;
	enum ctr_state before_pause;
	uint64_t caps[CTR_CAP_SETS]; /* of init: what an exec without its own gets */
	int join[CTR_NS_COUNT]; /* namespaces that the spec names; owned unless join_borrowed */
	bool join_borrowed[CTR_NS_COUNT];
	bool is_new[CTR_NS_COUNT];
	int ns[CTR_NS_COUNT]; /* pinned at create */
	struct ctr_process *init;
	struct list processes; /* execs that live */

	/* the one operation under way */
	enum ctr_work work;
	ctr_done_fn done;
	void *done_data;
	struct err result;

	/* hooks */
	struct hook_run *hooks;
	ctr_hooks_then hooks_then;
	enum ctr_hook_kind hook_kind;
	int hook_ns[CTR_NS_COUNT]; /* of init, for createContainer */
	char *hook_state;
	bool ran_runtime_hooks;

	/* teardown and waiting */
	enum ctr_end_step end;
	struct loop_idle idle;
	struct loop_timer timer;
	uint64_t deadline_ns, backoff_ns;
	bool wants_frozen;
};

struct ctr_process {
	struct ctr *ctr; /* NULL: the container was freed */
	struct loop *loop;
	struct list link;
	struct spawn spawn;
	struct arena arena; /* of an exec's spec */
	bool is_init;
	bool is_reported; /* create or exec succeeded: the owner knows it */
	bool has_exited;
	bool is_orphan; /* freed by its owner before it was reaped */
	int exit_code;
	uint64_t exit_ns;
	int master;
	ctr_exit_fn exit_fn;
	void *exit_data;
	struct loop_idle idle;
	ctr_done_fn done; /* exec under way */
	void *done_data;
};

/* ctr.c */
/* Return: 0 and the state changed, or a refusal (ERR_PRECONDITION). */
int ctr_happen(struct ctr *c, enum ctr_event event, struct err *e) must_check;
/* Remembers a cpuset, for when processors are plugged in. Return: 0 or -ENOMEM. */
int ctr_keep_cpus(struct ctr *c, const struct ctr_resources *res) must_check;
int ctr_begin(struct ctr *c, enum ctr_work work, ctr_done_fn done, void *data,
	      struct err *e) must_check;
/* Ends the operation under way: the last thing a callback does with @c. */
void ctr_finish(struct ctr *c, const struct err *e);

/* ctr_ns.c */
int ctr_ns_resolve(struct ctr *c, struct err *e) must_check;
void ctr_ns_close(struct ctr *c);
int ctr_ns_pin(const struct ctr *c, pid_t pid, int out[static CTR_NS_COUNT],
	       struct err *e) must_check;
int ctr_ns_write_maps(const struct ctr_spec *s, pid_t pid, struct err *e) must_check;
void ctr_ns_how(const struct ctr *c, const struct ctr_facts *f, struct spawn_how *how);
void ctr_ns_close_all(int fds[static CTR_NS_COUNT]);

/* ctr_plan.c */
void ctr_plan_in(const struct ctr *c, const struct ctr_facts *f, struct plan_in *in);
int ctr_plan_process(const struct ctr *c, const struct ctr_process_spec *spec, struct plan_in *in,
		     struct err *e) must_check;
int ctr_plan_exec(const struct ctr *c, const struct ctr_process_spec *spec,
		  const int stdio[static 3], struct plan **ret, struct spawn_how *how,
		  struct err *e) must_check;
/* Between the clone and GO: what only the parent may do. */
int ctr_limit(struct ctr *c, struct spawn *s, const struct ctr_process_spec *spec, bool is_init,
	      struct err *e) must_check;

/* ctr_hook.c */
/* Runs the hooks of @kind and calls @then: from the loop, or at once when there are none. */
int ctr_hooks_run(struct ctr *c, enum ctr_hook_kind kind, ctr_hooks_then then,
		  struct err *e) must_check;

/* ctr_end.c */
/* Begins the teardown of a failed create: ends in ctr_finish with c->result. */
void ctr_undo(struct ctr *c, const struct err *why);
void ctr_end_process_gone(struct ctr *c);

/* process.c */
int ctr_process_new(struct ctr *c, bool is_init, struct ctr_process **ret) must_check;
/* Exit is known: stores it and tells the owner if it wants to be told. */
void ctr_process_exited(struct ctr_process *p, const siginfo_t *info);
void ctr_process_drop(struct ctr_process *p);
