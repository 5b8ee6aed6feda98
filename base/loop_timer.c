/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot timers in one sorted list: a process has tens of them, not thousands. */
#include "base/loop_priv.h"

static void insert(struct list *head, struct loop_timer *t)
{
	struct list *before = head->prev;

	while (before != head && list_entry(before, struct loop_timer, link)->at_ns > t->at_ns)
		before = before->prev;
	list_add_head(before, &t->link);
}

int loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t at_ns, loop_timer_fn fn)
{
	if (t->loop != NULL && t->loop != l)
		return -EBUSY;
	loop_timer_del(t);
	*t = (struct loop_timer){.loop = l, .at_ns = at_ns, .fn = fn};
	insert(&l->timers, t);
	return 0;
}

void loop_timer_del(struct loop_timer *t)
{
	if (t->loop == NULL)
		return;
	list_del(&t->link);
	t->loop = NULL;
}

uint64_t loop_timer_wait_ns(const struct loop *l)
{
	const struct loop_timer *first;
	uint64_t now;

	if (list_empty(&l->timers))
		return UINT64_MAX;
	first = list_entry(l->timers.next, struct loop_timer, link);
	now = loop_now_ns();
	return first->at_ns > now ? first->at_ns - now : 0;
}

void loop_timer_run(struct loop *l)
{
	uint64_t now;
	struct list due;

	if (list_empty(&l->timers))
		return;
	/* Off the list first: a callback that arms itself in the past runs again next round only. */
	list_init(&due);
	now = loop_now_ns();
	while (!list_empty(&l->timers)) {
		struct loop_timer *t = list_entry(l->timers.next, struct loop_timer, link);

		if (t->at_ns > now)
			break;
		list_del(&t->link);
		list_add_tail(&due, &t->link);
	}
	while (!list_empty(&due)) {
		struct loop_timer *t = list_entry(due.next, struct loop_timer, link);
		uint64_t start = loop_now_ns();

		loop_timer_del(t);
		t->fn(t);
		loop_check_slow(start, "timer");
	}
}

void loop_timer_drop_all(struct loop *l)
{
	while (!list_empty(&l->timers))
		loop_timer_del(list_entry(l->timers.next, struct loop_timer, link));
}
