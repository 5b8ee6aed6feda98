/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's device events as a source of the loop. There is no udevd in the guest: the messages
 * come straight from the kernel and libudev parses them. An event is a hint to look again, never
 * the truth: sysfs is, so a lost event costs time and nothing else.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/list.h"

struct err;
struct loop;
struct uevent_monitor;

struct uevent {
	const char *action;  /* "add", "remove", ... */
	const char *devpath; /* below sysfs: "/devices/..." */
	const char *subsystem;
};

struct uevent_listener {
	struct list link; /* of the monitor; list_init before use */
	/* @ev: NULL when events were lost. Listeners may be removed from inside. */
	void (*fn)(struct uevent_listener *l, const struct uevent *ev);
};

/* Subscribes at once: what happens after the return is seen. Owns: *ret, freed before the loop. */
int uevent_open(struct loop *loop, struct uevent_monitor **ret, struct err *e) must_check;
void uevent_close(struct uevent_monitor *m); /* NULL is fine; listeners are dropped */

void uevent_listen(struct uevent_monitor *m, struct uevent_listener *l);
void uevent_unlisten(struct uevent_listener *l);

/* Tells every listener, as if the kernel had said it. */
void uevent_dispatch(struct uevent_monitor *m, const struct uevent *ev);

/* Whether an event is the arrival of a whole-device node of @subsystem at or below @devpath. */
bool uevent_is_arrival(const struct uevent *ev, const char *subsystem, const char *devpath);
