/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the guest: TERM, grace, KILL, unmount in reverse, sync, power off. */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>

/* Waits for nothing without a bound: @grace_ms between TERM and KILL, fixed limits after that. */
noreturn void guest_shutdown(uint64_t grace_ms);
