/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "tests/test.h"
#include "tests/torture.h"

#define DEADLINE_MS 20000

static char order[32];

static void note(char what)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof(order)) {
		order[n] = what;
		order[n + 1] = '\0';
	}
}

static struct loop *new_loop(void)
{
	struct loop *l;

	order[0] = '\0';
	CHECK(loop_new(&l) == 0);
	return l;
}

/* Rounds until @done or the deadline. */
static bool rounds_until(struct loop *l, const unsigned *done)
{
	uint64_t end = loop_now_ns() + UINT64_C(1000000) * DEADLINE_MS;

	while (*done == 0 && loop_now_ns() < end)
		CHECK(loop_once(l, 1000) == 0);
	return *done != 0;
}

/* ---- fds ---- */

struct ear {
	struct loop_io io;
	struct ear *victim;
	int pipe[2];
	unsigned calls;
	uint32_t events;
};

static void heard(struct loop_io *io, uint32_t events)
{
	struct ear *e = container_of(io, struct ear, io);

	e->calls++;
	e->events = events;
	note('i');
	if (e->victim != NULL)
		loop_io_del(&e->victim->io);
}

static void ear_open(struct loop *l, struct ear *e)
{
	*e = (struct ear){.io = LOOP_IO_INIT};
	CHECK(pipe2(e->pipe, O_CLOEXEC | O_NONBLOCK) == 0);
	CHECK(loop_io_add(l, &e->io, e->pipe[0], EPOLLIN, heard) == 0);
}

static void ear_close(struct ear *e)
{
	loop_io_del(&e->io);
	e->pipe[0] = fd_close(e->pipe[0]);
	e->pipe[1] = fd_close(e->pipe[1]);
}

static void shout(const struct ear *e)
{
	CHECK(write(e->pipe[1], "x", 1) == 1);
}

TEST(a_readable_pipe_calls_its_callback_with_the_event)
{
	struct loop *l = new_loop();
	struct ear e;

	ear_open(l, &e);
	CHECK(loop_once(l, 0) == 0 && e.calls == 0);
	shout(&e);
	CHECK(loop_once(l, DEADLINE_MS) == 0 && e.calls == 1 && e.events == EPOLLIN);
	ear_close(&e);
	loop_free(l);
}

TEST(readiness_is_level_triggered)
{
	struct loop *l = new_loop();
	struct ear e;

	ear_open(l, &e);
	shout(&e);
	CHECK(loop_once(l, DEADLINE_MS) == 0 && loop_once(l, DEADLINE_MS) == 0);
	CHECK(e.calls == 2);
	ear_close(&e);
	loop_free(l);
}

TEST(a_source_removed_by_another_callback_of_the_round_is_not_called)
{
	struct loop *l = new_loop();
	struct ear a, b;

	ear_open(l, &a);
	ear_open(l, &b);
	a.victim = &b;
	b.victim = &a;
	shout(&a);
	shout(&b);
	CHECK(loop_once(l, DEADLINE_MS) == 0);
	CHECK(a.calls + b.calls == 1);
	ear_close(&a);
	ear_close(&b);
	loop_free(l);
}

static void free_self(struct loop_io *io, unused_arg uint32_t events)
{
	struct ear *e = container_of(io, struct ear, io);

	note('f');
	ear_close(e);
	free(e);
}

TEST(a_source_may_free_itself_in_its_callback)
{
	struct ear *e = malloc(sizeof(*e));
	struct loop *l = new_loop();

	CHECK(e != NULL);
	ear_open(l, e);
	e->io.fn = free_self;
	shout(e);
	CHECK(loop_once(l, DEADLINE_MS) == 0);
	CHECK_STR(order, "f");
	loop_free(l);
}

TEST(no_interest_means_errors_only)
{
	struct loop *l = new_loop();
	struct ear e;

	ear_open(l, &e);
	shout(&e);
	CHECK(loop_io_set(&e.io, 0) == 0);
	CHECK(loop_once(l, 0) == 0 && e.calls == 0);
	e.pipe[1] = fd_close(e.pipe[1]);
	CHECK(loop_once(l, DEADLINE_MS) == 0 && e.calls == 1 && e.events == EPOLLHUP);
	ear_close(&e);
	loop_free(l);
}

TEST(a_source_is_added_once_and_removed_as_often_as_one_likes)
{
	struct loop *l = new_loop();
	struct ear e;

	ear_open(l, &e);
	CHECK(loop_io_add(l, &e.io, e.pipe[0], EPOLLIN, heard) == -EBUSY);
	loop_io_del(&e.io);
	loop_io_del(&e.io);
	CHECK(loop_io_set(&e.io, EPOLLIN) == -EINVAL);
	ear_close(&e);
	loop_free(l);
}

TEST(an_event_of_a_source_before_does_not_reach_its_successor)
{
	struct loop *l = new_loop();
	struct ear old, new;
	int dup;

	/* The description lives on in dup, so closing without removing leaves it in the epoll set. */
	ear_open(l, &old);
	dup = fd_dup_above(old.pipe[0], 3);
	old.pipe[0] = fd_close(old.pipe[0]);
	loop_io_del(&old.io);
	ear_open(l, &new);
	CHECK(new.io.id != old.io.id);
	shout(&old);
	CHECK(loop_once(l, 0) == 0);
	CHECK(old.calls == 0 && new.calls == 0);
	(void)fd_close(dup);
	ear_close(&old);
	ear_close(&new);
	loop_free(l);
}

TEST(hundreds_of_sources_are_all_called_in_one_round)
{
	static struct ear many[300];
	struct loop *l = new_loop();

	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		ear_open(l, &many[i]);
		shout(&many[i]);
	}
	CHECK(loop_once(l, DEADLINE_MS) == 0);
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		CHECK(many[i].calls == 1);
		ear_close(&many[i]);
	}
	loop_free(l);
}

/* ---- timers ---- */

struct clock {
	struct loop_timer timer;
	struct clock *victim;
	struct loop *l;
	unsigned calls;
	char name;
};

static void rang(struct loop_timer *t)
{
	struct clock *c = container_of(t, struct clock, timer);

	c->calls++;
	note(c->name);
	if (c->victim != NULL)
		loop_timer_del(&c->victim->timer);
}

static void arm(struct loop *l, struct clock *c, uint64_t at_ns)
{
	CHECK(loop_timer_set(l, &c->timer, at_ns, rang) == 0);
}

TEST(timers_run_in_the_order_of_their_times)
{
	struct clock a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
	struct loop *l = new_loop();

	arm(l, &b, 200);
	arm(l, &c, 300);
	arm(l, &a, 100);
	CHECK(loop_once(l, DEADLINE_MS) == 0);
	CHECK_STR(order, "abc");
	loop_free(l);
}

TEST(a_timer_rings_once_and_not_before_its_time)
{
	struct clock c = {.name = 'c'};
	struct loop *l = new_loop();
	uint64_t at = loop_now_ns() + 3000000;

	arm(l, &c, at);
	CHECK(rounds_until(l, &c.calls));
	CHECK(loop_now_ns() >= at);
	CHECK(loop_once(l, 0) == 0 && c.calls == 1);
	loop_free(l);
}

TEST(setting_a_timer_again_moves_it)
{
	struct clock c = {.name = 'c'};
	struct loop *l = new_loop();

	arm(l, &c, 1);
	arm(l, &c, UINT64_MAX);
	CHECK(loop_once(l, 0) == 0 && c.calls == 0);
	arm(l, &c, 1);
	CHECK(loop_once(l, 0) == 0 && c.calls == 1);
	loop_free(l);
}

TEST(a_due_timer_deleted_by_another_one_does_not_ring)
{
	struct clock a = {.name = 'a'}, b = {.name = 'b'};
	struct loop *l = new_loop();

	a.victim = &b;
	arm(l, &a, 1);
	arm(l, &b, 2);
	CHECK(loop_once(l, 0) == 0);
	CHECK_STR(order, "a");
	CHECK(b.timer.loop == NULL);
	loop_free(l);
}

static void again(struct loop_timer *t)
{
	struct clock *c = container_of(t, struct clock, timer);

	c->calls++;
	CHECK(loop_timer_set(c->l, t, 1, again) == 0);
}

TEST(a_timer_that_arms_itself_in_the_past_runs_once_a_round)
{
	struct loop *l = new_loop();
	struct clock c = {.l = l};

	CHECK(loop_timer_set(l, &c.timer, 1, again) == 0);
	CHECK(loop_once(l, 0) == 0 && c.calls == 1);
	CHECK(loop_once(l, 0) == 0 && c.calls == 2);
	loop_free(l);
}

/* ---- children ---- */

struct kid {
	struct loop_child child;
	struct pidref ref;
	unsigned calls;
	int code;
};

static void kid_exited(struct loop_child *c, const siginfo_t *info)
{
	struct kid *k = container_of(c, struct kid, child);

	k->calls++;
	k->code = pidref_exit_code(info->si_code, info->si_status);
	note('c');
}

/* Writes a byte to @fd unless negative, then ends with @code; a negative one: never ends. */
static void kid_start(struct loop *l, struct kid *k, int fd, int code)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		if (fd >= 0 && write(fd, "x", 1) != 1)
			_exit(99);
		if (code < 0)
			(void)pause();
		_exit(code);
	}
	*k = (struct kid){.ref = PIDREF_INIT};
	CHECK(pidref_open(pid, &k->ref) == 0);
	CHECK(loop_child_add(l, &k->child, &k->ref, kid_exited) == 0);
}

TEST(an_exit_is_reported_with_its_code_and_the_child_is_reaped)
{
	struct loop *l = new_loop();
	struct kid k;

	kid_start(l, &k, -1, 7);
	CHECK(rounds_until(l, &k.calls));
	CHECK(k.calls == 1 && k.code == 7);
	CHECK(pidref_wait(&k.ref) == -ECHILD);
	pidref_done(&k.ref);
	loop_free(l);
}

TEST(a_killed_child_is_reported_as_killed)
{
	struct loop *l = new_loop();
	struct kid k;

	kid_start(l, &k, -1, -1);
	CHECK(pidref_kill(&k.ref, SIGKILL) == 0);
	CHECK(rounds_until(l, &k.calls) && k.code == 128 + SIGKILL);
	pidref_done(&k.ref);
	loop_free(l);
}

TEST(the_last_bytes_of_a_pipe_come_before_the_exit)
{
	struct loop *l = new_loop();
	siginfo_t info;
	struct ear e;
	struct kid k;

	ear_open(l, &e);
	kid_start(l, &k, e.pipe[1], 0);
	/* Both are ready before the first look. */
	CHECK(waitid(P_PIDFD, (id_t)k.ref.pidfd, &info, WEXITED | WNOWAIT) == 0);
	CHECK(loop_once(l, DEADLINE_MS) == 0);
	CHECK_STR(order, "ic");
	pidref_done(&k.ref);
	ear_close(&e);
	loop_free(l);
}

TEST(a_child_no_longer_watched_stays_unreaped)
{
	struct loop *l = new_loop();
	struct kid k;

	kid_start(l, &k, -1, 3);
	loop_child_del(&k.child);
	loop_child_del(&k.child);
	CHECK(loop_once(l, 0) == 0 && k.calls == 0);
	CHECK(pidref_wait(&k.ref) == 3);
	pidref_done(&k.ref);
	loop_free(l);
}

static int no_lines(unused_arg void *data, unused_arg const char *line, unused_arg size_t n)
{
	return 0;
}

TEST(a_child_reaped_by_somebody_else_is_reported_as_lost)
{
	static const struct log_sink quiet = {.write = no_lines};
	struct loop *l = new_loop();
	struct kid k;

	log_set_sink(&quiet);
	kid_start(l, &k, -1, 3);
	CHECK(pidref_wait(&k.ref) == 3);
	CHECK(rounds_until(l, &k.calls) && k.code == 255);
	log_set_sink(NULL);
	pidref_done(&k.ref);
	loop_free(l);
}

/* ---- idle, order, quit ---- */

struct rest {
	struct loop_idle idle;
	struct loop *l;
	unsigned calls;
	bool repeat;
};

static void rested(struct loop_idle *i)
{
	struct rest *r = container_of(i, struct rest, idle);

	r->calls++;
	note('d');
	if (r->repeat)
		loop_idle_add(r->l, i, rested);
}

TEST(a_round_runs_io_children_timers_and_idle_in_this_order)
{
	struct loop *l = new_loop();
	struct clock t = {.name = 't'};
	struct rest r = {.l = l};
	siginfo_t info;
	struct ear e;
	struct kid k;

	loop_idle_add(l, &r.idle, rested);
	arm(l, &t, 1);
	kid_start(l, &k, -1, 0);
	ear_open(l, &e);
	shout(&e);
	CHECK(waitid(P_PIDFD, (id_t)k.ref.pidfd, &info, WEXITED | WNOWAIT) == 0);
	CHECK(loop_once(l, DEADLINE_MS) == 0);
	CHECK_STR(order, "ictd");
	pidref_done(&k.ref);
	ear_close(&e);
	loop_free(l);
}

TEST(idle_work_runs_once_and_what_it_adds_waits_for_the_next_round)
{
	struct loop *l = new_loop();
	struct rest r = {.l = l, .repeat = true};

	loop_idle_add(l, &r.idle, rested);
	loop_idle_add(l, &r.idle, rested);
	CHECK(loop_once(l, DEADLINE_MS) == 0 && r.calls == 1);
	CHECK(loop_once(l, DEADLINE_MS) == 0 && r.calls == 2);
	loop_idle_del(&r.idle);
	CHECK(loop_once(l, 0) == 0 && r.calls == 2);
	loop_free(l);
}

static void quit_now(struct loop_idle *i)
{
	loop_quit(container_of(i, struct rest, idle)->l, 5);
	loop_quit(container_of(i, struct rest, idle)->l, 6);
}

TEST(run_returns_the_first_code_given_to_quit)
{
	struct loop *l = new_loop();
	struct rest r = {.l = l};

	loop_idle_add(l, &r.idle, quit_now);
	CHECK(!loop_has_quit(l));
	CHECK(loop_run(l) == 5 && loop_has_quit(l));
	loop_free(l);
}

TEST(freeing_the_loop_detaches_what_is_still_added)
{
	struct loop *l = new_loop();
	struct clock t = {.name = 't'};
	struct rest r = {.l = l};
	struct ear e;
	struct kid k;

	ear_open(l, &e);
	arm(l, &t, UINT64_MAX);
	loop_idle_add(l, &r.idle, rested);
	kid_start(l, &k, -1, 0);
	loop_free(l);
	CHECK(e.io.loop == NULL && t.timer.loop == NULL && r.idle.loop == NULL);
	CHECK(k.child.loop == NULL && k.child.io.loop == NULL);
	CHECK(pidref_wait(&k.ref) == 0);
	pidref_done(&k.ref);
	ear_close(&e);
}

/* ---- signals ---- */

struct flag {
	unsigned calls;
	int sig;
	pid_t sender;
};

static void raised(void *data, int sig, pid_t sender)
{
	struct flag *f = data;

	f->calls++;
	f->sig = sig;
	f->sender = sender;
}

TEST(a_signal_arrives_as_an_event_with_its_sender)
{
	struct loop *l = new_loop();
	struct flag f = {0};
	sigset_t mask, now;

	CHECK(sigemptyset(&mask) == 0 && sigaddset(&mask, SIGUSR1) == 0);
	CHECK(loop_signal_add(l, &mask, raised, &f) == 0);
	CHECK(loop_signal_add(l, &mask, raised, &f) == -EBUSY);
	CHECK(kill(getpid(), SIGUSR1) == 0);
	CHECK(rounds_until(l, &f.calls));
	CHECK(f.sig == SIGUSR1 && f.sender == getpid());

	/* Pending at the end: must not kill when the mask goes back. */
	CHECK(kill(getpid(), SIGUSR1) == 0);
	loop_free(l);
	CHECK(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) == 0);
}

TEST(a_child_can_have_the_first_mask_back)
{
	struct loop *l = new_loop();
	struct pidref ref = PIDREF_INIT;
	struct flag f = {0};
	sigset_t mask, now;
	pid_t pid;

	CHECK(sigemptyset(&mask) == 0 && sigaddset(&mask, SIGUSR1) == 0);
	CHECK(loop_signal_add(l, &mask, raised, &f) == 0);
	pid = fork();
	if (pid == 0) {
		loop_signal_restore();
		(void)sigprocmask(SIG_SETMASK, NULL, &now);
		_exit(sigismember(&now, SIGUSR1));
	}
	CHECK(pidref_open(pid, &ref) == 0);
	CHECK(pidref_wait(&ref) == 0);
	pidref_done(&ref);
	loop_free(l);
}

/* ---- memory ---- */

static int use_loop(unused_arg void *data)
{
	struct ear ears[40];
	struct loop *l;
	size_t n = 0;
	int r = loop_new(&l);

	if (r < 0)
		return r;
	while (r == 0 && n < ARRAY_LEN(ears)) {
		ears[n] = (struct ear){.io = LOOP_IO_INIT};
		CHECK(pipe2(ears[n].pipe, O_CLOEXEC) == 0);
		r = loop_io_add(l, &ears[n].io, ears[n].pipe[0], EPOLLIN, heard);
		n++;
	}
	while (n > 0)
		ear_close(&ears[--n]);
	loop_free(l);
	return r;
}

TEST(every_failed_allocation_is_reported)
{
	CHECK(torture_each(use_loop, NULL) == 7);
}
