/* SPDX-License-Identifier: Apache-2.0 */
/* The boot timeline in a shared memfd. One writer at a time: init until it starts the agent, then the agent. */
#include "base/timeline.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "base/str.h"

#define TIMELINE_MAGIC 0x50544c31 /* "PTL1" */

/* Return: NULL and errno. */
static struct timeline *map_shared(int fd)
{
	void *p = mmap(NULL, sizeof(struct timeline), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p != MAP_FAILED ? p : NULL;
}

int timeline_new(struct timeline **ret, int *ret_fd)
{
	cleanup_close int fd = memfd_create("timeline", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct timeline *t;

	if (fd < 0 || ftruncate(fd, sizeof(struct timeline)) < 0)
		return -errno;
	/* A peer that truncated the file would turn our reads into SIGBUS. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	t = map_shared(fd);
	if (t == NULL)
		return -errno;
	t->magic = TIMELINE_MAGIC;
	*ret = t;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int timeline_map(int fd, struct timeline **ret)
{
	struct timeline *t;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != sizeof(struct timeline))
		return -EPROTO;
	t = map_shared(fd);
	if (t == NULL)
		return -errno;
	if (t->magic != TIMELINE_MAGIC) {
		timeline_unmap(t);
		return -EPROTO;
	}
	*ret = t;
	return 0;
}

void timeline_unmap(struct timeline *t)
{
	if (t != NULL)
		(void)munmap(t, sizeof(*t));
}

void timeline_mark(struct timeline *t, const char *name)
{
	struct timespec ts;
	size_t n;

	if (t == NULL)
		return;
	n = timeline_count(t);
	if (n == TIMELINE_MAX || clock_gettime(CLOCK_BOOTTIME, &ts) < 0)
		return;
	t->entry[n].ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	(void)str_copy(t->entry[n].name, sizeof(t->entry[n].name), name);
	t->n = (uint32_t)n + 1;
}

size_t timeline_count(const struct timeline *t)
{
	uint32_t n = t->n;

	return n > TIMELINE_MAX ? TIMELINE_MAX : n;
}
