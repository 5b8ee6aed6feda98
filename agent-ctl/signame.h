/* SPDX-License-Identifier: Apache-2.0 */
/* Signals by the names users type. */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

/* "9", "KILL", "SIGKILL", any case. Return: 0 or -EINVAL. */
int actl_signal_parse(const char *text, uint32_t *ret) must_check;
