/* SPDX-License-Identifier: Apache-2.0 */
/* Children by pidfd: reaped right before their callback, after all io of the round. */
#define LOG_MODULE "loop"

#include <string.h>

#include "base/log.h"
#include "base/loop_priv.h"

static void child_ready(struct loop_io *io, unused_arg uint32_t events)
{
	struct loop_child *c = list_entry(io, struct loop_child, io);

	list_del(&c->link);
	list_add_tail(&c->loop->exits, &c->link);
}

int loop_child_add(struct loop *l, struct loop_child *c, const struct pidref *ref, loop_child_fn fn)
{
	int r;

	if (c->loop != NULL)
		return -EBUSY;
	if (!pidref_is_set(ref))
		return -ESRCH;
	*c = (struct loop_child){.ref = *ref, .io = LOOP_IO_INIT, .fn = fn};
	r = loop_io_add(l, &c->io, ref->pidfd, EPOLLIN, child_ready);
	if (r < 0)
		return r;
	c->loop = l;
	list_add_tail(&l->children, &c->link);
	return 0;
}

void loop_child_del(struct loop_child *c)
{
	if (c->loop == NULL)
		return;
	loop_io_del(&c->io);
	list_del(&c->link);
	c->loop = NULL;
}

static bool list_has(const struct list *head, pid_t pid)
{
	list_for_each(it, head) {
		if (list_entry(it, struct loop_child, link)->ref.pid == pid)
			return true;
	}
	return false;
}

bool loop_has_child(const struct loop *l, pid_t pid)
{
	return list_has(&l->children, pid) || list_has(&l->exits, pid);
}

void loop_child_run(struct loop *l)
{
	while (!list_empty(&l->exits)) {
		struct loop_child *c = list_entry(l->exits.next, struct loop_child, link);
		uint64_t start = loop_now_ns();
		siginfo_t info;

		memset(&info, 0, sizeof(info));
		loop_child_del(c);
		if (waitid(P_PIDFD, (id_t)c->ref.pidfd, &info, WEXITED | WNOHANG) < 0) {
			/* Only when somebody else reaped it: si_code 0 says that nothing is known. */
			log_error("wait for child %d: %s", (int)c->ref.pid, strerror(errno));
			memset(&info, 0, sizeof(info));
		}
		c->info = info;
		c->fn(c, &info);
		loop_check_slow(start, "child");
	}
}

void loop_child_drop_all(struct loop *l)
{
	while (!list_empty(&l->exits))
		loop_child_del(list_entry(l->exits.next, struct loop_child, link));
	while (!list_empty(&l->children))
		loop_child_del(list_entry(l->children.next, struct loop_child, link));
}
