/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the files of a group for its statistics. A file that cannot be read counts as zeros. */
#include <errno.h>
#include <fcntl.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "container/cgroup_impl.h"
#include "container/stats.h"

#define TEXT_MAX ((size_t)64 << 10)

struct reader {
	struct ctr_stats *s;
	int dir;
	char *text;
};

static bool read_text(const struct reader *r, const char *file)
{
	return r->dir >= 0 && ctr_cg_read(r->dir, file, r->text, TEXT_MAX) >= 0;
}

static void parse_file(const struct reader *r, const char *file, enum ctr_stats_file kind)
{
	if (read_text(r, file))
		ctr_stats_parse(r->s, kind, r->text);
}

static void number(const struct reader *r, const char *file, uint64_t *ret)
{
	if (r->dir >= 0)
		(void)!ctr_cg_read_u64(r->dir, file, ret);
}

static void read_pids(const struct reader *r)
{
	number(r, "pids.current", &r->s->pids_current);
	number(r, "pids.max", &r->s->pids_limit);
	if (r->s->pids_limit == UINT64_MAX)
		r->s->pids_limit = 0;
}

/* ---- huge pages: the sizes are known from the names of the files ---- */

static bool size_of(const char *file, const char *suffix, struct slice *ret)
{
	const char *prefix = "hugetlb.";
	size_t n = strlen(file), head = strlen(prefix), tail = strlen(suffix);

	if (!str_starts(file, prefix) || !str_ends(file, suffix) || n <= head + tail)
		return false;
	*ret = (struct slice){file + head, n - head - tail};
	/* "2MB.rsvd" counts reservations. */
	return memchr(ret->p, '.', ret->n) == NULL;
}

static void read_hugetlb(const struct reader *r, bool is_v2)
{
	const char *suffix = is_v2 ? ".current" : ".usage_in_bytes";
	enum {
		SIZES_MAX = 16
	};
	cleanup_closedir DIR *d = NULL;
	struct ctr_stats *s = r->s;
	int fd;

	if (r->dir < 0)
		return;
	fd = openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		(void)fd_close(fd);
		return;
	}
	s->hugetlb = arena_array(&s->arena, SIZES_MAX, sizeof(*s->hugetlb));
	for (struct dirent *de = readdir(d); de != NULL && s->hugetlb != NULL; de = readdir(d)) {
		struct ctr_hugetlb_stat *h = &s->hugetlb[s->n_hugetlb];
		struct slice size;
		char file[64];

		if (s->n_hugetlb == SIZES_MAX || !size_of(de->d_name, suffix, &size) || size.n > 16)
			continue;
		h->size = arena_dup_n(&s->arena, size.p, size.n);
		if (h->size == NULL)
			return;
		number(r, de->d_name, &h->usage);
		if (is_v2) {
			(void)snprintf(file, sizeof(file), "hugetlb.%s.events", h->size);
			(void)!ctr_cg_read_key(r->dir, file, "max", &h->failcnt);
		} else {
			(void)snprintf(file, sizeof(file), "hugetlb.%s.max_usage_in_bytes",
				       h->size);
			number(r, file, &h->max_usage);
			(void)snprintf(file, sizeof(file), "hugetlb.%s.failcnt", h->size);
			number(r, file, &h->failcnt);
		}
		s->n_hugetlb++;
	}
}

/* ---- v2: one directory ---- */

static void read_v2(const struct reader *r)
{
	struct ctr_stats *s = r->s;

	parse_file(r, "cpu.stat", CTR_STATS_CPU_V2);
	parse_file(r, "memory.stat", CTR_STATS_MEMORY_V2);
	number(r, "memory.current", &s->mem.usage);
	number(r, "memory.peak", &s->mem.max_usage);
	number(r, "memory.max", &s->mem.limit);
	number(r, "memory.swap.current", &s->swap.usage);
	number(r, "memory.swap.peak", &s->swap.max_usage);
	number(r, "memory.swap.max", &s->swap.limit);
	(void)!ctr_cg_read_key(r->dir, "memory.swap.events", "fail", &s->swap.failcnt);
	read_pids(r);
	parse_file(r, "io.stat", CTR_STATS_IO_V2);
	parse_file(r, "cpu.pressure", CTR_STATS_CPU_PSI);
	parse_file(r, "memory.pressure", CTR_STATS_MEM_PSI);
	parse_file(r, "io.pressure", CTR_STATS_IO_PSI);
	read_hugetlb(r, true);
}

/* ---- v1: one directory for each hierarchy ---- */

static void read_usage_v1(const struct reader *r, const char *prefix, struct ctr_mem_usage *to)
{
	static const char *const names[] = {"usage_in_bytes", "max_usage_in_bytes", "failcnt",
					    "limit_in_bytes"};
	uint64_t *const values[] = {&to->usage, &to->max_usage, &to->failcnt, &to->limit};
	char file[64];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(file, sizeof(file), "%s.%s", prefix, names[i]);
		number(r, file, values[i]);
	}
}

static void read_memory_v1(const struct reader *r)
{
	uint64_t hierarchy = 0;

	parse_file(r, "memory.stat", CTR_STATS_MEMORY_V1);
	read_usage_v1(r, "memory", &r->s->mem);
	read_usage_v1(r, "memory.memsw", &r->s->swap);
	read_usage_v1(r, "memory.kmem", &r->s->kernel);
	number(r, "memory.use_hierarchy", &hierarchy);
	r->s->mem_use_hierarchy = hierarchy == 1;
}

static size_t read_blkio_file(const struct reader *r, const char *file, enum ctr_blkio_stat kind)
{
	return read_text(r, file) ? ctr_stats_parse_blkio_v1(r->s, kind, r->text) : 0;
}

static void read_blkio_v1(const struct reader *r)
{
	static const char *const recursive[] = {
		[CTR_BLKIO_SERVICE_BYTES] = "blkio.io_service_bytes_recursive",
		[CTR_BLKIO_SERVICED] = "blkio.io_serviced_recursive",
		[CTR_BLKIO_QUEUED] = "blkio.io_queued_recursive",
		[CTR_BLKIO_SERVICE_TIME] = "blkio.io_service_time_recursive",
		[CTR_BLKIO_WAIT_TIME] = "blkio.io_wait_time_recursive",
		[CTR_BLKIO_MERGED] = "blkio.io_merged_recursive",
		[CTR_BLKIO_TIME] = "blkio.time_recursive",
		[CTR_BLKIO_SECTORS] = "blkio.sectors_recursive",
	};
	bool deep = ctr_cg_has(r->dir, "blkio.throttle.io_serviced_recursive");

	if (read_blkio_file(r, recursive[CTR_BLKIO_SERVICED], CTR_BLKIO_SERVICED) > 0) {
		for (enum ctr_blkio_stat k = 0; k < CTR_BLKIO_STATS; k++) {
			if (k != CTR_BLKIO_SERVICED)
				(void)read_blkio_file(r, recursive[k], k);
		}
		return;
	}
	/* Kernels without CFQ count only in the throttling layer. */
	(void)read_blkio_file(
		r, deep ? "blkio.throttle.io_serviced_recursive" : "blkio.throttle.io_serviced",
		CTR_BLKIO_SERVICED);
	(void)read_blkio_file(r,
			      deep ? "blkio.throttle.io_service_bytes_recursive"
				   : "blkio.throttle.io_service_bytes",
			      CTR_BLKIO_SERVICE_BYTES);
}

static void read_v1(struct ctr_cgroup *g, struct reader *r)
{
	r->dir = ctr_cg_dir(g, CG_CPUACCT);
	number(r, "cpuacct.usage", &r->s->cpu_total_ns);
	parse_file(r, "cpuacct.stat", CTR_STATS_CPUACCT_STAT);
	parse_file(r, "cpuacct.usage_percpu", CTR_STATS_PERCPU);
	r->dir = ctr_cg_dir(g, CG_CPU);
	parse_file(r, "cpu.stat", CTR_STATS_CPU_V1);
	r->dir = ctr_cg_dir(g, CG_MEMORY);
	read_memory_v1(r);
	r->dir = ctr_cg_dir(g, CG_PIDS);
	read_pids(r);
	r->dir = ctr_cg_dir(g, CG_BLKIO);
	read_blkio_v1(r);
	r->dir = ctr_cg_dir(g, CG_HUGETLB);
	read_hugetlb(r, false);
}

int ctr_cgroup_read_stats(struct ctr_cgroup *g, struct ctr_stats *ret, struct err *e)
{
	cleanup_free char *text = malloc(TEXT_MAX);
	struct reader r = {.s = ret, .dir = g->dir[0], .text = text};

	if (text == NULL)
		return err_set(e, -ENOMEM, "read the statistics of cgroup '%s'", g->path);
	ctr_stats_init(ret);
	if (ctr_cg_host.mode == CTR_CGROUP_V2)
		read_v2(&r);
	else
		read_v1(g, &r);
	return 0;
}
