/* SPDX-License-Identifier: Apache-2.0 */
/* Between the plan_*.c files: the builder, and the steps that the order tables in plan.c name. */
#pragma once

#include "base/err.h"
#include "container/plan.h"

typedef int (*plan_step_fn)(struct plan *p, const struct plan_in *in, struct err *e);

/* Return: the new last operation, fds empty; NULL when memory ran out (e is not needed: use plan_oom). */
struct plan_op *plan_add(struct plan *p, enum plan_op_type type) must_check;
int plan_oom(struct err *e) must_check;
/* Adds an operation that is all in two numbers and a string. Return: 0 or -ENOMEM with @e set. */
int plan_put(struct plan *p, enum plan_op_type type, const char *str, uint64_t arg,
	     struct err *e) must_check;

/* plan_ns.c */
int plan_ns_user(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_ns_join(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_ns_join_user(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_ns_net(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_ns_cgroup(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_ns_uts(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_ns_sysctl(struct plan *p, const struct plan_in *in, struct err *e) must_check;
/* Whether the key may be set, and its path below sys/. @buf: PATH_MAX */
int plan_sysctl_path(const struct plan_in *in, const char *key, char *buf, size_t size,
		     struct err *e) must_check;

/* plan_root.c */
int plan_root_open(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_root_of_ns(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_root_proc(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_root_pivot(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_root_late_ro(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_root_closed(struct plan *p, const struct plan_in *in, struct err *e) must_check;

/* plan_mount.c, plan_mount_opts.c, plan_mount_cgroup.c */
int plan_mount_all(struct plan *p, const struct plan_in *in, struct err *e) must_check;
struct plan_mount *plan_mount_add(struct plan *p) must_check;
/* The destination, absolute and cleaned; NULL: out of memory. */
const char *plan_mount_target(struct plan *p, const struct ctr_mount *m) must_check;
/* A mount entry is a bind by its options (or, as some callers send it, by its type). */
bool plan_mount_is_bind(const struct ctr_mount *m);
/* Whether the entry's read-only flag has to wait until the mount has been filled. */
bool plan_mount_is_late_ro(const struct ctr_mount *m, const char *target);
int plan_mount_options(struct plan *p, const struct ctr_mount *in, struct plan_mount *out,
		       struct err *e) must_check;
int plan_mount_cgroup(struct plan *p, const struct plan_in *in, const struct ctr_mount *mount,
		      struct plan_mount *m, struct err *e) must_check;

/* plan_dev.c */
int plan_dev_all(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_dev_stdio(struct plan *p, const struct plan_in *in, struct err *e) must_check;

/* plan_cred.c */
int plan_cred_keyring(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_label(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_nnp(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_rlimits(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_user(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_seccomp_early(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_bounding(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_ids(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_caps(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_cred_seccomp_late(struct plan *p, const struct plan_in *in, struct err *e) must_check;
/* RLIMIT_* number for "RLIMIT_NOFILE". Return: -1 for an unknown name. */
int plan_rlimit_number(const char *type) must_check;

/* plan_exec.c */
int plan_exec_cwd_dir(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_exec_chdir(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_exec_lookup(struct plan *p, const struct plan_in *in, struct err *e) must_check;
int plan_exec_final(struct plan *p, const struct plan_in *in, struct err *e) must_check;
/* Environment of the plan: later wins, first place kept. */
int plan_exec_env(struct plan *p, const struct ctr_strv *env, bool wants_home,
		  struct err *e) must_check;
