/* SPDX-License-Identifier: Apache-2.0 */
/* A process of a container: init or exec. The public part is in ctr.h; this is what tests reach. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * ctr_process_term_is_lost() - whether SIGTERM would do nothing to a pid-namespace init
 * @status: text of /proc/PID/status
 *
 * Return: true when it neither catches, ignores nor blocks it. Unreadable lines count as "no".
 * Source: pid_namespaces(7), "The namespace init process".
 */
bool ctr_process_term_is_lost(const char *status);
