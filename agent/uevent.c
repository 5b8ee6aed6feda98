/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel device events: receives, hands out. Decides nothing about devices. */
#define LOG_MODULE "uevent"
#include "agent/uevent.h"

#include <libudev.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/str.h"

/* A burst of hotplugged memory is thousands of events of about 200 bytes. */
#define RECEIVE_BUFFER (8 << 20)

/* Events handled per round, so that a storm does not starve the calls. */
#define BATCH 64

struct uevent_monitor {
	struct udev *udev;
	struct udev_monitor *mon;
	struct loop_io io;
	struct list listeners;
};

void uevent_dispatch(struct uevent_monitor *m, const struct uevent *ev)
{
	struct list todo;

	/* Each listener is moved back before it runs, so that it may remove itself or any other. */
	list_init(&todo);
	while (!list_empty(&m->listeners)) {
		struct list *n = m->listeners.next;

		list_del(n);
		list_add_tail(&todo, n);
	}
	while (!list_empty(&todo)) {
		struct uevent_listener *l = list_entry(todo.next, struct uevent_listener, link);

		list_del(&l->link);
		list_add_tail(&m->listeners, &l->link);
		l->fn(l, ev);
	}
}

static void on_event(struct loop_io *io, unused_arg uint32_t events)
{
	struct uevent_monitor *m = container_of(io, struct uevent_monitor, io);

	for (int i = 0; i < BATCH; i++) {
		struct udev_device *d;
		struct uevent ev;

		errno = 0;
		d = udev_monitor_receive_device(m->mon);
		if (d == NULL) {
			if (errno != ENOBUFS)
				return;
			log_warn("kernel events were lost, looking at sysfs again");
			uevent_dispatch(m, NULL);
			continue;
		}

		ev = (struct uevent){
			.action = udev_device_get_action(d),
			.devpath = udev_device_get_devpath(d),
			.subsystem = udev_device_get_subsystem(d),
		};
		if (ev.action != NULL && ev.devpath != NULL && ev.subsystem != NULL)
			uevent_dispatch(m, &ev);
		(void)udev_device_unref(d);
	}
}

int uevent_open(struct loop *loop, struct uevent_monitor **ret, struct err *e)
{
	struct uevent_monitor *m = calloc(1, sizeof(*m));
	int r;

	if (m == NULL)
		return err_set(e, -ENOMEM, "kernel event monitor");
	list_init(&m->listeners);
	m->io = LOOP_IO_INIT;

	errno = ENOMEM;
	m->udev = udev_new();
	if (m->udev != NULL)
		m->mon = udev_monitor_new_from_netlink(m->udev, "kernel");
	if (m->mon == NULL) {
		r = err_set(e, -errno, "kernel event socket");
		uevent_close(m);
		return r;
	}

	/* Needs CAP_NET_ADMIN; with a smaller buffer a burst only costs a rescan. */
	(void)udev_monitor_set_receive_buffer_size(m->mon, RECEIVE_BUFFER);
	r = udev_monitor_enable_receiving(m->mon);
	if (r >= 0)
		r = loop_io_add(loop, &m->io, udev_monitor_get_fd(m->mon), EPOLLIN, on_event);
	if (r < 0) {
		r = err_set(e, r, "kernel event socket");
		uevent_close(m);
		return r;
	}

	*ret = m;
	return 0;
}

void uevent_close(struct uevent_monitor *m)
{
	if (m == NULL)
		return;

	while (!list_empty(&m->listeners))
		list_del(m->listeners.next);
	loop_io_del(&m->io);
	(void)udev_monitor_unref(m->mon);
	(void)udev_unref(m->udev);
	free(m);
}

void uevent_listen(struct uevent_monitor *m, struct uevent_listener *l)
{
	list_add_tail(&m->listeners, &l->link);
}

void uevent_unlisten(struct uevent_listener *l)
{
	list_del(&l->link);
}

bool uevent_is_arrival(const struct uevent *ev, const char *subsystem, const char *devpath)
{
	return streq(ev->action, "add") && streq(ev->subsystem, subsystem) &&
	       path_is_below(ev->devpath, devpath);
}
