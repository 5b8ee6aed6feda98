/* SPDX-License-Identifier: Apache-2.0 */
/* What containers use: once, again and again, or as a table that refreshes itself. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "agent-ctl/cmd.h"
#include "agent-ctl/ctl.h"
#include "agent-ctl/print.h"
#include "base/loop.h"
#include "proto/agent.pb-c.h"

#define NS_PER_S    1e9
#define INTERVAL_MS 1000
/* No limit: 2^64-1, or on cgroup v1 the largest multiple of the page size below 2^63. */
#define UNLIMITED    (UINT64_C(1) << 62)
#define CLEAR_SCREEN "\033[H\033[2J"

struct sample {
	uint64_t at_ns, cpu_ns;
};

static int get(struct actl *a, char *id, struct actl_result *ret)
{
	Grpc__StatsContainerRequest q = GRPC__STATS_CONTAINER_REQUEST__INIT;

	q.container_id = id;
	return actl_call(a, "StatsContainer", &q.base, ret);
}

static void heading(void)
{
	(void)printf("%-20s %7s %10s %9s %9s %6s %9s %9s\n", "CONTAINER", "CPU %", "CPU s", "MEM",
		     "LIMIT", "PIDS", "READ", "WRITE");
}

static uint64_t io_bytes(const Grpc__BlkioStats *b, const char *op)
{
	uint64_t sum = 0;

	for (size_t i = 0; b != NULL && i < b->n_io_service_bytes_recursive; i++) {
		if (strcasecmp(b->io_service_bytes_recursive[i]->op, op) == 0)
			sum += b->io_service_bytes_recursive[i]->value;
	}
	return sum;
}

static void line(const char *id, const Grpc__CgroupStats *s, struct sample *last)
{
	const Grpc__CpuUsage *cpu = s->cpu_stats != NULL ? s->cpu_stats->cpu_usage : NULL;
	const Grpc__MemoryData *m = s->memory_stats != NULL ? s->memory_stats->usage : NULL;
	struct sample now = {loop_now_ns(), cpu != NULL ? cpu->total_usage : 0};
	char mem[16], max[16], rd[16], wr[16], percent[16] = "-";

	if (last->at_ns != 0 && now.at_ns > last->at_ns && now.cpu_ns >= last->cpu_ns)
		(void)snprintf(percent, sizeof(percent), "%.1f",
			       100.0 * (double)(now.cpu_ns - last->cpu_ns) /
				       (double)(now.at_ns - last->at_ns));
	*last = now;
	(void)printf("%-20s %7s %10.2f %9s %9s %6llu %9s %9s\n", id, percent,
		     (double)now.cpu_ns / NS_PER_S,
		     actl_size_text(m != NULL ? m->usage : 0, mem, sizeof(mem)),
		     m == NULL || m->limit >= UNLIMITED
			     ? "-"
			     : actl_size_text(m->limit, max, sizeof(max)),
		     s->pids_stats != NULL ? (unsigned long long)s->pids_stats->current : 0,
		     actl_size_text(io_bytes(s->blkio_stats, "read"), rd, sizeof(rd)),
		     actl_size_text(io_bytes(s->blkio_stats, "write"), wr, sizeof(wr)));
}

static int show(struct actl *a, char **ids, size_t n, struct sample *last, const char *before)
{
	struct actl_result *all = calloc(n, sizeof(*all));
	int code = ACTL_OK;

	if (all == NULL)
		return actl_say(ACTL_FAILED, "no memory");
	/* Ask first, print then: a table that is half of one second is no table. */
	for (size_t i = 0; code == ACTL_OK && i < n; i++)
		code = get(a, ids[i], &all[i]);
	if (code == ACTL_OK && !a->json) {
		(void)fputs(before, stdout);
		heading();
	}
	for (size_t i = 0; code == ACTL_OK && i < n; i++) {
		const Grpc__StatsContainerResponse *m =
			(const Grpc__StatsContainerResponse *)all[i].out;

		if (a->json)
			code = actl_print_message(all[i].out, true);
		else if (m->cgroup_stats != NULL)
			line(ids[i], m->cgroup_stats, &last[i]);
	}
	(void)fflush(stdout);
	for (size_t i = 0; i < n; i++)
		actl_result_done(&all[i]);
	free(all);
	return code;
}

static int repeat(struct actl *a, char **ids, size_t n, bool watch, const char *before)
{
	cleanup_free struct sample *last = calloc(n, sizeof(*last));
	int code;

	if (last == NULL)
		return actl_say(ACTL_FAILED, "no memory");
	do {
		code = show(a, ids, n, last, before);
		if (code == ACTL_OK && watch)
			(void)poll(NULL, 0, INTERVAL_MS);
	} while (code == ACTL_OK && watch);
	return code;
}

/* stats [--watch] CONTAINER... */
int cmd_stats(struct actl *a, int argc, char **argv)
{
	static const struct option options[] = {{"watch", no_argument, NULL, 'w'}, {0}};
	bool watch = false;
	int c;

	while ((c = getopt_long(argc, argv, "+w", options, NULL)) != -1) {
		if (c != 'w')
			return actl_usage("stats");
		watch = true;
	}
	if (optind == argc)
		return actl_usage("stats");
	return repeat(a, argv + optind, (size_t)(argc - optind), watch, "");
}

/* top CONTAINER...: the same as a screen. The agent has no list of containers to ask for. */
int cmd_top(struct actl *a, int argc, char **argv)
{
	if (argc < 2)
		return actl_usage("top");
	return repeat(a, argv + 1, (size_t)(argc - 1), true, CLEAR_SCREEN);
}
