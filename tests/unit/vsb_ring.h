/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest driver in miniature for the tests and fuzz targets of the bridge: one memory region in a
 * memfd with two rings and a page for every descriptor.
 */
#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/fd.h"
#include "vmm/bridge/vhost_user.h"

#define G_NUM   8U
#define G_SIZE  (1U << 20)
#define G_UVA   0x7f0000000000ULL
#define G_RING  0x4000U /* bytes for each ring's three parts */
#define G_BUFS  0x10000U
#define G_BUF   0x2000U
#define G_AVAIL 0x1000U
#define G_USED  0x2000U

struct g_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct g_ring16 {
	uint16_t flags, idx, ring[G_NUM];
};

struct g_used {
	uint16_t flags, idx;
	struct {
		uint32_t id, len;
	} ring[G_NUM];
};

struct guest {
	int fd;
	uint8_t *p;
	uint16_t seen[VSB_RINGS];
};

static inline struct g_desc *g_desc(const struct guest *g, unsigned ring)
{
	return (struct g_desc *)(void *)(g->p + ring * G_RING);
}

static inline struct g_ring16 *g_avail(const struct guest *g, unsigned ring)
{
	return (struct g_ring16 *)(void *)(g->p + ring * G_RING + G_AVAIL);
}

static inline struct g_used *g_used(const struct guest *g, unsigned ring)
{
	return (struct g_used *)(void *)(g->p + ring * G_RING + G_USED);
}

/* The page of descriptor @i of a ring. */
static inline uint8_t *g_buf(const struct guest *g, unsigned ring, unsigned i)
{
	return g->p + G_BUFS + (ring * G_NUM + i) * G_BUF;
}

static inline int g_open(struct guest *g)
{
	*g = (struct guest){.fd = memfd_create("guest", MFD_CLOEXEC)};
	if (g->fd < 0 || ftruncate(g->fd, G_SIZE) < 0)
		return -errno;
	g->p = mmap(NULL, G_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd, 0);
	return g->p == MAP_FAILED ? -errno : 0;
}

static inline void g_close(struct guest *g)
{
	(void)munmap(g->p, G_SIZE);
	g->fd = fd_close(g->fd);
}

/* Offers descriptor @i, @len bytes of its page, to the device. */
static inline void g_offer(struct guest *g, unsigned ring, unsigned i, uint32_t len, uint16_t flags)
{
	struct g_ring16 *a = g_avail(g, ring);

	g_desc(g, ring)[i] = (struct g_desc){
		.addr = (uint64_t)(g_buf(g, ring, i) - g->p), .len = len, .flags = flags};
	a->ring[a->idx % G_NUM] = (uint16_t)i;
	a->idx++;
}

static inline int g_send(struct vsb_vu *vu, uint32_t request, const void *payload, uint32_t size,
			 int fd, struct vsb_vu_msg *ret)
{
	struct err e = {0};

	*ret = (struct vsb_vu_msg){.request = request, .flags = 1, .size = size};
	if (size > 0)
		memcpy(ret->payload, payload, size);
	if (fd >= 0)
		ret->fds[ret->n_fds++] = fd;
	return vsb_vu_handle(vu, ret, &e);
}

static inline int g_send_ring(struct vsb_vu *vu, uint32_t request, uint32_t ring, uint32_t value)
{
	const uint32_t state[2] = {ring, value};
	struct vsb_vu_msg m;

	return g_send(vu, request, state, sizeof(state), -1, &m);
}

/* Shares the memory and starts both rings, as QEMU does. Return: 0, or the first failure. */
static inline int g_start(struct guest *g, struct vsb_vu *vu, uint32_t base)
{
	const uint64_t region[5] = {0, 0, G_SIZE, G_UVA, 0};
	struct vsb_vu_msg m;
	int r = g_send(vu, 37, region, sizeof(region), dup(g->fd), &m);

	for (uint32_t i = 0; r == 0 && i < VSB_RINGS; i++) {
		const uint64_t at = G_UVA + i * G_RING, index = i;
		const uint64_t addr[5] = {i, at, at + G_USED, at + G_AVAIL, 0};

		r = g_send_ring(vu, 8, i, G_NUM);
		if (r == 0)
			r = g_send_ring(vu, 10, i, base);
		if (r == 0)
			r = g_send(vu, 9, addr, sizeof(addr), -1, &m);
		if (r == 0)
			r = g_send(vu, 13, &index, 8, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), &m);
		if (r == 0)
			r = g_send(vu, 12, &index, 8, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), &m);
	}
	for (uint32_t i = 0; r == 0 && i < VSB_RINGS; i++)
		r = g_send_ring(vu, 18, i, 1);
	return r;
}
