/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the guest: TERM, grace, KILL, unmount in reverse, sync, power off. Never returns, never waits without a bound. */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>

noreturn void guest_shutdown(uint64_t grace_ms);
