/* SPDX-License-Identifier: Apache-2.0 */
/* What the storage, device, network and guest files share behind resource.h. Nobody else includes this. */
#pragma once

#include "agent/device.h"
#include "agent/resource.h"
#include "agent/uevent.h"
#include "base/list.h"

struct storage_table;

struct resource {
	struct agent *agent;
	struct uevent_monitor *events;
	struct uevent_listener memory; /* new memory blocks are brought online */
	bool memory_is_busy;           /* a worker is at it */
	bool memory_again;             /* blocks came meanwhile */
	struct device_env devices;
	struct storage_table *storages;
	struct list net_jobs; /* struct net_job; the first one runs */
	struct list cpu_jobs; /* struct cpu_job; the first one runs */
	struct list copies;   /* struct copy_state: files that arrive in chunks */
};

/* Forgets the copies under way; the agent ends. */
void copies_free(struct resource *res);
/* Brings memory online as it comes, from now on. */
void hotplug_memory_watch(struct resource *res);
