/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asked for: options of `run` and `start` as a plain struct. Strings are borrowed from argv. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;

#define VMM_SHARES_MAX 16
#define VMM_ENV_MAX    64
#define VMM_CPUS_MAX   64
#define VMM_NAME_MAX   64
#define VMM_PATH_MAX   512 /* of paths of ours; a unix socket's may have 108 bytes */

enum vmm_accel {
	VMM_ACCEL_AUTO,
	VMM_ACCEL_KVM,
	VMM_ACCEL_TCG,
};

/* A host directory in the container: HOST[:GUEST][:ro]. */
struct vmm_share {
	char *host, *guest; /* owned */
	bool read_only;
};

struct vmm_config {
	const char *name; /* NULL: made up */
	const char *rootfs, *bundle;
	char *root; /* owned: what rootfs points to when it is that of a bundle */
	bool root_read_only;
	struct vmm_share share[VMM_SHARES_MAX];
	size_t n_shares;
	uint64_t memory; /* bytes */
	uint32_t cpus;
	const char *kernel, *initrd, *append;
	enum vmm_accel accel;
	bool seccomp, cgroup_v1, interactive, tty, debug_console, json;
	uint32_t timeout_s; /* until the agent answers */
	const char *env[VMM_ENV_MAX];
	size_t n_env;
	const char *user, *workdir;
	const char *limit_memory, *limit_cpus, *limit_pids; /* of the container, as given */
	char **cmd; /* NULL-terminated; NULL when none was given */
};

void vmm_config_init(struct vmm_config *c);
void vmm_config_done(struct vmm_config *c);

/**
 * vmm_config_parse() - options of one subcommand
 * @argv: argv[0] is the subcommand; what follows the options is the container's command
 * @with_cmd: whether the container's options and command are allowed (run)
 *
 * Return: 0, 1 when help was asked for, or -EINVAL (ERR_INVALID names the option).
 */
int vmm_config_parse(struct vmm_config *c, int argc, char **argv, bool with_cmd,
		     struct err *e) must_check;

/* "HOST[:GUEST][:ro]"; HOST is made absolute, GUEST defaults to HOST. Return: 0 or -errno. */
int vmm_share_parse(const char *text, struct vmm_share *ret, struct err *e) must_check;

/* 1 to 63 of [A-Za-z0-9._-], not starting with a dot or dash: a file name and a socket path. */
bool vmm_name_ok(const char *name);

/* For calls whose failure changes nothing any more; says so better than an empty if. */
static inline void vmm_ignore(int r unused_arg)
{
}
