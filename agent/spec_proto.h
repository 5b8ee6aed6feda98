/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kata's OCI messages as container/spec.h. proto3 cannot tell an absent number from zero, so zero
 * means absent where Kata means it so. Everything is copied: the result outlives the request.
 * Semantic checks belong to the container core; here only what the wire form itself can get wrong.
 */
#pragma once

#include "base/cleanup.h"
#include "container/spec.h"
#include "proto/oci.pb-c.h"

struct arena;
struct err;

/* Return: 0; ERR_INVALID names the field; ERR_LIMIT when @arena is full. */
int spec_from_proto(const Grpc__Spec *in, struct arena *arena, struct ctr_spec **ret,
		    struct err *e) must_check;
int spec_process_from_proto(const Grpc__Process *in, struct arena *arena,
			    struct ctr_process_spec **ret, struct err *e) must_check;
/* @in: NULL gives *ret = NULL. */
int spec_resources_from_proto(const Grpc__LinuxResources *in, struct arena *arena,
			      struct ctr_resources **ret, struct err *e) must_check;
