/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ENOSYS stub: instructions in front of a compiled filter that answer ENOSYS to calls newer
 * than anything the profile names, so that a C library falls back instead of seeing EPERM.
 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ctr_seccomp_max {
	uint32_t arch; /* libseccomp token */
	uint32_t nr;   /* the highest number named; with the x32 bit for x32 */
};

/* 24 architectures at most, 7 instructions each, and the load in front. */
#define CTR_SECCOMP_STUB_MAX 176

/**
 * ctr_seccomp_stub() - build the stub
 * @max: one entry for each architecture that takes part, at most 24
 *
 * x86-64 and x32 share their audit architecture and are told apart by bit 30; a call of the one that
 * has no entry is left to the filter. On s390 and s390x number 0 (setup) is answered too.
 *
 * Return: number of instructions in @ret, 0 when @n is 0.
 */
size_t ctr_seccomp_stub(const struct ctr_seccomp_max *max, size_t n,
			struct sock_filter ret[static CTR_SECCOMP_STUB_MAX]) must_check;
