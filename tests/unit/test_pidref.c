/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pidref.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

static void spawn(struct pidref *p, int code)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		if (code < 0)
			(void)pause();
		_exit(code);
	}
	CHECK(pidref_open(pid, p) == 0);
}

TEST(wait_gives_the_exit_code)
{
	struct pidref p = PIDREF_INIT;

	spawn(&p, 42);
	CHECK(pidref_wait(&p) == 42);
	CHECK(pidref_wait(&p) == -ECHILD);
	pidref_done(&p);
}

TEST(a_killed_child_counts_as_128_plus_the_signal)
{
	struct pidref p = PIDREF_INIT;

	spawn(&p, -1);
	CHECK(pidref_kill(&p, SIGKILL) == 0);
	CHECK(pidref_wait(&p) == 128 + SIGKILL);
	CHECK(pidref_kill(&p, SIGKILL) == -ESRCH);
	pidref_done(&p);
}

TEST(an_empty_one_signals_nobody)
{
	struct pidref p = PIDREF_INIT;

	CHECK(!pidref_is_set(&p));
	CHECK(pidref_kill(&p, SIGKILL) == -ESRCH);
	CHECK(pidref_wait(&p) == -ECHILD);
	pidref_done(&p);
}

TEST(pid_zero_is_refused)
{
	struct pidref p = PIDREF_INIT;

	CHECK(pidref_open(0, &p) == -EINVAL && pidref_open(-1, &p) == -EINVAL);
	CHECK(p.pidfd == -EBADF);
}

TEST(a_lost_status_counts_as_255)
{
	CHECK(pidref_exit_code(0, 0) == 255);
	CHECK(pidref_exit_code(CLD_DUMPED, SIGSEGV) == 128 + SIGSEGV);
	CHECK(pidref_exit_code(CLD_EXITED, 256 + 3) == 3);
}
