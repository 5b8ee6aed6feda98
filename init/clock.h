/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the wall clock on the host's through the PTP device of KVM guests, in place of a time
 * daemon: a large error is stepped, a small one slewed. Without /dev/ptp0 it does nothing.
 */
#pragma once

#include <stdint.h>

#include "base/loop.h"

struct clock_sync {
	struct loop *loop;
	struct loop_timer timer;
	int ptp_fd;
};
#define CLOCK_SYNC_INIT ((struct clock_sync){.ptp_fd = -EBADF})

enum clock_action {
	CLOCK_LEAVE,
	CLOCK_SLEW,
	CLOCK_STEP,
};

/* What to do about an offset of the reference against our clock; pure. Above 1 s is stepped, below 0.1 ms is left. */
enum clock_action clock_decide(int64_t offset_ns);

/* Starts syncing every 8 s. Return: 1 started, 0 no PTP device, -errno. */
int clock_sync_start(struct clock_sync *c, struct loop *loop) must_check;
void clock_sync_stop(struct clock_sync *c);
