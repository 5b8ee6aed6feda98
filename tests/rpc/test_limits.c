/* SPDX-License-Identifier: Apache-2.0 */
/* What many containers cost, and that it is given back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/rpc/rpc.h"

#define MANY      100
#define SLACK_KIB 1024 /* caches of the allocator and of compiled profiles */

/* The sanitizer's own memory says nothing about ours. */
#ifdef __SANITIZE_ADDRESS__
#	define IS_SANITIZED true
#else
#	define IS_SANITIZED false
#endif

/* Memory that only the agent's death gives back, in KiB; its code is not counted. */
static unsigned long private_kib(void)
{
	unsigned long total = 0;
	char path[64], line[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)world.agent);
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Private_Dirty:", 14) == 0)
			total += strtoul(line + 14, NULL, 10);
	}
	(void)fclose(f);
	return total;
}

TEST(hundred_containers_run_at_once_and_give_everything_back)
{
	unsigned long before = 0, full;
	char *start;

	/* What the agent opens once and keeps is there before anything is counted. */
	run_container("crowd-first", "exit 0");
	EXPECT(remove_container("crowd-first", 10), 0);
	start = traces();
	/* While a worker of an earlier test lives, it shares most of the pages. */
	for (int i = 0; i < 20; i++) {
		before = MAX(before, private_kib());
		loop_for(10);
	}
	for (int i = 0; i < MANY; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "crowd-%d", i);
		run_container(id, "echo up; exec sleep 1000");
	}
	full = private_kib();
	for (int i = 0; i < MANY; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "crowd-%d", i);
		EXPECT(remove_container(id, 10), 0);
	}
	traces_return_to(start);
	for (int i = 0; i < 100 && private_kib() > before + SLACK_KIB; i++)
		loop_for(20);
	print_message(
		"# private memory: %lu KiB before, %lu KiB with %d containers, %lu KiB after\n",
		before, full, MANY, private_kib());
	CHECK(IS_SANITIZED || full <= 8192);
	CHECK(IS_SANITIZED || private_kib() <= before + SLACK_KIB);
}
