/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's memory as QEMU shares it: regions of mapped fds, found by guest physical or by QEMU
 * virtual address. Every pointer handed out is bounds checked and dies with the next table change.
 */
#pragma once

#include <stdint.h>
#include <sys/uio.h>

#include "base/cleanup.h"

struct err;

#define VSB_REGIONS_MAX 64

/* One region as the message describes it. */
struct vsb_region_desc {
	uint64_t gpa, size, uva, offset;
};

struct vsb_region {
	uint64_t gpa, size, uva;
	uint8_t *host; /* where gpa is mapped here */
	void *map;
	size_t map_len;
};

struct vsb_mem {
	struct vsb_region r[VSB_REGIONS_MAX];
	unsigned n;
};

/**
 * vsb_mem_add() - map one region
 * @fd: borrowed; the mapping outlives it
 *
 * Return: 0, or negative errno (ERR_INVALID for sizes that overflow, overlap another region or reach
 *         past the end of the file).
 */
int vsb_mem_add(struct vsb_mem *m, const struct vsb_region_desc *d, int fd,
		struct err *e) must_check;

/* Unmaps the region with exactly this place and size. Return: 0 or -ENOENT. */
int vsb_mem_del(struct vsb_mem *m, const struct vsb_region_desc *d, struct err *e) must_check;

/* Unmaps everything; twice is fine. */
void vsb_mem_clear(struct vsb_mem *m);

/* The part of [@gpa, @gpa + @len) that lies in one region. Return: pointer and *@ret_len >= 1, or NULL. */
void *vsb_mem_gpa(const struct vsb_mem *m, uint64_t gpa, uint64_t len, uint64_t *ret_len);

/* All of [@uva, @uva + @len), in one region. Return: pointer or NULL. */
void *vsb_mem_uva(const struct vsb_mem *m, uint64_t uva, uint64_t len);
