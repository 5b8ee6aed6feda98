/* SPDX-License-Identifier: Apache-2.0 */
/* main of every unit test program: runs what TEST() registered, in the order of the file. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TESTS_MAX  512
#define DEADLINE_S 120

static struct CMUnitTest tests[TESTS_MAX];
static size_t n_tests;

void test_register(const char *name, void (*fn)(void **state))
{
	if (n_tests == TESTS_MAX) {
		(void)fprintf(stderr, "more than %d tests in one program\n", TESTS_MAX);
		exit(1);
	}
	tests[n_tests++] = (struct CMUnitTest){.name = name, .test_func = fn};
}

void test_fail(const char *expr, const char *file, int line)
{
	_assert_true(0, expr, file, line);
	abort();
}

void test_skip(const char *file, int line)
{
	_skip(file, line);
	abort();
}

int main(void)
{
	/* A test that hangs dies and is counted as failed. */
	(void)alarm(DEADLINE_S);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	/* The macro form would count the array, not the tests. */
	return _cmocka_run_group_tests("unit", tests, n_tests, NULL, NULL) != 0;
}
