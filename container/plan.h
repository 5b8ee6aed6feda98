/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process to be, as a flat list of operations. The parent builds and words the plan, the child
 * between clone and exec only walks it. Building reads memory, never a file, so a plan is tested
 * without root, and printed for golden texts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "container/spec.h"

struct ctr_bpf;
struct err;
struct sock_filter;
struct str;

enum plan_op_type {
	PLAN_BEGIN,          /* non-dumpable, default signals, umask, sweep of fds */
	PLAN_SYNC,           /* arg: enum plan_sync; report, then wait for one byte */
	PLAN_SETNS,          /* fd, arg: CLONE_NEW* */
	PLAN_UNSHARE,        /* arg: CLONE_NEW* */
	PLAN_BECOME_ROOT,    /* ids 0 of the user namespace just entered; arg: drop groups */
	PLAN_LOOPBACK,       /* lo up */
	PLAN_KEYRING,        /* str: name; arg: permissions to set, 0: none */
	PLAN_PROPAGATE,      /* mount propagation arg of the root */
	PLAN_PARENT_PRIVATE, /* the mount above str */
	PLAN_ROOT_OPEN, /* str: rootfs in the outer view; arg: make it a mount; arg2: files get masked */
	PLAN_PROC_OPEN,  /* a procfs of ours, attached nowhere */
	PLAN_MOUNT,      /* mount */
	PLAN_MKDIR,      /* str in root */
	PLAN_DEVICE,     /* device */
	PLAN_SYMLINK,    /* str in root to str2; arg: replace; arg2: only if str2 exists outside */
	PLAN_PIVOT,      /* arg: enum plan_pivot; strv: mounts to hide when moving */
	PLAN_SESSION,    /* setsid */
	PLAN_CONSOLE,    /* arg rows, arg2 columns, arg3: also /dev/console */
	PLAN_STDIO,      /* fd becomes arg; -EBADF: the container's /dev/null, or fd2 */
	PLAN_READ_ONLY,  /* str in root: remount read-only */
	PLAN_HOSTNAME,   /* str */
	PLAN_DOMAINNAME, /* str */
	PLAN_PROC_WRITE, /* str below procfs; str2 value */
	PLAN_PATH_READ_ONLY, /* str in root: bind onto itself, read-only; absent is fine */
	PLAN_PATH_MASK,      /* str in root; absent is fine */
	PLAN_NO_NEW_PRIVS,
	PLAN_SWEEP,       /* close what only the set-up needed */
	PLAN_RLIMIT,      /* str name, arg resource, arg2 soft, arg3 hard */
	PLAN_USER,        /* str: user name or NULL; arg uid, arg2 gid; completes HOME */
	PLAN_SECCOMP,     /* bpf */
	PLAN_CHDIR,       /* str; EACCES and EPERM are tried again by PLAN_CWD */
	PLAN_BOUNDING,    /* arg: capabilities that stay, of the first n */
	PLAN_STDIO_OWNER, /* 0..2 to the user */
	PLAN_GROUPS,      /* ids */
	PLAN_IDS,         /* gid and uid, capabilities kept */
	PLAN_CWD,         /* the second try, and the proof that it lies inside */
	PLAN_CAPS,        /* arg effective, arg2 permitted, arg3 inheritable */
	PLAN_AMBIENT,     /* arg */
	PLAN_UMASK,       /* arg */
	PLAN_LOOKUP, /* str: args[0]; strv: candidates; arg, arg2: dev, ino of our own program */
	PLAN_MARK,   /* tell that only execve is left */
	PLAN_EXEC,   /* strv: arguments; environment from the plan */
	PLAN_OP_TYPES,
};

enum plan_sync {
	PLAN_SYNC_IDMAP, /* the parent writes the id maps */
	PLAN_SYNC_GO,    /* cgroup joined, limits set */
	PLAN_SYNC_HOOKS, /* root assembled: prestart, createRuntime, createContainer */
	PLAN_SYNC_READY, /* everything that can fail has been done; goes on at start */
};

enum plan_pivot {
	PLAN_PIVOT_ONLY,
	PLAN_PIVOT_OR_MOVE, /* pivot_root, and the move when the root is the initramfs */
	PLAN_MOVE,
};

/* What part of an operation failed: the words are the parent's. */
enum plan_step {
	PLAN_STEP_NONE,
	PLAN_STEP_SOURCE,
	PLAN_STEP_TARGET,
	PLAN_STEP_OPTION, /* arg: index of the option */
	PLAN_STEP_ATTACH,
	PLAN_STEP_ATTRS,
	PLAN_STEP_PROPAGATION,
	PLAN_STEP_RACED,
	PLAN_STEP_PROTECTED, /* below a proc of the container */
	PLAN_STEP_OWN_BINARY,
	PLAN_STEP_NOT_IN_PATH,
	PLAN_STEP_NO_USER,
	PLAN_STEP_OUTSIDE,
	PLAN_STEP_LEFT_ALONE,
	PLAN_STEPS,
};

enum {
	PLAN_MNT_BIND = 1 << 0,
	PLAN_MNT_REC = 1 << 1,
	PLAN_MNT_REMOUNT = 1 << 2,
	PLAN_MNT_NO_LINKS = 1 << 3,     /* the target is reached without any symbolic link */
	PLAN_MNT_INHERIT_MODE = 1 << 4, /* tmpfs: permission bits of the directory it covers */
	PLAN_MNT_PROC_OK = 1 << 5,      /* the target may lie on procfs */
	PLAN_MNT_LEGACY = 1 << 6,       /* mount(2): a value is too long for fsconfig(2) */
	PLAN_MNT_OPTIONAL = 1 << 7,     /* a bind that is left out when its source is not there */
	PLAN_MNT_GID_FALLBACK = 1 << 8, /* devpts: again without gid= on EINVAL */
	PLAN_MNT_NEED_PROC = 1 << 9,    /* a bind that is only allowed if its source is procfs */
};

struct plan_option {
	const char *key, *value; /* value NULL: a flag */
};

struct plan_mount {
	const char *target; /* in root */
	const char *source; /* bind: path in the outer view */
	const char *type;   /* NULL: bind or remount */
	uint32_t flags;
	uint64_t attr_set, attr_clear;         /* MOUNT_ATTR_* */
	uint64_t rec_attr_set, rec_attr_clear; /* the same for the whole tree, last */
	uint64_t legacy_flags;                 /* MS_* for mount(2) only */
	struct plan_option *options;
	size_t n_options;
	const char *data; /* the options as one string, for mount(2) */
	uint64_t *propagation;
	size_t n_propagation;
	const char *fallback; /* bind this when the new file system is refused (EPERM, EBUSY) */
};

struct plan_device {
	const char *path; /* in root */
	uint32_t mode;    /* type and permission bits */
	uint64_t rdev;
	uint32_t uid, gid;
};

struct plan_op {
	enum plan_op_type type;
	int fd, fd2;
	uint64_t arg, arg2, arg3;
	const char *str, *str2;
	union {
		const char *const *strv; /* NULL-terminated */
		const struct plan_mount *mount;
		const struct plan_device *device;
		const uint32_t *ids;
		const struct sock_filter *insns;
	};
	size_t n;
};

struct plan {
	struct arena arena; /* everything the operations point at, spec strings aside */
	struct plan_op *op;
	uint32_t n_ops, cap_ops;
	const char **env; /* NULL-terminated */
	size_t n_env;
	size_t home_at;    /* index of HOME in env to be completed from passwd; SIZE_MAX: none */
	uint32_t uid, gid; /* as asked; a user name may change them in the child */
	volatile uint32_t *at;    /* shared page: the operation under way; may be NULL */
	int report_fd;            /* the child's end; set before the clone */
	uint64_t ignored_signals; /* by the parent: bit n - 1 for signal n; set before the clone */
};

#define PLAN_HOME_MAX 4096 /* room behind HOME= for what passwd says */

/* Everything a plan is made of. Borrowed. */
struct plan_in {
	const struct ctr_spec *spec;
	const struct ctr_process_spec *process;
	const char *id;
	const char *bundle;
	bool is_agent;
	bool may_move_root; /* the outer root may be the initramfs */
	bool must_move_root;
	const char *const *hide; /* proc and sysfs mounts of the outer view, NULL-terminated */
	bool cgroup_v2;
	const char *cgroup_path;      /* of the container, below the root */
	const char *const *cgroup_v1; /* "cpu,cpuacct", "name=systemd", ...; NULL-terminated */
	int stdio[3];
	int null_fd;
	int ns_fd[CTR_NS_COUNT]; /* to enter by the child; -EBADF: none */
	bool ns_new[CTR_NS_COUNT];
	bool in_userns; /* new or entered */
	uint64_t own_dev, own_ino;
	uint64_t boot_nofile_soft, boot_nofile_hard;
	uint64_t caps[CTR_CAP_SETS];
	unsigned n_caps; /* that the kernel has */
	bool no_new_privs;
	bool has_apparmor;
	const struct ctr_bpf *bpf;
	bool wants_hook_sync;
	bool wants_console; /* /dev/console is the terminal: init only */
};

/**
 * plan_build_init() - the container's first process
 * Owns: *ret, freed by plan_free. The spec's strings are borrowed for the life of the plan.
 */
int plan_build_init(const struct plan_in *in, struct plan **ret, struct err *e) must_check;
/* A further process in an existing container: also a startContainer hook. */
int plan_build_exec(const struct plan_in *in, struct plan **ret, struct err *e) must_check;
/* A hook that runs with the host program's rights; joins in->ns_fd first. @cwd may be NULL. */
int plan_build_hook(const struct plan_in *in, const struct ctr_hook *hook, const char *cwd,
		    struct plan **ret, struct err *e) must_check;
void plan_free(struct plan *p);

/* One line per operation, for golden tests and debugging. */
void plan_print(const struct plan *p, struct str *out);
/* "mount proc on /proc": what the operation does, for error sentences. */
void plan_op_words(const struct plan *p, uint32_t i, struct str *out);
/* The whole failure of operation @i as the child reported it. Return: the code put into @e. */
int plan_failure(const struct plan *p, uint32_t i, uint32_t step, uint32_t detail, int code,
		 bool is_agent, struct err *e) must_check;
