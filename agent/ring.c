/* SPDX-License-Identifier: Apache-2.0 */
/* The ring file: one page of positions, then the bytes. */
#include "agent/ring.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "base/fd.h"

#define RING_MAGIC UINT64_C(0x676e69722d707468)
#define HEAD_SIZE  4096u
#define KEEP_BYTES (64u << 10) /* an empty ring gives memory back only above this */

static int ring_make(struct ring *r)
{
	cleanup_close int fd = memfd_create("pith-output", MFD_CLOEXEC);
	void *p;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, HEAD_SIZE + RING_SIZE) < 0)
		return -errno;
	p = mmap(NULL, HEAD_SIZE + RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->head = p;
	r->data = (char *)p + HEAD_SIZE;
	r->head->magic = RING_MAGIC;
	r->head->size = RING_SIZE;
	r->touched = 0;
	r->fd = TAKE_FD(fd);
	return 0;
}

void ring_done(struct ring *r)
{
	if (r->head != NULL)
		(void)munmap(r->head, HEAD_SIZE + RING_SIZE);
	fd_close(r->fd);
	*r = RING_INIT;
}

size_t ring_used(const struct ring *r)
{
	return r->head != NULL ? (size_t)(r->head->written - r->head->read) : 0;
}

size_t ring_room(const struct ring *r)
{
	return RING_SIZE - ring_used(r);
}

ssize_t ring_fill(struct ring *r, int fd, size_t max)
{
	size_t room = MIN(ring_room(r), max);
	size_t at, first;
	struct iovec v[2];
	ssize_t n;

	if (room == 0)
		return -ENOBUFS;
	if (r->head == NULL) {
		int err = ring_make(r);

		if (err < 0)
			return err;
	}
	at = (size_t)(r->head->written & (RING_SIZE - 1));
	first = MIN(room, RING_SIZE - at);
	v[0] = (struct iovec){r->data + at, first};
	v[1] = (struct iovec){r->data, room - first};
	do
		n = readv(fd, v, 2);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->head->written += (uint64_t)n;
	/* What wraps has been everywhere. */
	r->touched = MAX(r->touched, MIN((uint64_t)at + (uint64_t)n, (uint64_t)RING_SIZE));
	return n;
}

bool ring_can_trim(const struct ring *r)
{
	return ring_used(r) == 0 && r->touched > KEEP_BYTES;
}

void ring_trim(struct ring *r)
{
	if (ring_can_trim(r) && madvise(r->data, RING_SIZE, MADV_REMOVE) == 0)
		r->touched = 0;
}

size_t ring_peek(const struct ring *r, const void **ret)
{
	size_t at;

	if (r->head == NULL)
		return 0;
	at = (size_t)(r->head->read & (RING_SIZE - 1));
	*ret = r->data + at;
	return MIN(ring_used(r), RING_SIZE - at);
}

void ring_drop(struct ring *r, size_t n)
{
	r->head->read += MIN(n, ring_used(r));
	/* Start over at the front, so that a quiet stream keeps reusing the same pages. */
	if (r->head->read == r->head->written)
		r->head->read = r->head->written = 0;
}
