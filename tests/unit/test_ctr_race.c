/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A neighbour that shares a volume and swaps directories for links while containers are created
 * over them: whatever comes of the create, nothing appears outside the roots.
 */
#include "tests/unit/ctr_box.h"

#define ROUNDS 60

static char shared[160], outside[160];

static int make_place(void)
{
	char path[192];

	(void)snprintf(shared, sizeof(shared), "%s/shared", base);
	(void)snprintf(outside, sizeof(outside), "%s/outside", base);
	STEP(mkdir(shared, 0755) == 0 && mkdir(outside, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/a", shared);
	STEP(mkdir(path, 0755) == 0);
	return 0;
}

/* Exchanges the directory "a" with a link to @to as fast as it can, until killed. */
static pid_t swap_for_ever(const char *to)
{
	pid_t pid = fork();
	int dir;

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	dir = open(shared, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)symlinkat(to, dir, "link");
	for (;;) {
		/* RENAME_EXCHANGE: never a moment without either. */
		(void)renameat2(dir, "a", dir, "link", 2);
	}
}

static bool is_empty(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n == 2;
}

static int race(const char *to, void (*add)(struct box *b), int *ret_won, int *ret_failed)
{
	pid_t racer = swap_for_ever(to);
	int status;

	*ret_won = *ret_failed = 0;
	STEP(racer > 0);
	for (int i = 0; i < ROUNDS; i++) {
		box_init(&box, "true");
		add_mount(&box, "bind", shared, "/vol", STRV(&box.arena, "rbind", "rprivate"));
		add(&box);
		if (box_create(&box) < 0) {
			++*ret_failed;
			box_drop(&box);
		} else {
			++*ret_won;
			STEP(box_delete(&box));
		}
		STEP(is_empty(outside));
	}
	STEP(kill(racer, SIGKILL) == 0 && waitpid(racer, &status, 0) == racer);
	return 0;
}

static void over_missing(struct box *b)
{
	add_mount(b, "tmpfs", "tmpfs", "/vol/a/deep/er", STRV(&b->arena, "nosuid"));
}

static void over_existing(struct box *b)
{
	add_mount(b, "tmpfs", "tmpfs", "/vol/a", STRV(&b->arena, "nosuid", "mode=755"));
}

static int count_mounts(void)
{
	static char text[262144];
	ssize_t n = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text));
	int lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

CASE(a_swapped_parent_does_not_lead_creation_out)
{
	int mounts, won, failed;
	char to[192];

	STEP(make_place() == 0);
	mounts = count_mounts();
	(void)snprintf(to, sizeof(to), "../../../../../../../../..%s", outside);
	STEP(race(to, over_missing, &won, &failed) == 0);
	STEP(won + failed == ROUNDS && won > 0);
	STEP(count_mounts() == mounts);
	return 0;
}

CASE(a_swapped_target_does_not_lead_a_mount_out)
{
	int mounts, won, failed;

	STEP(make_place() == 0);
	mounts = count_mounts();
	STEP(race(outside, over_existing, &won, &failed) == 0);
	STEP(won + failed == ROUNDS && won > 0);
	STEP(count_mounts() == mounts);
	return 0;
}

CASE(a_swapped_magic_link_is_not_followed)
{
	int won, failed;

	STEP(make_place() == 0);
	STEP(race("/proc/self/root/../..", over_existing, &won, &failed) == 0);
	STEP(won + failed == ROUNDS);
	return 0;
}
