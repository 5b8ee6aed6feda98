/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the child_*.c files only. Every function here is async-signal-safe, returns 0 or a
 * negative errno, and leaves the failed step in child->step.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "container/child.h"
#include "container/plan.h"

struct child {
	const struct plan *plan;
	int report;    /* channel to the parent */
	uint32_t op;   /* index under way */
	uint32_t step; /* enum plan_step of the failure */
	uint32_t detail;
	int root;                /* fd of the container's root */
	int proc;                /* private procfs */
	int mask, mask_attached; /* a read-only empty tmpfs to cover directories with */
	int null, null_attached; /* the guest's null device to cover files with */
	uint32_t uid, gid;
	int chdir_code; /* of the first try */
	const char *exec_path;
	char path[4096]; /* exec_path when it was put together */
};

/* child.c */
void child_report(const struct child *c, uint32_t type, int code, const int *fd);
int child_fail(struct child *c, uint32_t step, int code);

/* child_path.c */
int child_open_in(int root, const char *path, int flags, uint64_t resolve);
int child_make_target(int root, const char *path, int is_dir, int no_links);
int child_make_parent(int root, const char *path, const char **ret_name);
int child_remount(int fd, uint64_t set, uint64_t clear, uint64_t propagation, int recursive);
int child_attach(int mnt, int target);
int child_clone_tree(int dirfd, const char *path, int flags);
int64_t child_mount_id(int fd, int *ret_is_root);
char *child_proc_path(char *buf, int fd); /* buf: 32 bytes */
#define CHILD_PROC_PATH 32

/* child_mount.c, child_root.c */
int child_mount(struct child *c, const struct plan_mount *m);
int child_root_open(struct child *c, const struct plan_op *op);
int child_parent_private(const struct plan_op *op);
int child_pivot(struct child *c, const struct plan_op *op);
int child_path_read_only(struct child *c, const struct plan_op *op);
int child_path_mask(struct child *c, const struct plan_op *op);
int child_read_only(struct child *c, const struct plan_op *op);
int child_proc_open(struct child *c);
int child_proc_write(struct child *c, const struct plan_op *op);

/* child_dev.c */
int child_device(struct child *c, const struct plan_device *d);
int child_symlink(struct child *c, const struct plan_op *op);
int child_console(struct child *c, const struct plan_op *op);
int child_stdio(struct child *c, const struct plan_op *op);
int child_stdio_owner(const struct child *c);

/* child_cred.c */
int child_become_root(const struct plan_op *op);
int child_loopback(void);
int child_keyring(const struct plan_op *op);
int child_user(struct child *c, const struct plan_op *op);
int child_bounding(const struct plan_op *op);
int child_ids(const struct child *c);
int child_groups(const struct plan_op *op);
int child_caps(const struct plan_op *op);
int child_ambient(struct child *c, const struct plan_op *op);
int child_cwd(struct child *c, const struct plan_op *op);
int child_lookup(struct child *c, const struct plan_op *op);
