/* SPDX-License-Identifier: Apache-2.0 */
/* The round of the event loop, its fds and its idle work. The other sources have their own files. */
#define LOG_MODULE "loop"

#include "base/loop.h"

#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/loop_priv.h"
#include "base/sys.h"

#define SLOT_BITS   20 /* a million fds; the other 44 bits count generations */
#define SLOT_MASK   ((UINT64_C(1) << SLOT_BITS) - 1)
#define FIRST_SLOTS 16
#define SLOW_NS     UINT64_C(50000000)
#define NS_PER_S    UINT64_C(1000000000)

uint64_t loop_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t loop_check_slow(uint64_t start_ns, const char *what)
{
	uint64_t now = loop_now_ns(), took = now - start_ns;

	if (took > SLOW_NS)
		log_warn("%s callback held the loop for %llu ms", what,
			 (unsigned long long)(took / 1000000));
	return now;
}

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		int r = -errno;

		free(l);
		return r;
	}
	list_init(&l->ready);
	list_init(&l->children);
	list_init(&l->exits);
	list_init(&l->timers);
	list_init(&l->idles);
	l->signal_io = LOOP_IO_INIT;
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	loop_signal_drop(l);
	loop_child_drop_all(l);
	loop_timer_drop_all(l);
	while (!list_empty(&l->idles))
		loop_idle_del(list_entry(l->idles.next, struct loop_idle, link));
	for (size_t i = 0; i < l->n_slots; i++) {
		if (l->slots[i] != NULL)
			loop_io_del(l->slots[i]);
	}
	(void)fd_close(l->epfd);
	free(l->slots);
	free(l->events);
	free(l);
}

void loop_quit(struct loop *l, int code)
{
	if (l->has_quit)
		return;
	l->has_quit = true;
	l->quit_code = code;
}

bool loop_has_quit(const struct loop *l)
{
	return l->has_quit;
}

/* ---- fds ---- */

static int grow_slots(struct loop *l)
{
	size_t n = l->n_slots != 0 ? l->n_slots * 2 : FIRST_SLOTS;
	struct epoll_event *events;
	struct loop_io **slots;

	if (n > SLOT_MASK + 1)
		return -ENOSPC;
	events = reallocarray(l->events, n, sizeof(*events));
	if (events == NULL)
		return -ENOMEM;
	l->events = events;
	slots = reallocarray(l->slots, n, sizeof(struct loop_io *));
	if (slots == NULL)
		return -ENOMEM;
	for (size_t i = l->n_slots; i < n; i++)
		slots[i] = NULL;
	l->slots = slots;
	l->n_slots = n;
	return 0;
}

int loop_io_add(struct loop *l, struct loop_io *io, int fd, uint32_t events, loop_io_fn fn)
{
	struct epoll_event ev = {.events = events};
	size_t slot;

	if (io->loop != NULL)
		return -EBUSY;
	for (slot = 0; slot < l->n_slots; slot++) {
		if (l->slots[slot] == NULL)
			break;
	}
	if (slot == l->n_slots) {
		int r = grow_slots(l);

		if (r < 0)
			return r;
	}
	ev.data.u64 = (l->generation + 1) << SLOT_BITS | slot;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;

	l->generation++;
	l->slots[slot] = io;
	*io = (struct loop_io){.loop = l, .fd = fd, .events = events, .id = ev.data.u64, .fn = fn};
	list_init(&io->link);
	return 0;
}

int loop_io_set(struct loop_io *io, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = io->id};

	if (io->loop == NULL)
		return -EINVAL;
	if (io->events == events)
		return 0;
	if (epoll_ctl(io->loop->epfd, EPOLL_CTL_MOD, io->fd, &ev) < 0)
		return -errno;
	io->events = events;
	return 0;
}

void loop_io_del(struct loop_io *io)
{
	if (io->loop == NULL)
		return;
	(void)epoll_ctl(io->loop->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	io->loop->slots[io->id & SLOT_MASK] = NULL;
	list_del(&io->link);
	io->loop = NULL;
	io->fd = -EBADF;
}

static void collect_ready(struct loop *l, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t id = l->events[i].data.u64;
		struct loop_io *io = l->slots[id & SLOT_MASK];

		if (io == NULL || io->id != id)
			continue;
		io->ready = l->events[i].events;
		list_del(&io->link);
		list_add_tail(&l->ready, &io->link);
	}
}

static void run_ready(struct loop *l)
{
	uint64_t start = list_empty(&l->ready) ? 0 : loop_now_ns();

	while (!list_empty(&l->ready)) {
		struct loop_io *io = list_entry(l->ready.next, struct loop_io, link);
		/* A callback before this one may have changed what is wanted. */
		uint32_t events = io->ready & (io->events | EPOLLERR | EPOLLHUP);

		list_del(&io->link);
		if (events == 0)
			continue;
		io->fn(io, events);
		start = loop_check_slow(start, "io");
	}
}

/* ---- idle ---- */

void loop_idle_add(struct loop *l, struct loop_idle *i, loop_idle_fn fn)
{
	if (i->loop != NULL)
		return;
	*i = (struct loop_idle){.loop = l, .fn = fn};
	list_add_tail(&l->idles, &i->link);
}

void loop_idle_del(struct loop_idle *i)
{
	if (i->loop == NULL)
		return;
	list_del(&i->link);
	i->loop = NULL;
}

static void run_idles(struct loop *l)
{
	struct list now;

	/* What a callback adds belongs to the next round. */
	list_init(&now);
	while (!list_empty(&l->idles)) {
		struct list *link = l->idles.next;

		list_del(link);
		list_add_tail(&now, link);
	}
	while (!list_empty(&now)) {
		struct loop_idle *i = list_entry(now.next, struct loop_idle, link);
		uint64_t start = loop_now_ns();

		loop_idle_del(i);
		i->fn(i);
		loop_check_slow(start, "idle");
	}
}

/* ---- the round ---- */

int loop_once(struct loop *l, int timeout_ms)
{
	uint64_t wait = loop_timer_wait_ns(l);
	struct epoll_event none;
	struct timespec ts;
	int n;

	if (timeout_ms >= 0)
		wait = MIN(wait, (uint64_t)timeout_ms * 1000000);
	if (!list_empty(&l->idles))
		wait = 0;
	ts.tv_sec = (time_t)(wait / NS_PER_S);
	ts.tv_nsec = (long)(wait % NS_PER_S);

	n = sys_epoll_pwait2(l->epfd, l->n_slots > 0 ? l->events : &none,
			     l->n_slots > 0 ? (int)l->n_slots : 1, wait == UINT64_MAX ? NULL : &ts,
			     NULL);
	if (n < 0 && errno != EINTR)
		return -errno;
	if (l->n_slots > 0)
		collect_ready(l, n);
	run_ready(l);
	loop_child_run(l);
	loop_timer_run(l);
	run_idles(l);
	return 0;
}

int loop_run(struct loop *l)
{
	while (!l->has_quit) {
		int r = loop_once(l, -1);

		if (r < 0)
			return r;
	}
	return l->quit_code;
}
