/* SPDX-License-Identifier: Apache-2.0 */
/* The user's terminal: raw while a remote one is attached, itself again on every way out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Raw mode on standard input until actl_tty_restore, exit or a fatal signal. Does nothing when it is
 * not a terminal. Return: 0 or -errno. */
int actl_tty_raw(void) must_check;
void actl_tty_restore(void); /* harmless when not raw; async-signal-safe */
/* Size of the terminal on any of the three standard streams. Return: false when there is none. */
bool actl_tty_size(uint32_t *ret_rows, uint32_t *ret_columns);
