/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One local descriptor that is written to as fast as its reader takes it, never blocking the loop and
 * never changing the flags of a descriptor that others share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct actl_output;
typedef void (*actl_output_fn)(struct actl_output *o);

struct actl_output {
	struct loop *loop;
	int fd; /* borrowed */
	uint8_t *buf;
	size_t start, end, cap;
	bool is_broken; /* nobody reads it any more; what comes is dropped */
	struct loop_io io;
	actl_output_fn on_written; /* after progress; may add more */
};

void actl_output_init(struct actl_output *o, struct loop *loop, int fd, actl_output_fn on_written);
void actl_output_done(struct actl_output *o);
/* Appends. Return: 0 or -ENOMEM. */
int actl_output_add(struct actl_output *o, const void *p, size_t n) must_check;
size_t actl_output_pending(const struct actl_output *o);
