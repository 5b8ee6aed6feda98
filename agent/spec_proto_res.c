/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LinuxResources. Zero is absent; -1 is kept where it means "no limit" (Kata drops it, so that a
 * limit could never be lifted again).
 */
#include <string.h>

#include "agent/spec_proto.h"
#include "agent/spec_proto_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Only positive numbers are values. */
static int64_t positive(int64_t v)
{
	return v > 0 ? v : CTR_UNSET;
}

static int64_t positive_u64(uint64_t v)
{
	return v > 0 && v <= INT64_MAX ? (int64_t)v : CTR_UNSET;
}

/* Negative is "no limit". */
static int64_t limit(int64_t v)
{
	if (v == 0)
		return CTR_UNSET;
	return v > 0 ? v : -1;
}

static int rules(struct arena *a, const Grpc__LinuxResources *in, struct ctr_resources *r,
		 struct err *e)
{
	if (in->n_devices == 0)
		return 0;
	r->devices = arena_array(a, in->n_devices, sizeof(*r->devices));
	if (r->devices == NULL)
		return spec_no_room(e);
	for (size_t i = 0; i < in->n_devices; i++) {
		const Grpc__LinuxDeviceCgroup *d = in->devices[i];
		struct ctr_device_rule *rule = &r->devices[i];

		if (strlen(d->type) > 1 ||
		    (d->type[0] != '\0' && strchr("abc", d->type[0]) == NULL))
			return err_refuse(e, ERR_INVALID,
					  "linux.resources.devices[%zu].type '%s' is unknown", i,
					  d->type);
		rule->allow = d->allow != 0;
		rule->type = d->type[0] != '\0' ? d->type[0] : 'a';
		rule->major = d->major;
		rule->minor = d->minor;
		if (rule->type == 'a' && d->major == 0 && d->minor == 0)
			rule->major = rule->minor = -1;
		if (spec_text(a, d->access, &rule->access) < 0)
			return spec_no_room(e);
	}
	r->n_devices = in->n_devices;
	return 0;
}

static int throttle(struct arena *a, Grpc__LinuxThrottleDevice *const *in, size_t n,
		    enum ctr_throttle_kind kind, struct ctr_blkio *b)
{
	if (n == 0)
		return 0;
	b->throttle[kind] = arena_array(a, n, sizeof(*b->throttle[kind]));
	if (b->throttle[kind] == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		b->throttle[kind][i] = (struct ctr_throttle_device){
			.major = in[i]->major, .minor = in[i]->minor, .rate = in[i]->rate};
	b->n_throttle[kind] = n;
	return 0;
}

static int blkio(struct arena *a, const Grpc__LinuxBlockIO *in, struct ctr_blkio *b)
{
	if (in == NULL)
		return 0;
	b->weight = positive(in->weight);
	b->leaf_weight = positive(in->leafweight);
	if (in->n_weightdevice > 0) {
		b->weight_devices = arena_array(a, in->n_weightdevice, sizeof(*b->weight_devices));
		if (b->weight_devices == NULL)
			return -ENOMEM;
	}
	for (size_t i = 0; i < in->n_weightdevice; i++)
		b->weight_devices[i] = (struct ctr_weight_device){
			.major = in->weightdevice[i]->major,
			.minor = in->weightdevice[i]->minor,
			.weight = positive(in->weightdevice[i]->weight),
			.leaf_weight = positive(in->weightdevice[i]->leafweight)};
	b->n_weight_devices = in->n_weightdevice;
	if (throttle(a, in->throttlereadbpsdevice, in->n_throttlereadbpsdevice,
		     CTR_THROTTLE_READ_BPS, b) < 0 ||
	    throttle(a, in->throttlewritebpsdevice, in->n_throttlewritebpsdevice,
		     CTR_THROTTLE_WRITE_BPS, b) < 0 ||
	    throttle(a, in->throttlereadiopsdevice, in->n_throttlereadiopsdevice,
		     CTR_THROTTLE_READ_IOPS, b) < 0 ||
	    throttle(a, in->throttlewriteiopsdevice, in->n_throttlewriteiopsdevice,
		     CTR_THROTTLE_WRITE_IOPS, b) < 0)
		return -ENOMEM;
	return 0;
}

static int hugepages(struct arena *a, const Grpc__LinuxResources *in, struct ctr_resources *r)
{
	if (in->n_hugepagelimits == 0)
		return 0;
	r->hugepages = arena_array(a, in->n_hugepagelimits, sizeof(*r->hugepages));
	if (r->hugepages == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->n_hugepagelimits; i++) {
		r->hugepages[i].page_size = arena_dup(a, in->hugepagelimits[i]->pagesize);
		r->hugepages[i].limit = in->hugepagelimits[i]->limit;
		if (r->hugepages[i].page_size == NULL)
			return -ENOMEM;
	}
	r->n_hugepages = in->n_hugepagelimits;
	return 0;
}

static int network(struct arena *a, const Grpc__LinuxNetwork *in, struct ctr_resources *r)
{
	if (in == NULL)
		return 0;
	r->net_class_id = positive(in->classid);
	if (in->n_priorities == 0)
		return 0;
	r->net_priorities = arena_array(a, in->n_priorities, sizeof(*r->net_priorities));
	if (r->net_priorities == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->n_priorities; i++) {
		r->net_priorities[i].name = arena_dup(a, in->priorities[i]->name);
		r->net_priorities[i].priority = in->priorities[i]->priority;
		if (r->net_priorities[i].name == NULL)
			return -ENOMEM;
	}
	r->n_net_priorities = in->n_priorities;
	return 0;
}

static void memory(const Grpc__LinuxMemory *in, struct ctr_memory *m)
{
	if (in == NULL)
		return;
	m->limit = limit(in->limit);
	m->reservation = limit(in->reservation);
	m->swap = limit(in->swap);
	m->kernel = positive(in->kernel);
	m->kernel_tcp = positive(in->kerneltcp);
	m->swappiness = positive_u64(in->swappiness);
	m->disable_oom_killer = in->disableoomkiller != 0;
}

static int cpu(struct arena *a, const Grpc__LinuxCPU *in, struct ctr_cpu *c)
{
	if (in == NULL)
		return 0;
	c->shares = positive_u64(in->shares);
	c->quota = limit(in->quota);
	c->period = positive_u64(in->period);
	c->rt_runtime = positive(in->realtimeruntime);
	c->rt_period = positive_u64(in->realtimeperiod);
	if (spec_text(a, in->cpus, &c->cpus) < 0 || spec_text(a, in->mems, &c->mems) < 0)
		return -ENOMEM;
	return 0;
}

int spec_resources_from_proto(const Grpc__LinuxResources *in, struct arena *a,
			      struct ctr_resources **ret, struct err *e)
{
	struct ctr_resources *r;
	int err;

	if (in == NULL) {
		*ret = NULL;
		return 0;
	}
	r = arena_alloc(a, sizeof(*r));
	if (r == NULL)
		return spec_no_room(e);
	ctr_resources_init(r);
	err = rules(a, in, r, e);
	if (err < 0)
		return err;
	memory(in->memory, &r->memory);
	/* Present and not positive is unlimited: Kata's hosts send the message only when they mean it. */
	if (in->pids != NULL)
		r->pids_limit = in->pids->limit > 0 ? in->pids->limit : -1;
	if (cpu(a, in->cpu, &r->cpu) < 0 || blkio(a, in->blockio, &r->blkio) < 0 ||
	    hugepages(a, in, r) < 0 || network(a, in->network, r) < 0)
		return spec_no_room(e);
	*ret = r;
	return 0;
}
