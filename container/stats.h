/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of a control group in the units hosts expect, v1 and v2 alike. Parsers are pure functions
 * over file text; the backends read the files. A file that is missing or malformed leaves zeros.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct ctr_mem_usage {
	uint64_t usage, max_usage, failcnt;
	uint64_t limit; /* UINT64_MAX: none */
};

struct ctr_stat_value {
	const char *key;
	uint64_t value;
};

struct ctr_blkio_entry {
	uint64_t major, minor, value;
	const char *op; /* lower case, static or in the arena; "" for time and sectors */
};

struct ctr_blkio_entries {
	struct ctr_blkio_entry *v;
	size_t n, cap;
};

enum ctr_blkio_stat {
	CTR_BLKIO_SERVICE_BYTES,
	CTR_BLKIO_SERVICED,
	CTR_BLKIO_QUEUED,
	CTR_BLKIO_SERVICE_TIME,
	CTR_BLKIO_WAIT_TIME,
	CTR_BLKIO_MERGED,
	CTR_BLKIO_TIME,
	CTR_BLKIO_SECTORS,
	CTR_BLKIO_STATS,
};

struct ctr_hugetlb_stat {
	const char *size; /* "2MB" */
	uint64_t usage, max_usage, failcnt;
};

struct ctr_psi_line {
	uint32_t avg10, avg60, avg300; /* hundredths of a percent */
	uint64_t total_us;
};

struct ctr_psi {
	bool present; /* v2 with pressure accounting only */
	struct ctr_psi_line some, full;
};

struct ctr_stats {
	struct arena arena; /* everything pointed to below */

	uint64_t cpu_total_ns, cpu_user_ns, cpu_kernel_ns;
	uint64_t *percpu_ns; /* v1 only */
	size_t n_percpu;
	uint64_t throttling_periods, throttled_periods, throttled_ns;

	uint64_t mem_cache;
	struct ctr_mem_usage mem, swap, kernel;
	bool mem_use_hierarchy;
	struct ctr_stat_value
		*mem_stat; /* memory.stat, with the other version's common names added */
	size_t n_mem_stat;

	uint64_t pids_current;
	uint64_t pids_limit; /* 0: none */

	struct ctr_blkio_entries blkio[CTR_BLKIO_STATS];
	struct ctr_hugetlb_stat *hugetlb;
	size_t n_hugetlb;
	struct ctr_psi cpu_psi, mem_psi, io_psi;
};

#define cleanup_stats __attribute__((cleanup(ctr_stats_done)))

/* All zero, limits UINT64_MAX. Owns: @s owns its arena; ctr_stats_done frees it. */
void ctr_stats_init(struct ctr_stats *s);
void ctr_stats_done(struct ctr_stats *s);

/* ---- parsers: text of one file, NUL-terminated; lines that make no sense are left out ---- */

enum ctr_stats_file {
	CTR_STATS_CPU_V2,       /* cpu.stat of v2: times and throttling */
	CTR_STATS_CPU_V1,       /* cpu.stat of v1: throttling */
	CTR_STATS_CPUACCT_STAT, /* v1 user and system in clock ticks */
	CTR_STATS_PERCPU,       /* v1 cpuacct.usage_percpu */
	CTR_STATS_MEMORY_V2,    /* memory.stat */
	CTR_STATS_MEMORY_V1,
	CTR_STATS_IO_V2, /* io.stat */
	CTR_STATS_CPU_PSI,
	CTR_STATS_MEM_PSI,
	CTR_STATS_IO_PSI,
	CTR_STATS_FILES,
};

void ctr_stats_parse(struct ctr_stats *s, enum ctr_stats_file file, const char *text);
/* A v1 blkio file: "MAJ:MIN Op N" rows, or "MAJ:MIN N" rows. Return: number of rows taken. */
size_t ctr_stats_parse_blkio_v1(struct ctr_stats *s, enum ctr_blkio_stat kind, const char *text);
/* Return: the value of @key in memory.stat as parsed, or 0. */
uint64_t ctr_stats_mem_value(const struct ctr_stats *s, const char *key);
