/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime spec for Linux as plain structs with explicit presence. Two front ends fill it:
 * the agent's protobuf messages and config.json. Everything is allocated in, or borrowed for the
 * life of, the arena that the owner keeps beside it; nothing here is freed on its own.
 * Absent: NULL strings, NULL pointers, n == 0, CTR_UNSET numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTR_UNSET INT64_MIN /* the spec does not mention the field */

struct ctr_strv {
	const char **v; /* n entries, v[n] == NULL when n > 0 */
	size_t n;
};

struct ctr_kv {
	const char *key, *value;
};

struct ctr_kvs {
	struct ctr_kv *v;
	size_t n;
};

struct ctr_idmap {
	uint32_t container_id, host_id, size;
};

struct ctr_idmaps {
	struct ctr_idmap *v;
	size_t n;
};

enum ctr_ns_type {
	CTR_NS_MOUNT,
	CTR_NS_PID,
	CTR_NS_NET,
	CTR_NS_IPC,
	CTR_NS_UTS,
	CTR_NS_CGROUP,
	CTR_NS_USER,
	CTR_NS_TIME,
	CTR_NS_COUNT,
};

struct ctr_namespace {
	enum ctr_ns_type type;
	const char *path; /* NULL: new */
	int fd;           /* >= 0: join this one (borrowed), wins over path; -EBADF otherwise */
};

struct ctr_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

enum ctr_cap_set {
	CTR_CAP_BOUNDING,
	CTR_CAP_EFFECTIVE,
	CTR_CAP_INHERITABLE,
	CTR_CAP_PERMITTED,
	CTR_CAP_AMBIENT,
	CTR_CAP_SETS,
};

struct ctr_process_spec {
	bool terminal;
	uint32_t rows, columns; /* console size; 0: unset */
	uint32_t uid, gid;
	uint32_t *gids;
	size_t n_gids;
	int64_t umask;        /* CTR_UNSET or 0..0777 */
	const char *username; /* agent only: resolved from the container's passwd when set */
	struct ctr_strv args;
	struct ctr_strv env; /* "KEY=value" */
	const char *cwd;
	bool has_caps;
	struct ctr_strv caps[CTR_CAP_SETS];
	struct ctr_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privs;
	int64_t oom_score_adj; /* CTR_UNSET: see ctr_host */
	const char *apparmor_profile;
	const char *selinux_label;
};

struct ctr_mount {
	const char *destination, *source, *type;
	struct ctr_strv options;
	struct ctr_idmaps uid_maps, gid_maps;
};

struct ctr_hook {
	const char *path;
	struct ctr_strv args, env;
	bool has_env;
	int64_t timeout_s; /* CTR_UNSET: none given */
};

enum ctr_hook_kind {
	CTR_HOOK_PRESTART,
	CTR_HOOK_CREATE_RUNTIME,
	CTR_HOOK_CREATE_CONTAINER,
	CTR_HOOK_START_CONTAINER,
	CTR_HOOK_POSTSTART,
	CTR_HOOK_POSTSTOP,
	CTR_HOOK_KINDS,
};

struct ctr_hooks {
	struct ctr_hook *v;
	size_t n;
};

struct ctr_device {
	const char *path;
	char type; /* b c u p */
	int64_t major, minor;
	int64_t mode, uid, gid; /* CTR_UNSET: default */
};

struct ctr_device_rule {
	bool allow;
	char type;            /* a b c */
	int64_t major, minor; /* -1 or CTR_UNSET: any */
	const char *access;   /* subset of "rwm"; NULL or "": all three */
};

struct ctr_memory {
	int64_t limit, reservation, swap, kernel, kernel_tcp, swappiness; /* bytes; -1 unlimited */
	bool disable_oom_killer;
	bool check_before_update;
};

struct ctr_cpu {
	int64_t shares, quota, period, burst, rt_runtime, rt_period, idle;
	const char *cpus, *mems;
};

struct ctr_weight_device {
	int64_t major, minor, weight, leaf_weight;
};

struct ctr_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};

enum ctr_throttle_kind {
	CTR_THROTTLE_READ_BPS,
	CTR_THROTTLE_WRITE_BPS,
	CTR_THROTTLE_READ_IOPS,
	CTR_THROTTLE_WRITE_IOPS,
	CTR_THROTTLE_KINDS,
};

struct ctr_blkio {
	int64_t weight, leaf_weight;
	struct ctr_weight_device *weight_devices;
	size_t n_weight_devices;
	struct ctr_throttle_device *throttle[CTR_THROTTLE_KINDS];
	size_t n_throttle[CTR_THROTTLE_KINDS];
};

struct ctr_hugepage_limit {
	const char *page_size;
	uint64_t limit;
};

struct ctr_if_priority {
	const char *name;
	uint32_t priority;
};

struct ctr_rdma {
	const char *device;
	int64_t hca_handles, hca_objects;
};

struct ctr_resources {
	struct ctr_device_rule *devices;
	size_t n_devices;
	struct ctr_memory memory; /* all CTR_UNSET when absent */
	struct ctr_cpu cpu;
	int64_t pids_limit;
	struct ctr_blkio blkio;
	struct ctr_hugepage_limit *hugepages;
	size_t n_hugepages;
	int64_t net_class_id;
	struct ctr_if_priority *net_priorities;
	size_t n_net_priorities;
	struct ctr_rdma *rdma;
	size_t n_rdma;
	struct ctr_kvs unified;
};

struct ctr_seccomp_arg {
	uint64_t index, value, value_two;
	const char *op; /* SCMP_CMP_... */
};

struct ctr_seccomp_rule {
	struct ctr_strv names;
	const char *action; /* SCMP_ACT_... */
	int64_t errno_ret;  /* CTR_UNSET: not given */
	struct ctr_seccomp_arg *args;
	size_t n_args;
};

struct ctr_seccomp {
	const char *default_action;
	int64_t default_errno_ret;
	struct ctr_strv architectures; /* SCMP_ARCH_... */
	bool has_flags;
	struct ctr_strv flags;
	const char *listener_path, *listener_metadata;
	struct ctr_seccomp_rule *rules;
	size_t n_rules;
};

struct ctr_spec {
	const char *version;
	const char *hostname, *domainname;
	struct ctr_process_spec *process;
	const char *root_path;
	bool root_readonly;
	struct ctr_mount *mounts;
	size_t n_mounts;
	struct ctr_hooks hooks[CTR_HOOK_KINDS];
	struct ctr_kvs annotations;
	/* linux */
	bool has_linux;
	struct ctr_idmaps uid_maps, gid_maps;
	struct ctr_kvs sysctl;
	struct ctr_resources *resources;
	const char *cgroups_path;
	struct ctr_namespace *namespaces;
	size_t n_namespaces;
	struct ctr_device *devices;
	size_t n_devices;
	struct ctr_seccomp *seccomp;
	const char *rootfs_propagation;
	struct ctr_strv masked_paths, readonly_paths;
	const char *mount_label;
};

/* Fills every number with CTR_UNSET and every fd with -EBADF where zero would mean something. */
void ctr_spec_init(struct ctr_spec *s);
void ctr_process_spec_init(struct ctr_process_spec *p);
void ctr_resources_init(struct ctr_resources *r);

const struct ctr_namespace *ctr_spec_namespace(const struct ctr_spec *s,
					       enum ctr_ns_type type); /* NULL: not listed */
const char *ctr_kvs_get(const struct ctr_kvs *kvs, const char *key);   /* NULL: absent */
