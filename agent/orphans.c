/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at a dead child before it is reaped, so that no watched one is ever taken from the loop. */
#define LOG_MODULE "signals"

#include "agent/orphans.h"

#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/loop.h"

static struct loop_idle idle;
static struct loop *idle_loop;

static void reap(unused_arg struct loop_idle *i)
{
	for (;;) {
		siginfo_t info;

		memset(&info, 0, sizeof(info));
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			return;
		if (loop_has_child(idle_loop, info.si_pid)) {
			/* It is reaped in its own turn; what is behind it waits for the next. */
			loop_idle_add(idle_loop, &idle, reap);
			return;
		}
		log_debug("reaping orphan %d", (int)info.si_pid);
		if (waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG) < 0)
			return;
	}
}

void orphans_reap(struct loop *loop)
{
	idle_loop = loop;
	loop_idle_add(loop, &idle, reap);
}
