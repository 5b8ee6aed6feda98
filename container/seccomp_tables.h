/* SPDX-License-Identifier: Apache-2.0 */
/* The words of linux.seccomp and what they mean to libseccomp and to seccomp(2). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Return of all: 0, or -EINVAL for an unknown word; *ret is untouched then. */

/* SCMP_ACT_... ; @errno_ret is used by ERRNO and TRACE. */
int ctr_seccomp_action(const char *name, uint32_t errno_ret, uint32_t *ret) must_check;
/* Whether the action carries an errno (ERRNO and TRACE do). */
bool ctr_seccomp_action_has_errno(const char *name);
/* SCMP_ARCH_... to libseccomp's token; 0 for one that this libseccomp does not know. */
int ctr_seccomp_arch(const char *name, uint32_t *ret) must_check;
/* SCMP_CMP_... to enum scmp_compare. */
int ctr_seccomp_op(const char *name, unsigned *ret) must_check;
/* SECCOMP_FILTER_FLAG_... to the flag of seccomp(2). */
int ctr_seccomp_flag(const char *name, uint32_t *ret) must_check;
