/* SPDX-License-Identifier: Apache-2.0 */
/* Maps and translates guest memory. Knows nothing of rings or messages. */
#include "vmm/bridge/mem.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/err.h"

static bool overlaps(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

static int check_region(const struct vsb_mem *m, const struct vsb_region_desc *d, size_t *ret_len,
			struct err *e)
{
	uint64_t end;

	if (m->n == VSB_REGIONS_MAX)
		return err_refuse(e, ERR_LIMIT, "more than %d memory regions", VSB_REGIONS_MAX);

	if (d->size == 0 || __builtin_add_overflow(d->gpa, d->size, &end) ||
	    __builtin_add_overflow(d->uva, d->size, &end) ||
	    __builtin_add_overflow(d->offset, d->size, &end) || end > SIZE_MAX)
		return err_refuse(e, ERR_INVALID, "memory region with impossible size");

	for (unsigned i = 0; i < m->n; i++) {
		const struct vsb_region *r = &m->r[i];

		if (overlaps(d->gpa, d->size, r->gpa, r->size) ||
		    overlaps(d->uva, d->size, r->uva, r->size))
			return err_refuse(e, ERR_INVALID, "memory regions overlap");
	}

	*ret_len = (size_t)end;
	return 0;
}

int vsb_mem_add(struct vsb_mem *m, const struct vsb_region_desc *d, int fd, struct err *e)
{
	struct stat st;
	size_t len;
	void *map;
	int r;

	r = check_region(m, d, &len, e);
	if (r < 0)
		return r;

	/* A mapping past the end of its file is a SIGBUS later on. */
	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "stat memory region");
	if (st.st_size < 0 || (uint64_t)st.st_size < len)
		return err_refuse(e, ERR_INVALID, "memory region reaches past its file");

	/* From offset 0: with huge pages only the whole file is sure to be aligned. */
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (map == MAP_FAILED)
		return err_set(e, -errno, "map memory region");

	m->r[m->n++] = (struct vsb_region){
		.gpa = d->gpa,
		.size = d->size,
		.uva = d->uva,
		.host = (uint8_t *)map + d->offset,
		.map = map,
		.map_len = len,
	};
	return 0;
}

int vsb_mem_del(struct vsb_mem *m, const struct vsb_region_desc *d, struct err *e)
{
	for (unsigned i = 0; i < m->n; i++) {
		struct vsb_region *r = &m->r[i];

		if (r->gpa != d->gpa || r->uva != d->uva || r->size != d->size)
			continue;
		(void)munmap(r->map, r->map_len);
		*r = m->r[--m->n];
		return 0;
	}
	return err_refuse(e, ERR_NOT_FOUND, "no such memory region");
}

void vsb_mem_clear(struct vsb_mem *m)
{
	for (unsigned i = 0; i < m->n; i++)
		(void)munmap(m->r[i].map, m->r[i].map_len);
	m->n = 0;
}

void *vsb_mem_gpa(const struct vsb_mem *m, uint64_t gpa, uint64_t len, uint64_t *ret_len)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct vsb_region *r = &m->r[i];
		uint64_t off = gpa - r->gpa;

		if (gpa < r->gpa || off >= r->size || len == 0)
			continue;
		*ret_len = MIN(len, r->size - off);
		return r->host + off;
	}
	return NULL;
}

void *vsb_mem_uva(const struct vsb_mem *m, uint64_t uva, uint64_t len)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct vsb_region *r = &m->r[i];
		uint64_t off = uva - r->uva;

		if (uva >= r->uva && off < r->size && len <= r->size - off)
			return r->host + off;
	}
	return NULL;
}
