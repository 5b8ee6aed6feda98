/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices that the host names and the guest's kernel numbers: finding one in sysfs, waiting for it
 * to be plugged, and putting its real numbers into a container's spec.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/pci.h"
#include "agent/uevent.h"
#include "base/loop.h"

struct arena;
struct ctr_spec;

/* Where to look; tests have trees of their own. */
struct device_env {
	struct loop *loop;
	struct uevent_monitor *events; /* NULL: only look again now and then */
	const char *sysfs, *dev;
	uint64_t timeout_ns; /* how long a device may take to appear */
};

enum device_kind {
	DEVICE_BLOCK, /* a whole virtio disk and its node */
	DEVICE_NET,
};

#define DEVICE_NAME_MAX 64

struct device {
	char name[DEVICE_NAME_MAX];      /* "vda", "eth0" */
	char node[DEVICE_NAME_MAX + 64]; /* "/dev/vda"; "" for an interface */
	char path[PCI_DEVPATH_MAX];      /* the PCI function, below sysfs */
	uint32_t major, minor;
};

/**
 * device_find() - look once
 *
 * A disk counts when its node exists with the numbers that sysfs tells: devtmpfs may lag.
 * Return: 0, -EAGAIN not there yet, or another negative errno.
 */
int device_find(const struct device_env *env, enum device_kind kind, const struct pci_path *path,
		struct device *ret, struct err *e) must_check;

struct device_wait;
/* @d: NULL when it did not appear or cannot be told; then @e says why. Never from inside device_wait_start. */
typedef void (*device_wait_fn)(struct device_wait *w, const struct device *d, const struct err *e);

struct device_wait {
	const struct device_env *env;
	enum device_kind kind;
	struct pci_path path;
	uint64_t until_ns;
	struct uevent_listener listener;
	struct loop_timer timer;
	device_wait_fn fn;
};

/* Looks at sysfs, then waits for events and looks again, until env->timeout_ns. Return: 0 or negative errno. */
int device_wait_start(struct device_wait *w, const struct device_env *env, enum device_kind kind,
		      const struct pci_path *path, device_wait_fn fn, struct err *e) must_check;
void device_wait_stop(struct device_wait *w); /* harmless when it is over */

/* The guest's numbers for one device of a container. */
struct device_update {
	const char *container_path;
	char type; /* b or c */
	uint32_t major, minor;
};

/**
 * device_update_spec() - numbers of the guest instead of the host's
 * @arena: the spec's own
 *
 * The node of each container_path and every cgroup rule that had the host's numbers are changed,
 * and a rule that allows the device is added.
 *
 * Return: 0, or negative errno with the spec unchanged: a path that the spec does not list, two
 *         updates for one path or for one number of the host.
 */
int device_update_spec(struct ctr_spec *spec, struct arena *arena,
		       const struct device_update *updates, size_t n, struct err *e) must_check;
