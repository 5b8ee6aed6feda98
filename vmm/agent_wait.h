/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the guest's agent answers. Speaks the one fixed request that needs no client library. */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

#define VMM_AGENT_PORT 1024

/**
 * vmm_agent_check() - one attempt: connect to the VM's socket, Health.Check
 * @timeout_ms: for the whole attempt
 *
 * Return: 0 the agent serves, -EAGAIN not yet, or -errno when the socket itself is unusable.
 */
int vmm_agent_check(const char *socket_path, int timeout_ms) must_check;
