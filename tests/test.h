/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unit test harness: TEST(sentence_it_proves) { CHECK(...); } registers itself; test_main.c runs
 * all of a program as one cmocka group and prints TAP. One property for each test.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void test_register(const char *name, void (*fn)(void **state));
_Noreturn void test_fail(const char *expr, const char *file, int line);
_Noreturn void test_skip(const char *file, int line);

#define TEST(name)                                                                                 \
	static void name(void **state);                                                            \
	__attribute__((constructor)) static void register_##name(void)                             \
	{                                                                                          \
		test_register(#name, name);                                                        \
	}                                                                                          \
	static void name(__attribute__((unused)) void **state)

/* In the process of the test only: in a forked child use _exit with a code that the parent checks. */
#define CHECK(expr)     ((expr) ? (void)0 : test_fail(#expr, __FILE__, __LINE__))
#define CHECK_INT(a, b) assert_int_equal(a, b)
#define CHECK_STR(a, b) assert_string_equal(a, b)

/* Leaves the test as skipped; the reason is counted and shown. */
#define SKIP(...)                                                                                  \
	do {                                                                                       \
		print_message("# skipped: " __VA_ARGS__);                                          \
		print_message("\n");                                                               \
		test_skip(__FILE__, __LINE__);                                                     \
	} while (0)
