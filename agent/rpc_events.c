/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and events of containers: statistics, out of memory. */
#include "agent/agent.h"
#include "agent/container.h"
#include "agent/oom.h"
#include "agent/rpc.h"
#include "base/arena.h"
#include "base/err.h"
#include "container/cgroup.h"
#include "container/stats.h"
#include "proto/agent.pb-c.h"

/* protobuf-c has no const strings; packing only reads them. */
static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void set_cpu(const struct ctr_stats *s, Grpc__CpuStats *cpu, Grpc__CpuUsage *usage,
		    Grpc__ThrottlingData *throttling)
{
	grpc__cpu_stats__init(cpu);
	grpc__cpu_usage__init(usage);
	grpc__throttling_data__init(throttling);
	usage->total_usage = s->cpu_total_ns;
	usage->usage_in_usermode = s->cpu_user_ns;
	usage->usage_in_kernelmode = s->cpu_kernel_ns;
	usage->percpu_usage = s->percpu_ns;
	usage->n_percpu_usage = s->n_percpu;
	throttling->periods = s->throttling_periods;
	throttling->throttled_periods = s->throttled_periods;
	throttling->throttled_time = s->throttled_ns;
	cpu->cpu_usage = usage;
	cpu->throttling_data = throttling;
}

static void set_usage(const struct ctr_mem_usage *in, Grpc__MemoryData *out)
{
	grpc__memory_data__init(out);
	out->usage = in->usage;
	out->max_usage = in->max_usage;
	out->failcnt = in->failcnt;
	out->limit = in->limit;
}

struct memory {
	Grpc__MemoryStats stats;
	Grpc__MemoryData usage, swap, kernel;
};

static int set_memory(struct arena *a, const struct ctr_stats *s, struct memory *m)
{
	Grpc__MemoryStats__StatsEntry *all = NULL, **list = NULL;

	grpc__memory_stats__init(&m->stats);
	set_usage(&s->mem, &m->usage);
	set_usage(&s->swap, &m->swap);
	set_usage(&s->kernel, &m->kernel);
	m->stats.cache = s->mem_cache;
	m->stats.usage = &m->usage;
	m->stats.swap_usage = &m->swap;
	m->stats.kernel_usage = &m->kernel;
	m->stats.use_hierarchy = s->mem_use_hierarchy;
	if (s->n_mem_stat == 0)
		return 0;
	all = arena_array(a, s->n_mem_stat, sizeof(*all));
	list = arena_array(a, s->n_mem_stat, sizeof(void *));
	if (all == NULL || list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_mem_stat; i++) {
		grpc__memory_stats__stats_entry__init(&all[i]);
		all[i].key = text(s->mem_stat[i].key);
		all[i].value = s->mem_stat[i].value;
		list[i] = &all[i];
	}
	m->stats.stats = list;
	m->stats.n_stats = s->n_mem_stat;
	return 0;
}

static int set_entries(struct arena *a, const struct ctr_blkio_entries *in, size_t *ret_n,
		       Grpc__BlkioStatsEntry ***ret)
{
	Grpc__BlkioStatsEntry *all, **list;

	if (in->n == 0)
		return 0;
	all = arena_array(a, in->n, sizeof(*all));
	list = arena_array(a, in->n, sizeof(void *));
	if (all == NULL || list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->n; i++) {
		grpc__blkio_stats_entry__init(&all[i]);
		all[i].major = in->v[i].major;
		all[i].minor = in->v[i].minor;
		all[i].op = text(in->v[i].op);
		all[i].value = in->v[i].value;
		list[i] = &all[i];
	}
	*ret = list;
	*ret_n = in->n;
	return 0;
}

static int set_blkio(struct arena *a, const struct ctr_stats *s, Grpc__BlkioStats *b)
{
	const struct ctr_blkio_entries *in = s->blkio;

	grpc__blkio_stats__init(b);
	if (set_entries(a, &in[CTR_BLKIO_SERVICE_BYTES], &b->n_io_service_bytes_recursive,
			&b->io_service_bytes_recursive) < 0 ||
	    set_entries(a, &in[CTR_BLKIO_SERVICED], &b->n_io_serviced_recursive,
			&b->io_serviced_recursive) < 0 ||
	    set_entries(a, &in[CTR_BLKIO_QUEUED], &b->n_io_queued_recursive,
			&b->io_queued_recursive) < 0 ||
	    set_entries(a, &in[CTR_BLKIO_SERVICE_TIME], &b->n_io_service_time_recursive,
			&b->io_service_time_recursive) < 0 ||
	    set_entries(a, &in[CTR_BLKIO_WAIT_TIME], &b->n_io_wait_time_recursive,
			&b->io_wait_time_recursive) < 0 ||
	    set_entries(a, &in[CTR_BLKIO_MERGED], &b->n_io_merged_recursive,
			&b->io_merged_recursive) < 0 ||
	    set_entries(a, &in[CTR_BLKIO_TIME], &b->n_io_time_recursive, &b->io_time_recursive) <
		    0 ||
	    set_entries(a, &in[CTR_BLKIO_SECTORS], &b->n_sectors_recursive, &b->sectors_recursive) <
		    0)
		return -ENOMEM;
	return 0;
}

static int set_hugetlb(struct arena *a, const struct ctr_stats *s, Grpc__CgroupStats *out)
{
	Grpc__CgroupStats__HugetlbStatsEntry *all, **list;
	Grpc__HugetlbStats *values;

	if (s->n_hugetlb == 0)
		return 0;
	all = arena_array(a, s->n_hugetlb, sizeof(*all));
	list = arena_array(a, s->n_hugetlb, sizeof(void *));
	values = arena_array(a, s->n_hugetlb, sizeof(*values));
	if (all == NULL || list == NULL || values == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_hugetlb; i++) {
		grpc__hugetlb_stats__init(&values[i]);
		values[i].usage = s->hugetlb[i].usage;
		values[i].max_usage = s->hugetlb[i].max_usage;
		values[i].failcnt = s->hugetlb[i].failcnt;
		grpc__cgroup_stats__hugetlb_stats_entry__init(&all[i]);
		all[i].key = text(s->hugetlb[i].size);
		all[i].value = &values[i];
		list[i] = &all[i];
	}
	out->hugetlb_stats = list;
	out->n_hugetlb_stats = s->n_hugetlb;
	return 0;
}

static int stats_container(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			   struct err *e)
{
	const Grpc__StatsContainerRequest *req = (const Grpc__StatsContainerRequest *)in;
	Grpc__StatsContainerResponse msg = GRPC__STATS_CONTAINER_RESPONSE__INIT;
	Grpc__CgroupStats cgroup = GRPC__CGROUP_STATS__INIT;
	Grpc__PidsStats pids = GRPC__PIDS_STATS__INIT;
	Grpc__ThrottlingData throttling;
	Grpc__CpuUsage usage;
	Grpc__CpuStats cpu;
	Grpc__BlkioStats blkio;
	struct memory memory;
	struct ctr_stats s = {0};
	struct container *c = container_find(a, req->container_id, ERR_INVALID, e);
	int r;

	if (c == NULL)
		return e->code;
	r = ctr_cgroup_read_stats(ctr_get_cgroup(c->ctr), &s, e);
	if (r < 0)
		return err_wrap(e, "statistics of container '%s'", c->id);
	set_cpu(&s, &cpu, &usage, &throttling);
	pids.current = s.pids_current;
	pids.limit = s.pids_limit;
	cgroup.cpu_stats = &cpu;
	cgroup.memory_stats = &memory.stats;
	cgroup.pids_stats = &pids;
	cgroup.blkio_stats = &blkio;
	msg.cgroup_stats = &cgroup;
	if (set_memory(rpc_arena(call), &s, &memory) < 0 ||
	    set_blkio(rpc_arena(call), &s, &blkio) < 0 ||
	    set_hugetlb(rpc_arena(call), &s, &cgroup) < 0)
		r = err_set(e, -ENOMEM, "statistics of container '%s'", c->id);
	else
		r = rpc_reply(call, &msg.base);
	arena_done(&s.arena);
	return r;
}

static int get_oom_event(struct agent *a, struct rpc_call *call,
			 unused_arg const ProtobufCMessage *in, struct err *e)
{
	return oom_queue_wait(a->oom, call, e);
}

const struct rpc_method rpc_events_methods[] = {
	{"StatsContainer", stats_container, RPC_UNTIL_DESTROY},
	{"GetOOMEvent", get_oom_event, RPC_UNTIL_DESTROY},
	{0},
};
