/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot timeline: named moments in CLOCK_BOOTTIME in a small shared memfd, written by init and
 * the agent, read by whoever shows it. The clock starts with the kernel, so the stamps add up to
 * the whole boot.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define TIMELINE_MAX      64
#define TIMELINE_NAME_MAX 24

struct timeline_entry {
	uint64_t ns; /* CLOCK_BOOTTIME */
	char name[TIMELINE_NAME_MAX];
};

struct timeline {
	uint32_t magic;
	uint32_t n; /* entries written; never above TIMELINE_MAX */
	struct timeline_entry entry[TIMELINE_MAX];
};

/* A fresh shared timeline. Owns: *ret_fd is the caller's; *ret is mapped until timeline_unmap. Return: 0 or -errno. */
int timeline_new(struct timeline **ret, int *ret_fd) must_check;
/* Maps one that another process made. Borrows @fd. Return: 0, -EPROTO when it is none, or -errno. */
int timeline_map(int fd, struct timeline **ret) must_check;
void timeline_unmap(struct timeline *t);
/* Stamps now. A full or absent (NULL) timeline ignores it. */
void timeline_mark(struct timeline *t, const char *name);
/* Entries that are safe to read, whatever another process wrote into n. */
size_t timeline_count(const struct timeline *t);
