/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A complete OCI specification for `run`, with the defaults that containerd gives a container: its
 * capability set, mounts, masked and read-only paths, device rules. Pure: talks to nobody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "proto/agent.pb-c.h"

struct err;

/* Words given on the command line, borrowed. */
struct actl_words {
	char **p;
	size_t n;
};

struct actl_run {
	const char *id;
	const char *rootfs; /* path in the guest */
	const char *bundle; /* OCI bundle of the host, or */
	const char *spec;   /* a config.json that speaks of the guest; see bundle.h */
	const char *hostname, *cwd, *user;
	bool terminal, readonly, new_network, no_seccomp;
	bool privileged_paths; /* nothing masked, nothing read-only */
	uint64_t memory;       /* bytes; 0: no limit */
	double cpus;           /* 0: no limit */
	int64_t pids;          /* 0: no limit */
	const char *seccomp;   /* file with an OCI linux.seccomp object */
	struct actl_words args, env, cap_add, cap_drop, mounts;
	struct actl_words binds; /* pairs: source, destination[:ro] */
};

/**
 * actl_spec_build() - the specification
 *
 * Owns:   everything in *ret belongs to @a or to @o; it is packed, never freed.
 * Return: 0, or -errno naming the option at fault.
 */
int actl_spec_build(const struct actl_run *o, struct arena *a, Grpc__Spec *ret,
		    struct err *e) must_check;

/* The process part alone, for exec: no capabilities, so those of the container's init apply. */
int actl_spec_process(const struct actl_run *o, struct arena *a, Grpc__Process *ret,
		      struct err *e) must_check;
