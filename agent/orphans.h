/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that were left to the agent by dead parents, where no init above takes them. */
#pragma once

struct loop;

/* Reaps, at the end of this round, every dead child that the loop does not watch. */
void orphans_reap(struct loop *loop);
