/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte ring in a memfd: made with the first byte, so that a quiet stream costs nothing, and in a
 * file, so that another process of ours can take it over. Positions live in the file's first page.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define RING_SIZE (256u << 10) /* a power of two */

struct ring_head {
	uint64_t magic;
	uint64_t size;
	uint64_t read, written; /* bytes ever; the difference is what is inside */
};

struct ring {
	int fd; /* -EBADF: not made yet */
	struct ring_head *head;
	char *data;
	uint64_t touched; /* bytes of the file that hold memory, about */
};

#define RING_INIT ((struct ring){.fd = -EBADF})

void ring_done(struct ring *r);
size_t ring_used(const struct ring *r);
size_t ring_room(const struct ring *r);
/* One read(2) of at most what fits. Return: bytes, 0 at end of file, -EAGAIN, -ENOBUFS when full, or -errno. */
ssize_t ring_fill(struct ring *r, int fd, size_t max) must_check;
/* The oldest bytes in one piece, left where they are. Return: how many; the rest follows a drop. */
size_t ring_peek(const struct ring *r, const void **ret);
/* Forgets the oldest @n bytes. */
void ring_drop(struct ring *r, size_t n);
/* Whether the ring is empty and holds memory worth giving back; and does it. */
bool ring_can_trim(const struct ring *r);
void ring_trim(struct ring *r);
