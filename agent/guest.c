/* SPDX-License-Identifier: Apache-2.0 */
/* Processors, memory blocks, clock and random pool of the guest. Knows no call and no container. */
#include "agent/guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/random.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"

#define CPU_RETRY_MS 50

/* NR_CPUS of the largest x86-64 configuration of the kernel. */
#define CPUS_MAX 8192

/* "cpu12" but not "cpufreq". */
static bool is_numbered(const char *name, const char *prefix)
{
	uint32_t n;

	return str_starts(name, prefix) && parse_u32(name + strlen(prefix), &n) == 0;
}

/* Writes 1 to <dir>/<prefix>N/online where it reads 0, at most @max times. */
static void switch_on(const char *dir, const char *prefix, uint32_t max)
{
	cleanup_closedir DIR *d = opendir(dir);
	const struct dirent *entry;

	if (d == NULL)
		return;
	while (max > 0 && (entry = readdir(d)) != NULL) {
		char path[NAME_MAX + sizeof("/online")], text[8];

		if (!is_numbered(entry->d_name, prefix))
			continue;
		(void)snprintf(path, sizeof(path), "%s/online", entry->d_name);
		if (fd_read_line(dirfd(d), path, text, sizeof(text)) <= 0 || !streq(text, "0"))
			continue;
		/* A block that holds pinned pages may refuse; the count afterwards is what matters. */
		if (fd_write_str(dirfd(d), path, "1") == 0)
			max--;
	}
}

int guest_cpus_text(const char *sysfs, char text[static GUEST_CPUS_TEXT], struct err *e)
{
	char path[PATH_MAX / 4];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/devices/system/cpu/online", sysfs);
	n = fd_read_line(AT_FDCWD, path, text, GUEST_CPUS_TEXT);
	return n < 0 ? err_set(e, (int)n, "read '%s'", path) : 0;
}

static int cpus_count(const char *sysfs, uint32_t *ret, struct err *e)
{
	uint64_t bits[CPUS_MAX / 64] = {0};
	char text[GUEST_CPUS_TEXT];
	unsigned count;
	int r;

	r = guest_cpus_text(sysfs, text, e);
	if (r < 0)
		return r;
	r = parse_cpulist(text, bits, CPUS_MAX, &count);
	if (r < 0)
		return err_set(e, r, "list of online processors");
	*ret = count;
	return 0;
}

int guest_cpus_online(const char *sysfs, uint32_t total, unsigned tries, struct err *e)
{
	uint32_t online = 0;
	char dir[PATH_MAX / 4];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/devices/system/cpu", sysfs);
	for (unsigned i = 0; i < tries; i++) {
		if (i > 0)
			(void)poll(NULL, 0, CPU_RETRY_MS);
		r = cpus_count(sysfs, &online, e);
		if (r < 0)
			return r;
		if (online < total) {
			switch_on(dir, "cpu", total - online);
			r = cpus_count(sysfs, &online, e);
			if (r < 0)
				return r;
		}
		if (online >= total)
			return 0;
	}
	return err_refuse(e, ERR_INTERNAL, "failed to online %u CPU(s) after %u retries", total,
			  tries);
}

void guest_memory_online(const char *sysfs)
{
	char dir[PATH_MAX / 4];

	(void)snprintf(dir, sizeof(dir), "%s/devices/system/memory", sysfs);
	switch_on(dir, "memory", UINT32_MAX);
}

int guest_memory_probe(const char *sysfs, const uint64_t *addresses, size_t n, struct err *e)
{
	char path[PATH_MAX / 4], text[sizeof("0x") + 16];
	int r;

	(void)snprintf(path, sizeof(path), "%s/devices/system/memory/probe", sysfs);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(text, sizeof(text), "0x%" PRIX64, addresses[i]);
		r = fd_write_str(AT_FDCWD, path, text);
		if (r < 0)
			return err_set(e, r, "probe memory at %s", text);
	}
	return 0;
}

int guest_memory_block_size(const char *sysfs, uint64_t *ret, struct err *e)
{
	char path[PATH_MAX / 4], text[32];
	uint64_t size;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/devices/system/memory/block_size_bytes", sysfs);
	n = fd_read_line(AT_FDCWD, path, text, sizeof(text));
	if (n == -ENOENT) {
		*ret = 0;
		return 0;
	}
	if (n < 0)
		return err_set(e, (int)n, "read '%s'", path);
	if (parse_hex64(text, &size) < 0)
		return err_set(e, -EINVAL, "memory block size '%s'", text);
	*ret = size;
	return 0;
}

bool guest_has_memory_probe(const char *sysfs)
{
	char path[PATH_MAX / 4];

	(void)snprintf(path, sizeof(path), "%s/devices/system/memory/probe", sysfs);
	return access(path, F_OK) == 0;
}

int guest_clock_set(int64_t sec, int64_t usec, struct err *e)
{
	struct timespec ts = {.tv_sec = sec, .tv_nsec = usec * 1000};

	if (usec < 0 || usec > 999999 || sec < 0)
		return err_refuse(e, ERR_INVALID, "time %" PRId64 " s %" PRId64 " us", sec, usec);
	if (clock_settime(CLOCK_REALTIME, &ts) < 0)
		return err_set(e, -errno, "set the clock");
	return 0;
}

int guest_random_reseed(const void *data, size_t n, struct err *e)
{
	cleanup_free struct rand_pool_info *pool = NULL;
	cleanup_close int fd = -EBADF;

	if (n == 0)
		return err_refuse(e, ERR_INVALID, "missing entropy data");
	if (n > INT_MAX / 2)
		return err_refuse(e, ERR_LIMIT, "entropy data of %zu bytes", n);
	pool = malloc(sizeof(*pool) + n);
	if (pool == NULL)
		return err_set(e, -ENOMEM, "entropy data");

	/* The host may know these bytes, so an eighth of them is counted, as Kata's agent does. */
	pool->entropy_count = (int)n;
	pool->buf_size = (int)n;
	memcpy(pool->buf, data, n);

	fd = open("/dev/random", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(e, -errno, "open /dev/random");
	if (ioctl(fd, RNDADDENTROPY, pool) < 0)
		return err_set(e, -errno, "add entropy");
	if (ioctl(fd, RNDRESEEDCRNG) < 0)
		return err_set(e, -errno, "reseed the random generator");
	return 0;
}
