/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent holds and leaves: mounts, run directory, cgroups, fds, children. */
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "tests/rpc/rpc.h"

static struct str *out;

static void add_file(const char *path)
{
	char line[4096];
	FILE *f = fopen(path, "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strstr(line, world.dir) != NULL)
			(void)str_addf(out, "mount %s", line);
	}
	if (f != NULL)
		(void)fclose(f);
}

static int add_dir(const char *path, unused_arg const struct stat *st, unused_arg int type,
		   unused_arg struct FTW *ftw)
{
	(void)str_addf(out, "path %s\n", path);
	return 0;
}

static int add_group(const char *path, unused_arg const struct stat *st, int type,
		     unused_arg struct FTW *ftw)
{
	if (type == FTW_D && strstr(path, world.cgroup) != NULL)
		(void)str_addf(out, "cgroup %s\n", path);
	return 0;
}

static unsigned count_dir(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

unsigned agent_fds(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)world.agent);
	return count_dir(path);
}

static void add_children(void)
{
	char path[64], text[4096] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)world.agent,
		       (int)world.agent);
	f = fopen(path, "re");
	if (f != NULL && fgets(text, sizeof(text), f) != NULL)
		(void)str_addf(out, "children %s\n", text);
	if (f != NULL)
		(void)fclose(f);
}

char *traces(void)
{
	struct str text = STR_INIT(1u << 20);
	char path[64];

	out = &text;
	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)world.agent);
	add_file(path);
	(void)nftw(world.run_dir, add_dir, 16, FTW_PHYS);
	(void)nftw("/sys/fs/cgroup", add_group, 16, FTW_PHYS);
	(void)str_addf(&text, "fds %u\n", agent_fds());
	add_children();
	CHECK(str_check(&text) == 0);
	return str_take(&text);
}

static unsigned long fds_of(const char *text)
{
	const char *p = strstr(text, "fds ");

	return p != NULL ? strtoul(p + 4, NULL, 10) : 0;
}

/* What was there before may be gone: a worker of an earlier test, say. */
static unsigned count_new(const char *before, const char *after, bool show)
{
	struct slice rest = slice_of(after), line;
	unsigned n = 0;

	while (slice_cut(&rest, '\n', &line)) {
		char text[4200];

		(void)snprintf(text, sizeof(text), "%.*s\n", (int)line.n, line.p);
		if (line.n == 0 || strstr(before, text) != NULL ||
		    (str_starts(text, "fds ") && fds_of(after) <= fds_of(before)))
			continue;
		n++;
		if (show)
			print_message("# left: %s", text);
	}
	return n;
}

void traces_return_to(char *before)
{
	char *after = NULL;

	/* A worker that has reported needs a moment to die. */
	for (int i = 0; i < 100; i++) {
		free(after);
		after = traces();
		if (count_new(before, after, false) == 0)
			break;
		loop_for(20);
	}
	CHECK(count_new(before, after, true) == 0);
	free(before);
	free(after);
}
