/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI seccomp → BPF through libseccomp, in the parent and before the clone; the child loads the
 * program with one raw system call. Compiled programs are cached by content.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct arena;
struct err;
struct ctr_seccomp;
struct sock_filter;

struct ctr_bpf {
	struct sock_filter *insns;
	size_t n;
	uint32_t flags; /* for seccomp(2) SECCOMP_SET_MODE_FILTER */
	bool has_notify;
	uint32_t refs;
};

/**
 * ctr_seccomp_check() - everything about the profile that can be wrong, by field
 * Return: 0, or -errno with ERR_INVALID naming the field.
 */
int ctr_seccomp_check(const struct ctr_seccomp *s, struct err *e) must_check;

/**
 * ctr_seccomp_compile() - checked profile to program, without the cache
 * @unknown: names libseccomp does not know are appended here, comma separated, at most @size-1 bytes; may be NULL
 * Owns: *ret is the caller's; ctr_bpf_unref.
 */
int ctr_seccomp_compile(const struct ctr_seccomp *s, char *unknown, size_t size,
			struct ctr_bpf **ret, struct err *e) must_check;

struct ctr_bpf *ctr_bpf_ref(struct ctr_bpf *b);
void ctr_bpf_unref(struct ctr_bpf *b);
/* A program from stored or received bytes (length a multiple of 8, at most 4096 instructions). */
int ctr_bpf_from_bytes(const void *p, size_t n, uint32_t flags, bool has_notify,
		       struct ctr_bpf **ret) must_check;

/* In-memory cache, LRU, 64 entries and 1 MiB, keyed by the canonical bytes of the profile. */
struct ctr_seccomp_cache;
int ctr_seccomp_cache_new(struct ctr_seccomp_cache **ret) must_check;
void ctr_seccomp_cache_free(struct ctr_seccomp_cache *c);
/* Return: a reference, or NULL on a miss. */
struct ctr_bpf *ctr_seccomp_cache_get(struct ctr_seccomp_cache *c, const struct ctr_seccomp *s);
int ctr_seccomp_cache_put(struct ctr_seccomp_cache *c, const struct ctr_seccomp *s,
			  struct ctr_bpf *b) must_check;

/**
 * ctr_seccomp_default() - the built-in profile: default action ERRNO, the well-known allow list
 * @caps: the bounding set of the process; opens the calls of each capability in it
 *
 * Owns: the profile lives in @a. Return: NULL when @a is full.
 */
struct ctr_seccomp *ctr_seccomp_default(uint64_t caps, struct arena *a) must_check;
