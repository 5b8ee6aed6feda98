/* SPDX-License-Identifier: Apache-2.0 */
/* Limits on v1. Order and special cases follow what runc does on the same kernels. */
#include <errno.h>
#include <inttypes.h>

#define LOG_MODULE "cgroup"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "container/blkio.h"
#include "container/cgroup_impl.h"
#include "container/cpu.h"
#include "container/devices.h"
#include "container/memory.h"
#include "container/pids.h"
#include "container/spec.h"

static bool is_given(int64_t v)
{
	return v != CTR_UNSET && v != 0;
}

/* ---- memory ---- */

static int set_limit(struct cg_set *s, int dir, int64_t limit)
{
	uint64_t usage = 0, peak = 0;
	int r = ctr_cg_set_i64(s, dir, "memory.limit_in_bytes", limit);

	if (r != -EBUSY)
		return r;
	(void)!ctr_cg_read_u64(dir, "memory.usage_in_bytes", &usage);
	(void)!ctr_cg_read_u64(dir, "memory.max_usage_in_bytes", &peak);
	return err_set(s->e, r,
		       "memory limit %" PRId64 " is below what is in use: now %" PRIu64
		       ", peak %" PRIu64,
		       limit, usage, peak);
}

static int set_limits(struct cg_set *s, int dir, const struct ctr_memory *m)
{
	const char *memsw = "memory.memsw.limit_in_bytes";
	int64_t swap = m->swap;
	uint64_t now = 0;
	bool swap_first;
	int r = 0;

	/* An unlimited container is not held back by an old sum either. */
	if (m->limit == -1 && !is_given(swap) && ctr_cg_has(dir, memsw))
		swap = -1;
	if (is_given(swap))
		(void)!ctr_cg_read_u64(dir, "memory.limit_in_bytes", &now);
	swap_first = ctr_memory_swap_first(swap, now);

	if (is_given(swap) && swap_first)
		r = ctr_cg_set_i64(s, dir, memsw, swap);
	if (r == 0 && is_given(m->limit))
		r = set_limit(s, dir, m->limit);
	if (r == 0 && is_given(swap) && !swap_first)
		r = ctr_cg_set_i64(s, dir, memsw, swap);
	return r;
}

static int apply_memory(struct ctr_cgroup *g, const struct ctr_memory *m, struct cg_set *s)
{
	int dir = ctr_cg_dir(g, CG_MEMORY), r;

	r = ctr_memory_check(m, s->e);
	if (r == 0)
		r = set_limits(s, dir, m);
	if (r == 0 && is_given(m->reservation))
		r = ctr_cg_set_i64(s, dir, "memory.soft_limit_in_bytes", m->reservation);
	if (r == 0 && m->swappiness != CTR_UNSET)
		r = ctr_cg_set_i64(s, dir, "memory.swappiness", m->swappiness);
	if (r == 0 && m->disable_oom_killer)
		r = ctr_cg_set(s, dir, "memory.oom_control", "1");
	if (r == 0 && (is_given(m->kernel) || is_given(m->kernel_tcp)))
		log_warn("memory.kernel limits are not supported, ignored");
	return r;
}

/* ---- cpu ---- */

static int set_shares(struct cg_set *s, int dir, int64_t shares)
{
	uint64_t now = 0;
	int r = ctr_cg_set_i64(s, dir, "cpu.shares", shares);

	if (r < 0)
		return r;
	/* The kernel clamps without a word. */
	if (ctr_cg_read_u64(dir, "cpu.shares", &now) == 0 && now != (uint64_t)shares)
		return err_refuse(s->e, ERR_INVALID,
				  "cpu.shares %" PRId64
				  " is out of range: the %s allowed is %" PRIu64,
				  shares, now < (uint64_t)shares ? "maximum" : "minimum", now);
	return 0;
}

static int set_quota(struct cg_set *s, int dir, int64_t quota, int64_t period)
{
	bool again = false;
	int r = 0;

	if (is_given(period)) {
		r = ctr_cg_set_i64(s, dir, "cpu.cfs_period_us", period);
		/* Old quota and new period may be out of the ratio that the parent allows. */
		again = r == -EINVAL && is_given(quota);
		if (r < 0 && !again)
			return r;
	}
	if (is_given(quota))
		r = ctr_cg_set_i64(s, dir, "cpu.cfs_quota_us", quota < 0 ? -1 : quota);
	if (r == 0 && again)
		r = ctr_cg_set_i64(s, dir, "cpu.cfs_period_us", period);
	return r;
}

static int apply_cpu(struct ctr_cgroup *g, const struct ctr_cpu *c, struct cg_set *s)
{
	int dir = ctr_cg_dir(g, CG_CPU), r;

	r = ctr_cpu_check(c, s->e);
	if (r == 0 && is_given(c->shares))
		r = set_shares(s, dir, c->shares);
	if (r == 0)
		r = set_quota(s, dir, c->quota, c->period);
	if (r == 0 && c->burst != CTR_UNSET && ctr_cg_has(dir, "cpu.cfs_burst_us"))
		r = ctr_cg_set_i64(s, dir, "cpu.cfs_burst_us", c->burst);
	if (r == 0 && c->idle != CTR_UNSET)
		r = ctr_cg_set_i64(s, dir, "cpu.idle", c->idle);
	/* On create these were written before the join; here for an update. */
	if (r == 0 && is_given(c->rt_period))
		r = ctr_cg_set_i64(s, dir, "cpu.rt_period_us", c->rt_period);
	if (r == 0 && is_given(c->rt_runtime))
		r = ctr_cg_set_i64(s, dir, "cpu.rt_runtime_us", c->rt_runtime);

	dir = ctr_cg_dir(g, CG_CPUSET);
	if (r == 0 && !str_empty(c->cpus))
		r = ctr_cg_set_cpus(s, dir, c->cpus);
	if (r == 0 && !str_empty(c->mems))
		r = ctr_cg_set(s, dir, "cpuset.mems", c->mems);
	return r;
}

/* ---- block io ---- */

static int apply_blkio(struct ctr_cgroup *g, const struct ctr_blkio *b, struct cg_set *s)
{
	static const char *const files[] = {
		[CTR_THROTTLE_READ_BPS] = "blkio.throttle.read_bps_device",
		[CTR_THROTTLE_WRITE_BPS] = "blkio.throttle.write_bps_device",
		[CTR_THROTTLE_READ_IOPS] = "blkio.throttle.read_iops_device",
		[CTR_THROTTLE_WRITE_IOPS] = "blkio.throttle.write_iops_device",
	};
	int dir = ctr_cg_dir(g, CG_BLKIO), r;
	bool bfq = ctr_cg_has(dir, "blkio.bfq.weight");

	r = ctr_blkio_check(b, s->e);
	if (r == 0 && is_given(b->weight))
		r = ctr_cg_set_i64(s, dir, bfq ? "blkio.bfq.weight" : "blkio.weight", b->weight);
	if (r == 0 && is_given(b->leaf_weight))
		r = ctr_cg_set_i64(s, dir, "blkio.leaf_weight", b->leaf_weight);
	for (size_t i = 0; r == 0 && i < b->n_weight_devices; i++) {
		const struct ctr_weight_device *d = &b->weight_devices[i];

		if (is_given(d->weight))
			r = ctr_cg_setf(
				s, dir, bfq ? "blkio.bfq.weight_device" : "blkio.weight_device",
				"%" PRId64 ":%" PRId64 " %" PRId64, d->major, d->minor, d->weight);
		if (r == 0 && is_given(d->leaf_weight))
			r = ctr_cg_setf(s, dir, "blkio.leaf_weight_device",
					"%" PRId64 ":%" PRId64 " %" PRId64, d->major, d->minor,
					d->leaf_weight);
	}
	for (int k = 0; k < CTR_THROTTLE_KINDS; k++) {
		for (size_t i = 0; r == 0 && i < b->n_throttle[k]; i++) {
			const struct ctr_throttle_device *d = &b->throttle[k][i];

			r = ctr_cg_setf(s, dir, files[k], "%" PRId64 ":%" PRId64 " %" PRIu64,
					d->major, d->minor, d->rate);
		}
	}
	return r;
}

/* ---- the rest ---- */

static int apply_other(struct ctr_cgroup *g, const struct ctr_resources *res, struct cg_set *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < res->n_hugepages; i++)
		r = ctr_cg_set_hugepage(s, ctr_cg_dir(g, CG_HUGETLB), &res->hugepages[i],
					".limit_in_bytes");
	if (r == 0 && is_given(res->net_class_id))
		r = ctr_cg_set_i64(s, ctr_cg_dir(g, CG_NET_CLS), "net_cls.classid",
				   res->net_class_id);
	for (size_t i = 0; r == 0 && i < res->n_net_priorities; i++)
		r = ctr_cg_setf(s, ctr_cg_dir(g, CG_NET_PRIO), "net_prio.ifpriomap", "%s %" PRIu32,
				res->net_priorities[i].name, res->net_priorities[i].priority);
	for (size_t i = 0; r == 0 && i < res->n_rdma; i++)
		r = ctr_cg_set_rdma(s, ctr_cg_dir(g, CG_RDMA), &res->rdma[i]);
	if (r == 0 && res->unified.n > 0)
		r = err_refuse(s->e, ERR_INVALID,
			       "linux.resources.unified needs cgroup v2, this machine has v1");
	return r;
}

int ctr_cg_v1_apply(struct ctr_cgroup *g, const struct ctr_resources *res, struct cg_set *set)
{
	char pids[24];
	int r;

	r = apply_memory(g, &res->memory, set);
	if (r == 0)
		r = apply_cpu(g, &res->cpu, set);
	if (r == 0 && ctr_pids_max(res->pids_limit, pids, sizeof(pids)) == 1)
		r = ctr_cg_set(set, ctr_cg_dir(g, CG_PIDS), "pids.max", pids);
	if (r == 0)
		r = apply_blkio(g, &res->blkio, set);
	if (r == 0)
		r = apply_other(g, res, set);
	return r;
}

/* ---- devices ---- */

static int check_list(struct ctr_cgroup *g, const struct ctr_dev_set *want, bool *ret,
		      struct err *e)
{
	cleanup_free char *text = malloc(CTR_DEV_LIST_MAX);
	ssize_t n;

	if (text == NULL)
		return err_set(e, -ENOMEM, "read devices.list");
	n = ctr_cg_read(ctr_cg_dir(g, CG_DEVICES), "devices.list", text, CTR_DEV_LIST_MAX);
	if (n < 0)
		return err_set(e, (int)n, "read devices.list");
	*ret = ctr_dev_set_matches(want, text);
	return 0;
}

static int write_set(struct ctr_cgroup *g, const struct ctr_dev_set *want, struct err *e)
{
	int dir = ctr_cg_dir(g, CG_DEVICES);
	const char *exceptions = want->allow_all ? "devices.deny" : "devices.allow";
	int r;

	r = ctr_cg_write(dir, want->allow_all ? "devices.allow" : "devices.deny", "a");
	if (r < 0)
		return err_set(e, r, "reset the device rules");
	for (size_t i = 0; i < want->n; i++) {
		char text[CTR_DEV_RULE_TEXT];

		ctr_dev_rule_text(&want->v[i], text);
		r = ctr_cg_write(dir, exceptions, text);
		if (r < 0)
			return err_set(e, r, "write '%s' to %s", text, exceptions);
	}
	return 0;
}

int ctr_cg_v1_devices(struct ctr_cgroup *g, const struct ctr_resources *res, struct err *e)
{
	struct ctr_dev_set want;
	bool same = false;
	int r;

	if (ctr_cg_dir(g, CG_DEVICES) < 0)
		return err_refuse(e, ERR_PRECONDITION, "the devices cgroup is not available");
	r = ctr_dev_set_build(res->devices, res->n_devices, &want, e);
	if (r == 0)
		r = check_list(g, &want, &same, e);
	if (r < 0 || same)
		return r;
	r = write_set(g, &want, e);
	if (r == 0)
		r = check_list(g, &want, &same, e);
	if (r == 0 && !same)
		r = err_set(e, -EIO, "the kernel holds other device rules than were written");
	return r;
}
