/* SPDX-License-Identifier: Apache-2.0 */
/* The v2 backend: controllers handed down, limits in the order that lets each one succeed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#define LOG_MODULE "cgroup"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "container/blkio.h"
#include "container/cgroup_impl.h"
#include "container/cpu.h"
#include "container/memory.h"
#include "container/pids.h"
#include "container/spec.h"

static bool is_given(int64_t v)
{
	return v != CTR_UNSET && v != 0;
}

static int set_limit(struct cg_set *s, int dir, const char *file, int64_t v)
{
	return v < 0 ? ctr_cg_set(s, dir, file, "max") : ctr_cg_set_i64(s, dir, file, v);
}

void ctr_cg_v2_enable(int dir)
{
	char have[512], all[640], one[64];
	struct slice rest, word;
	size_t n = 0;

	if (ctr_cg_read(dir, "cgroup.controllers", have, sizeof(have)) <= 0)
		return;
	rest = slice_of(have);
	while (slice_cut(&rest, ' ', &word))
		n += (size_t)snprintf(all + n, sizeof(all) - n, "+%.*s ", (int)word.n, word.p);
	if (ctr_cg_write(dir, "cgroup.subtree_control", all) == 0)
		return;
	/* One that cannot be handed down must not keep back the others; whoever needs it will say. */
	rest = slice_of(have);
	while (slice_cut(&rest, ' ', &word)) {
		(void)snprintf(one, sizeof(one), "+%.*s", (int)word.n, word.p);
		(void)!ctr_cg_write(dir, "cgroup.subtree_control", one);
	}
}

/* ---- memory ---- */

static int check_before_update(int dir, const struct ctr_memory *m, struct err *e)
{
	uint64_t usage = 0;

	if (!m->check_before_update || ctr_cg_read_u64(dir, "memory.current", &usage) < 0)
		return 0;
	if (m->limit > 0 && usage >= (uint64_t)m->limit)
		return err_refuse(e, ERR_PRECONDITION,
				  "memory limit %" PRId64 " is not above the usage %" PRIu64,
				  m->limit, usage);
	if (m->swap > 0 && usage >= (uint64_t)m->swap)
		return err_refuse(e, ERR_PRECONDITION,
				  "memory+swap limit %" PRId64 " is not above the usage %" PRIu64,
				  m->swap, usage);
	return 0;
}

static int apply_memory(int dir, const struct ctr_memory *m, struct cg_set *s)
{
	int64_t swap = 0;
	int r;

	r = ctr_memory_check(m, s->e);
	if (r == 0)
		r = check_before_update(dir, m, s->e);
	if (r < 0)
		return r;

	r = ctr_memory_swap_max(m->limit, m->swap, &swap, s->e);
	/* A kernel without swap accounting has nothing that could exceed 0 or unlimited. */
	if (r == 1 && (swap > 0 || ctr_cg_has(dir, "memory.swap.max")))
		r = set_limit(s, dir, "memory.swap.max", swap);
	if (r >= 0 && is_given(m->limit))
		r = set_limit(s, dir, "memory.max", m->limit);
	if (r >= 0 && is_given(m->reservation))
		r = set_limit(s, dir, "memory.low", m->reservation);
	if (r < 0)
		return r;

	if (m->swappiness != CTR_UNSET)
		log_warn("memory.swappiness does not exist on cgroup v2, ignored");
	if (m->disable_oom_killer)
		log_warn("memory.disableOOMKiller does not exist on cgroup v2, ignored");
	if (is_given(m->kernel) || is_given(m->kernel_tcp))
		log_warn("memory.kernel limits do not exist on cgroup v2, ignored");
	return 0;
}

/* ---- cpu ---- */

static int set_max(int dir, const struct ctr_cpu *c, struct cg_set *s)
{
	char now[64] = "", text[64];

	(void)!ctr_cg_read(dir, "cpu.max", now, sizeof(now));
	if (ctr_cpu_max(c->quota == 0 ? CTR_UNSET : c->quota, c->period, now, text, sizeof(text)) ==
	    0)
		return 0;
	return ctr_cg_set(s, dir, "cpu.max", text);
}

static int apply_cpu(int dir, const struct ctr_cpu *c, struct cg_set *s)
{
	bool burst_again = false;
	int r;

	r = ctr_cpu_check(c, s->e);
	if (r < 0)
		return r;
	if (is_given(c->rt_runtime) || is_given(c->rt_period))
		return err_refuse(s->e, ERR_INVALID,
				  "real-time cpu limits do not exist on cgroup v2");

	if (c->idle != CTR_UNSET)
		r = ctr_cg_set_i64(s, dir, "cpu.idle", c->idle);
	/* An idle group has no weight: the kernel refuses one. */
	if (r == 0 && is_given(c->shares) && c->idle != 1)
		r = ctr_cg_setf(s, dir, "cpu.weight", "%" PRIu64,
				ctr_cpu_weight((uint64_t)c->shares));
	if (r == 0 && c->burst != CTR_UNSET) {
		r = ctr_cg_set_i64(s, dir, "cpu.max.burst", c->burst);
		/* Above the old quota: the new one may make room. */
		burst_again = r == -EINVAL && is_given(c->quota);
		r = burst_again ? 0 : r;
	}
	if (r == 0)
		r = set_max(dir, c, s);
	if (r == 0 && burst_again)
		r = ctr_cg_set_i64(s, dir, "cpu.max.burst", c->burst);
	return r;
}

static int apply_cpuset(int dir, const struct ctr_cpu *c, struct cg_set *s)
{
	int r = 0;

	if (!str_empty(c->cpus))
		r = ctr_cg_set_cpus(s, dir, c->cpus);
	if (r == 0 && !str_empty(c->mems))
		r = ctr_cg_set(s, dir, "cpuset.mems", c->mems);
	return r;
}

/* ---- io ---- */

/* bfq learnt weights per device in 5.4: since then the file starts with "default". */
static bool bfq_has_devices(int dir)
{
	char text[CG_TEXT_MAX];

	return ctr_cg_read(dir, "io.bfq.weight", text, sizeof(text)) > 0 &&
	       str_starts(text, "default");
}

static int set_weight_device(int dir, const struct ctr_weight_device *d, struct cg_set *s)
{
	if (is_given(d->leaf_weight))
		log_warn("leafWeight does not exist on cgroup v2, ignored");
	if (!is_given(d->weight))
		return 0;
	if (bfq_has_devices(dir))
		return ctr_cg_setf(s, dir, "io.bfq.weight", "%" PRId64 ":%" PRId64 " %" PRId64,
				   d->major, d->minor, d->weight);
	return ctr_cg_setf(s, dir, "io.weight", "%" PRId64 ":%" PRId64 " %" PRIu64, d->major,
			   d->minor, ctr_blkio_weight_v2((uint64_t)d->weight));
}

static int apply_io(int dir, const struct ctr_blkio *b, struct cg_set *s)
{
	static const char *const keys[] = {
		[CTR_THROTTLE_READ_BPS] = "rbps",
		[CTR_THROTTLE_WRITE_BPS] = "wbps",
		[CTR_THROTTLE_READ_IOPS] = "riops",
		[CTR_THROTTLE_WRITE_IOPS] = "wiops",
	};
	int r = ctr_blkio_check(b, s->e);

	if (r == 0 && is_given(b->weight)) {
		if (ctr_cg_has(dir, "io.bfq.weight"))
			r = ctr_cg_set_i64(s, dir, "io.bfq.weight", b->weight);
		else
			r = ctr_cg_setf(s, dir, "io.weight", "%" PRIu64,
					ctr_blkio_weight_v2((uint64_t)b->weight));
	}
	if (is_given(b->leaf_weight))
		log_warn("leafWeight does not exist on cgroup v2, ignored");
	for (size_t i = 0; r == 0 && i < b->n_weight_devices; i++)
		r = set_weight_device(dir, &b->weight_devices[i], s);
	for (int k = 0; k < CTR_THROTTLE_KINDS; k++) {
		for (size_t i = 0; r == 0 && i < b->n_throttle[k]; i++) {
			const struct ctr_throttle_device *d = &b->throttle[k][i];
			char rate[24] = "max";

			if (d->rate != 0)
				(void)snprintf(rate, sizeof(rate), "%" PRIu64, d->rate);
			r = ctr_cg_setf(s, dir, "io.max", "%" PRId64 ":%" PRId64 " %s=%s", d->major,
					d->minor, keys[k], rate);
		}
	}
	return r;
}

/* ---- the rest ---- */

/* Files that move processes or change what the group is: not limits. */
static bool is_denied_unified(const char *file)
{
	static const char *const denied[] = {"cgroup.procs", "cgroup.threads",
					     "cgroup.subtree_control", "cgroup.type",
					     "cgroup.kill"};

	for (size_t i = 0; i < ARRAY_LEN(denied); i++) {
		if (streq(file, denied[i]))
			return true;
	}
	return file[0] == '\0' || strchr(file, '/') != NULL || streq(file, "..") ||
	       streq(file, ".");
}

static int set_unified(int dir, const char *file, const char *value, struct cg_set *s)
{
	struct slice rest = slice_of(value), line;
	int r = 0;

	if (is_denied_unified(file))
		return err_refuse(s->e, ERR_INVALID, "linux.resources.unified '%s' is not allowed",
				  file);
	while (r == 0 && slice_cut(&rest, '\n', &line)) {
		char text[256];

		if (line.n == 0)
			continue;
		if (line.n >= sizeof(text))
			return err_refuse(s->e, ERR_INVALID,
					  "linux.resources.unified '%s' has a line over %zu bytes",
					  file, sizeof(text) - 1);
		memcpy(text, line.p, line.n);
		text[line.n] = '\0';
		r = ctr_cg_set(s, dir, file, text);
	}
	return r;
}

int ctr_cg_v2_apply(struct ctr_cgroup *g, const struct ctr_resources *res, struct cg_set *set)
{
	int dir = g->dir[0], r = 0;
	char pids[24];

	if (ctr_pids_max(res->pids_limit, pids, sizeof(pids)) == 1)
		r = ctr_cg_set(set, dir, "pids.max", pids);
	if (r == 0)
		r = apply_memory(dir, &res->memory, set);
	if (r == 0)
		r = apply_io(dir, &res->blkio, set);
	if (r == 0)
		r = apply_cpu(dir, &res->cpu, set);
	if (r == 0)
		r = apply_cpuset(dir, &res->cpu, set);
	for (size_t i = 0; r == 0 && i < res->n_hugepages; i++)
		r = ctr_cg_set_hugepage(set, dir, &res->hugepages[i], ".max");
	for (size_t i = 0; r == 0 && i < res->n_rdma; i++)
		r = ctr_cg_set_rdma(set, dir, &res->rdma[i]);
	if (is_given(res->net_class_id) || res->n_net_priorities > 0)
		log_warn("network class and priorities do not exist on cgroup v2, ignored");
	/* Last, so that what is said in the kernel's own words wins. */
	for (size_t i = 0; r == 0 && i < res->unified.n; i++)
		r = set_unified(dir, res->unified.v[i].key, res->unified.v[i].value, set);
	return r;
}
