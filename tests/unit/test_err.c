/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "tests/test.h"

TEST(set_returns_its_code_and_is_internal)
{
	struct err e = {0};

	CHECK_INT(err_set(&e, -ENOENT, "open '%s'", "/x"), -ENOENT);
	CHECK(e.kind == ERR_INTERNAL);
	CHECK_STR(e.msg, "open '/x'");
}

TEST(system_failure_prints_symbol_and_text)
{
	struct err e = {0};
	char buf[ERR_TEXT_MAX];

	CHECK_INT(err_set(&e, -ESRCH, "signal 7"), -ESRCH);
	CHECK_STR(err_text(&e, buf, sizeof(buf)), "signal 7: ESRCH: No such process");
}

TEST(system_failure_keeps_its_errno_text_when_a_kind_is_given_later)
{
	struct err e = {0};
	char buf[ERR_TEXT_MAX];

	CHECK_INT(err_set(&e, -ESRCH, "signal"), -ESRCH);
	e.kind = ERR_NOT_FOUND;
	CHECK_STR(err_text(&e, buf, sizeof(buf)), "signal: ESRCH: No such process");
}

TEST(unknown_errno_prints_as_a_number)
{
	struct err e = {0};
	char buf[ERR_TEXT_MAX];

	CHECK_INT(err_set(&e, -4000, "odd"), -4000);
	CHECK_STR(err_text(&e, buf, sizeof(buf)), "odd: errno 4000");
}

TEST(refusal_prints_no_errno_text)
{
	struct err e = {0};
	char buf[ERR_TEXT_MAX];

	CHECK_INT(err_refuse(&e, ERR_NOT_FOUND, "no such container"), -ENOENT);
	CHECK_STR(err_text(&e, buf, sizeof(buf)), "no such container");
}

TEST(every_refusal_kind_has_a_negative_code)
{
	struct err e = {0};

	for (int k = ERR_INTERNAL; k <= ERR_UNAVAILABLE; k++) {
		CHECK(err_refuse(&e, (enum err_kind)k, "x") < 0);
		CHECK(e.kind == (enum err_kind)k);
	}
}

TEST(wrap_puts_the_context_in_front)
{
	struct err e = {0};

	CHECK_INT(err_refuse(&e, ERR_INVALID, "cause"), -EINVAL);
	CHECK_INT(err_wrap(&e, "create '%s'", "c1"), -EINVAL);
	CHECK_STR(e.msg, "create 'c1': cause");
}

TEST(wrap_keeps_the_cause_when_the_context_is_too_long)
{
	struct err e = {0};
	char longer[2 * ERR_MSG_MAX];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CHECK_INT(err_set(&e, -EIO, "the cause"), -EIO);
	CHECK_INT(err_wrap(&e, "%s", longer), -EIO);
	CHECK(strlen(e.msg) == ERR_MSG_MAX - 1);
	CHECK(str_ends(e.msg, "x: the cause"));
}

TEST(wrap_of_a_full_message_changes_nothing)
{
	struct err e = {0};
	char full[ERR_MSG_MAX];

	memset(full, 'c', sizeof(full) - 1);
	full[sizeof(full) - 1] = '\0';
	CHECK_INT(err_set(&e, -EIO, "%s", full), -EIO);
	CHECK_INT(err_wrap(&e, "context"), -EIO);
	CHECK_STR(e.msg, full);
}

TEST(a_cut_message_stays_valid_utf8)
{
	struct err e = {0};
	char text[2 * ERR_MSG_MAX] = "";

	for (int shift = 0; shift < 4; shift++) {
		size_t n = (size_t)shift;

		memset(text, 'a', n);
		for (; n + 3 < sizeof(text); n += 3)
			memcpy(text + n, "\xe2\x82\xac", 3);
		text[n] = '\0';
		CHECK_INT(err_set(&e, -EIO, "%s", text), -EIO);
		CHECK(strlen(e.msg) > ERR_MSG_MAX - 5);
		CHECK(str_is_utf8(e.msg, strlen(e.msg)));
		CHECK_INT(err_wrap(&e, "ctx"), -EIO);
		CHECK(str_is_utf8(e.msg, strlen(e.msg)));
	}
}

TEST(first_error_wins)
{
	CHECK_INT(err_first(-EIO, -EPERM), -EIO);
	CHECK_INT(err_first(0, -EPERM), -EPERM);
	CHECK_INT(err_first(0, 0), 0);
}
