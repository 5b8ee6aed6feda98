/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pith-bench: measures a booted guest that runs the benchmark initrd. Every figure of ours stands
 * beside its floor from the same run; the ratio is what counts, the seconds belong to the machine.
 */
#include <time.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/str.h"
#include "bench/host.h"

#define ECHO_ROUNDS  2000
#define START_ROUNDS 100
#define BULK_BYTES   (32u << 20)
#define MANY         100
#define PARTS_MAX    16

struct opts {
	const char *vsock;
	const char *parts[PARTS_MAX]; /* in this order; none: all */
	size_t n_parts;
	bool json;
};

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void row(const struct opts *o, const char *name, const char *unit, double ours, double floor)
{
	if (o->json)
		(void)printf("{\"name\":\"%s\",\"unit\":\"%s\",\"ours\":%.3f,\"floor\":%.3f,"
			     "\"ratio\":%.3f}\n",
			     name, unit, ours, floor, floor > 0 ? ours / floor : 0);
	else if (floor > 0)
		(void)printf("%-46s %12.1f %12.1f %-8s %6.2f\n", name, ours, floor, unit,
			     ours / floor);
	else
		(void)printf("%-46s %12.1f %12s %-8s\n", name, ours, "-", unit);
	(void)fflush(stdout);
}

static int round_trips(const struct opts *o, struct bench_rpc *b, struct err *e)
{
	double floor, ours;
	uint64_t start;
	int r = bench_raw_echo(o->vsock, ECHO_ROUNDS, &floor, e);

	if (r < 0)
		return r;
	start = bench_now_ns();
	for (unsigned i = 0; i < ECHO_ROUNDS && r == 0; i++)
		r = bench_rpc_check(b, e);
	ours = (double)(bench_now_ns() - start) / 1e9;
	if (r == 0)
		row(o, "Health.Check against raw echo", "per s", ECHO_ROUNDS / ours,
		    ECHO_ROUNDS / floor);
	return r;
}

/* One call's times over all rounds; a step ends where the next begins. */
struct series {
	const char *name;
	uint64_t ns[START_ROUNDS];
};

static void step_done(struct series *s, unsigned round, uint64_t *at)
{
	uint64_t now = bench_now_ns();

	s->ns[round] = now - *at;
	*at = now;
}

static double median_us(struct series *s)
{
	const size_t middle = START_ROUNDS / 2;

	qsort(s->ns, START_ROUNDS, sizeof(s->ns[0]), compare_u64);
	return (double)s->ns[middle] / 1e3;
}

static int one_life(struct bench_rpc *b, struct series v[static 6], unsigned i, struct err *e)
{
	uint64_t start = bench_now_ns(), at = start, end;
	int r = bench_rpc_create(b, "life", "/bin/true", NULL, e);

	step_done(&v[1], i, &at);
	if (r == 0)
		r = bench_rpc_start(b, "life", e);
	step_done(&v[2], i, &at);
	if (r == 0)
		r = bench_rpc_wait(b, "life", "", e);
	step_done(&v[3], i, &at);
	end = at;
	v[0].ns[i] = end - start;
	if (r == 0)
		r = bench_rpc_remove(b, "life", e);
	step_done(&v[4], i, &at);
	if (r == 0)
		r = bench_rpc_check(b, e);
	step_done(&v[5], i, &at);
	return r;
}

static int lives(const struct opts *o, struct bench_rpc *b, struct err *e)
{
	struct series v[6] = {{.name = "create+start+wait, 3 calls, against ns+exec"},
			      {.name = "  create"},
			      {.name = "  start"},
			      {.name = "  wait"},
			      {.name = "  remove, not part of the sum"},
			      {.name = "  one Check, not part of the sum"}};
	uint64_t ns[3] = {0}, root[3] = {0};
	double sum;
	int r = bench_raw_numbers(o->vsock, "ns 100\n", ns, e);

	if (r == 0)
		r = bench_raw_numbers(o->vsock, "root 100\n", root, e);
	for (unsigned i = 0; i < START_ROUNDS && r == 0; i++)
		r = one_life(b, v, i, e);
	if (r < 0)
		return r;
	sum = median_us(&v[0]);
	row(o, v[0].name, "us", sum, (double)ns[2] / 1e3);
	row(o, "  the same less 3 Checks, against ns+root+exec", "us", sum - 3 * median_us(&v[5]),
	    (double)root[2] / 1e3);
	for (size_t i = 1; i < ARRAY_LEN(v); i++)
		row(o, v[i].name, "us", median_us(&v[i]), 0);
	return 0;
}

static int one_exec(struct bench_rpc *b, struct series v[static 3], unsigned i, struct err *e)
{
	uint64_t start = bench_now_ns(), at = start;
	char exec_id[32];
	int r;

	(void)snprintf(exec_id, sizeof(exec_id), "e%u", i);
	r = bench_rpc_exec(b, "execs", exec_id, "/bin/true", e);
	step_done(&v[1], i, &at);
	if (r == 0)
		r = bench_rpc_wait(b, "execs", exec_id, e);
	step_done(&v[2], i, &at);
	v[0].ns[i] = at - start;
	return r;
}

static int execs(const struct opts *o, struct bench_rpc *b, struct err *e)
{
	struct series v[3] = {{.name = "exec+wait, 2 calls, against setns+fork+exec"},
			      {.name = "  exec"},
			      {.name = "  wait"}};
	uint64_t join[3] = {0};
	int r = bench_raw_numbers(o->vsock, "join 100\n", join, e);

	if (r == 0)
		r = bench_rpc_create(b, "execs", "/bin/sleep", NULL, e);
	if (r == 0)
		r = bench_rpc_start(b, "execs", e);
	for (unsigned i = 0; i < START_ROUNDS && r == 0; i++)
		r = one_exec(b, v, i, e);
	if (r == 0)
		r = bench_rpc_kill(b, "execs", e);
	if (r == 0)
		r = bench_rpc_remove(b, "execs", e);
	if (r < 0)
		return r;
	row(o, v[0].name, "us", median_us(&v[0]), (double)join[2] / 1e3);
	for (size_t i = 1; i < ARRAY_LEN(v); i++)
		row(o, v[i].name, "us", median_us(&v[i]), 0);
	return 0;
}

static int bulk(const struct opts *o, struct bench_rpc *b, struct err *e)
{
	char bytes[16];
	double stream = 0, blocks = 0, relay = 0, ours;
	uint64_t start;
	int64_t got;
	int r = bench_raw_source(o->vsock, BULK_BYTES, &stream, e);

	if (r == 0)
		r = bench_raw_blocks(o->vsock, "blocks", BULK_BYTES, &blocks, e);
	if (r == 0)
		r = bench_raw_blocks(o->vsock, "relay", BULK_BYTES, &relay, e);
	(void)snprintf(bytes, sizeof(bytes), "%u", BULK_BYTES);
	if (r == 0)
		r = bench_rpc_create(b, "bulk", "/bin/source", bytes, e);
	start = bench_now_ns();
	if (r == 0)
		r = bench_rpc_start(b, "bulk", e);
	got = r < 0 ? r : bench_rpc_drain(b, "bulk", e);
	ours = (double)(bench_now_ns() - start) / 1e9;
	if (got >= 0 && got != BULK_BYTES)
		return err_set(e, -EPIPE, "%lld of %u bytes came through ReadStdout",
			       (long long)got, BULK_BYTES);
	r = got < 0 ? (int)got : bench_rpc_wait(b, "bulk", "", e);
	if (r == 0)
		r = bench_rpc_remove(b, "bulk", e);
	if (r < 0)
		return r;
	row(o, "stdout through ReadStdout against raw vsock", "MB/s", BULK_BYTES / ours / 1e6,
	    BULK_BYTES / stream / 1e6);
	row(o, "  against 32 KiB blocks asked for one by one", "MB/s", BULK_BYTES / ours / 1e6,
	    BULK_BYTES / blocks / 1e6);
	row(o, "  the same blocks out of a pipe", "MB/s", BULK_BYTES / ours / 1e6,
	    BULK_BYTES / relay / 1e6);
	return 0;
}

static int memory(const struct opts *o, struct bench_rpc *b, struct err *e)
{
	uint64_t idle[3] = {0}, full[3] = {0};
	char id[16];
	int r = bench_raw_numbers(o->vsock, "rss\n", idle, e);

	for (unsigned i = 0; i < MANY && r == 0; i++) {
		(void)snprintf(id, sizeof(id), "many%u", i);
		r = bench_rpc_create(b, id, "/bin/sleep", NULL, e);
		if (r == 0)
			r = bench_rpc_start(b, id, e);
	}
	if (r == 0)
		r = bench_raw_numbers(o->vsock, "rss\n", full, e);
	for (unsigned i = 0; i < MANY && r == 0; i++) {
		(void)snprintf(id, sizeof(id), "many%u", i);
		r = bench_rpc_kill(b, id, e);
		if (r == 0)
			r = bench_rpc_remove(b, id, e);
	}
	if (r < 0)
		return r;
	row(o, "init, private memory, idle", "KiB", (double)idle[0] / 1024, 0);
	row(o, "agent, private memory, idle", "KiB", (double)idle[1] / 1024, 0);
	row(o, "agent, private memory, 100 containers", "KiB", (double)full[1] / 1024, 0);
	return 0;
}

static const struct part {
	const char *name;
	int (*fn)(const struct opts *o, struct bench_rpc *b, struct err *e);
} parts[] = {{"memory", memory},
	     {"calls", round_trips},
	     {"lives", lives},
	     {"execs", execs},
	     {"bulk", bulk}};

static int run_part(const char *name, const struct opts *o, struct bench_rpc *b, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (streq(name, parts[i].name))
			return parts[i].fn(o, b, e);
	return err_refuse(e, ERR_INVALID, "no part '%s'", name);
}

static int measure(const struct opts *o, struct err *e)
{
	struct bench_rpc *b = NULL;
	int r = bench_rpc_open(o->vsock, &b, e);

	if (r == 0)
		r = bench_rpc_sandbox(b, e);
	if (r == 0 && !o->json)
		(void)printf("%-46s %12s %12s %-8s %6s\n", "", "ours", "floor", "", "ratio");
	for (size_t i = 0; i < o->n_parts && r == 0; i++)
		r = run_part(o->parts[i], o, b, e);
	for (size_t i = 0; i < ARRAY_LEN(parts) && o->n_parts == 0 && r == 0; i++)
		r = parts[i].fn(o, b, e);
	if (r == 0)
		r = bench_rpc_destroy(b, e);
	bench_rpc_close(b);
	return r;
}

/* Prints the milliseconds until the agent answers its first Check. */
static int wait_ready(const struct opts *o, struct err *e)
{
	uint64_t start = bench_now_ns(), limit = start + 60000000000u;
	int r = -ETIMEDOUT;

	while (bench_now_ns() < limit) {
		struct timespec pause = {.tv_nsec = 2000000};
		struct bench_rpc *b = NULL;

		*e = (struct err){0};
		r = bench_rpc_open(o->vsock, &b, e);
		if (r == 0)
			r = bench_rpc_check(b, e);
		bench_rpc_close(b);
		if (r == 0)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (r == 0)
		(void)printf("%.1f\n", (double)(bench_now_ns() - start) / 1e6);
	return r;
}

int main(int argc, char **argv)
{
	struct opts o = {0};
	char text[ERR_TEXT_MAX];
	struct err e = {0};
	bool ready = false;

	for (int i = 1; i < argc; i++) {
		if (streq(argv[i], "--json"))
			o.json = true;
		else if (streq(argv[i], "--wait-ready"))
			ready = true;
		else if (strncmp(argv[i], "--part=", 7) == 0 && o.n_parts < PARTS_MAX)
			o.parts[o.n_parts++] = argv[i] + 7;
		else
			o.vsock = argv[i];
	}
	if (o.vsock == NULL || o.vsock[0] == '-') {
		(void)fprintf(stderr, "usage: pith-bench [--json] [--wait-ready]"
				      " [--part=memory|calls|lives|execs|bulk]... VSOCK-SOCKET\n");
		return 2;
	}
	if ((ready ? wait_ready(&o, &e) : measure(&o, &e)) < 0) {
		(void)fprintf(stderr, "pith-bench: %s\n", err_text(&e, text, sizeof(text)));
		return 1;
	}
	return 0;
}
