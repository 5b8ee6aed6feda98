/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM or TCG. A /dev/kvm that opens and even runs small guests may still never boot a kernel, so
 * only a real kernel's first console byte counts; the answer is remembered until the host reboots.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/config.h"

struct vmm_paths;

/* Return: whether to use KVM. @why: one sentence for people. */
bool vmm_accel_choose(enum vmm_accel wanted, const struct vmm_paths *p, char *why, size_t size);

/* Remembers that KVM failed in a real start. */
void vmm_accel_mark_bad(const struct vmm_paths *p);

/* Why KVM cannot work, told by the host alone; NULL when only a trial can tell. Pure. */
const char *vmm_accel_hint(const char *cpuinfo, bool has_pvm, bool has_vendor_module);

/* Rate of the host's time stamp counter in kHz, measured in 20 ms; 0 where there is none. */
uint32_t vmm_tsc_khz(void);
