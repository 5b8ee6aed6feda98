/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specification of `run --bundle` and `run --spec`: a config.json, and what other options change
 * in it. Reads the one file; talks to nobody.
 */
#pragma once

#include "agent-ctl/json.h"
#include "agent-ctl/spec.h"

/**
 * actl_bundle_apply() - options into a converted specification
 * @o:    rootfs, args, env, cwd, user, hostname, terminal, readonly, limits, seccomp, mounts and binds
 *        count; a mount takes the place of the one with the same destination
 * @spec: what actl_oci_convert made; changed
 *
 * With @o->bundle the specification is the host's: its bind mounts, the paths of its namespaces and
 * the hooks that run outside the container mean nothing in the guest and are refused.
 *
 * Return: 0, or -errno naming the property or option at fault.
 */
int actl_bundle_apply(const struct actl_run *o, json_t *spec, struct err *e) must_check;

/**
 * actl_bundle_load() - the file that @o->bundle or @o->spec names, converted, with the options
 *
 * Owns:   the caller; free with protobuf_c_message_free_unpacked(m, NULL). It is a Grpc__Spec.
 * Return: 0 or -errno.
 */
int actl_bundle_load(const struct actl_run *o, ProtobufCMessage **ret, struct err *e) must_check;
