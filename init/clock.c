/* SPDX-License-Identifier: Apache-2.0 */
/* Wall clock from /dev/ptp0. Periods and thresholds are those of the time daemon in Kata's images. */
#include "init/clock.h"

#include <fcntl.h>
#include <sys/time.h>
#include <time.h>

#define LOG_MODULE "clock"
#include "base/log.h"

#define PERIOD_NS      (8ull * 1000000000)
#define STEP_ABOVE_NS  1000000000ll
#define LEAVE_BELOW_NS 100000ll
#define NS             1000000000ll
/* Dynamic clock id of an open clock device: clock_gettime(2), "Dynamic clocks". */
#define FD_TO_CLOCKID(fd) ((clockid_t)((((unsigned)~(fd)) << 3) | 3))

enum clock_action clock_decide(int64_t offset_ns)
{
	if (offset_ns > STEP_ABOVE_NS || offset_ns < -STEP_ABOVE_NS)
		return CLOCK_STEP;
	if (offset_ns > LEAVE_BELOW_NS || offset_ns < -LEAVE_BELOW_NS)
		return CLOCK_SLEW;
	return CLOCK_LEAVE;
}

static int64_t to_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * NS + t->tv_nsec;
}

static void correct(int64_t offset_ns)
{
	struct timeval delta = {.tv_sec = offset_ns / NS, .tv_usec = offset_ns % NS / 1000};
	struct timespec now;

	switch (clock_decide(offset_ns)) {
	case CLOCK_LEAVE:
		return;
	case CLOCK_SLEW:
		if (adjtime(&delta, NULL) < 0)
			log_warn("slew the clock: %m");
		return;
	case CLOCK_STEP:
		if (clock_gettime(CLOCK_REALTIME, &now) < 0)
			return;
		offset_ns += to_ns(&now);
		now = (struct timespec){.tv_sec = offset_ns / NS, .tv_nsec = offset_ns % NS};
		if (clock_settime(CLOCK_REALTIME, &now) < 0)
			log_warn("step the clock: %m");
		else
			log_info("clock stepped to the host's");
	}
}

static void sync_once(struct loop_timer *t)
{
	struct clock_sync *c = container_of(t, struct clock_sync, timer);
	struct timespec before, ref, after;

	/* The device is read between two readings of ours, so that the delay of the call halves out. */
	if (clock_gettime(CLOCK_REALTIME, &before) == 0 &&
	    clock_gettime(FD_TO_CLOCKID(c->ptp_fd), &ref) == 0 &&
	    clock_gettime(CLOCK_REALTIME, &after) == 0)
		correct(to_ns(&ref) - (to_ns(&before) + to_ns(&after)) / 2);
	if (loop_timer_set(c->loop, t, loop_now_ns() + PERIOD_NS, sync_once) < 0)
		log_warn("clock is no longer kept on the host's");
}

int clock_sync_start(struct clock_sync *c, struct loop *loop)
{
	c->ptp_fd = open("/dev/ptp0", O_RDONLY | O_CLOEXEC);
	if (c->ptp_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	c->loop = loop;
	sync_once(&c->timer);
	return 1;
}

void clock_sync_stop(struct clock_sync *c)
{
	loop_timer_del(&c->timer);
	if (c->ptp_fd >= 0)
		(void)close(TAKE_FD(c->ptp_fd));
}
