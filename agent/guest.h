/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest itself: processors and memory that were plugged, its clock, its random pool. Functions
 * that write to sysfs wait for the kernel: workers call them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;

#define GUEST_CPUS_TEXT 4096

/* The processors that are online, as "0-3,7". */
int guest_cpus_text(const char *sysfs, char text[static GUEST_CPUS_TEXT], struct err *e) must_check;

/**
 * guest_cpus_online() - at least @total processors online
 * @tries: how often to look, 50 ms apart; plugged processors appear one by one
 *
 * Return: 0, or negative errno: "failed to online <total> CPU(s) after <tries> retries".
 */
int guest_cpus_online(const char *sysfs, uint32_t total, unsigned tries, struct err *e) must_check;

/* Brings every offline memory block online; blocks that refuse are left. */
void guest_memory_online(const char *sysfs);

/* Tells the kernel of memory at these addresses, for machines without ACPI. Stops at the first failure. */
int guest_memory_probe(const char *sysfs, const uint64_t *addresses, size_t n,
		       struct err *e) must_check;

/* Bytes of one block that can be plugged; 0 when the kernel cannot plug memory. */
int guest_memory_block_size(const char *sysfs, uint64_t *ret, struct err *e) must_check;
bool guest_has_memory_probe(const char *sysfs);

/* Wall clock. @usec: 0..999999, else -EINVAL (ERR_INVALID). */
int guest_clock_set(int64_t sec, int64_t usec, struct err *e) must_check;

/* Mixes bytes into the kernel's random pool, credits one bit for each byte, and reseeds. */
int guest_random_reseed(const void *data, size_t n, struct err *e) must_check;
