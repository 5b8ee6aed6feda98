/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything about a spec that can be refused by looking at it alone, before anything is touched.
 * Each refusal is ERR_INVALID and names the field.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "container/spec.h"

struct err;

/* Container and exec ids: 1 to 128 characters of [A-Za-z0-9][A-Za-z0-9_.-]*. */
int ctr_id_check(const char *id, struct err *e) must_check;
int ctr_process_check(const struct ctr_process_spec *p, struct err *e) must_check;
int ctr_spec_check(const struct ctr_spec *s, const char *id, bool is_agent,
		   struct err *e) must_check;
