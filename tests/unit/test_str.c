/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "tests/test.h"
#include "tests/torture.h"

TEST(an_empty_string_has_text)
{
	struct str s = STR_INIT(10);

	CHECK_STR(str_text(&s), "");
	CHECK(str_check(&s) == 0);
}

TEST(appends_join)
{
	cleanup_str struct str s = STR_INIT(100);

	CHECK(str_add(&s, "a") == 0 && str_add_char(&s, 'b') == 0);
	CHECK(str_add_n(&s, "cde", 2) == 0 && str_addf(&s, "%d", 42) == 0);
	CHECK_STR(str_text(&s), "abcd42");
	CHECK(s.n == 6);
}

TEST(length_may_reach_the_maximum_and_not_pass_it)
{
	cleanup_str struct str s = STR_INIT(4);

	CHECK(str_add(&s, "1234") == 0);
	CHECK(str_add_char(&s, '5') == -ENOBUFS);
	CHECK_STR(str_text(&s), "1234");
	CHECK(str_check(&s) == -ENOBUFS);
}

TEST(a_failed_string_takes_nothing_more_until_cleared)
{
	cleanup_str struct str s = STR_INIT(4);

	CHECK(str_addf(&s, "%s", "12345") == -ENOBUFS);
	CHECK(str_add(&s, "x") == -ENOBUFS);
	str_clear(&s);
	CHECK(str_add(&s, "x") == 0);
	CHECK_STR(str_text(&s), "x");
}

TEST(take_hands_over_the_text_and_empties)
{
	struct str s = STR_INIT(10);
	cleanup_free char *p = NULL;

	CHECK(str_add(&s, "abc") == 0);
	p = str_take(&s);
	CHECK_STR(p, "abc");
	CHECK(s.p == NULL && s.n == 0);
}

TEST(take_of_a_failed_string_is_null)
{
	struct str s = STR_INIT(1);

	CHECK(str_add(&s, "abc") < 0);
	CHECK(str_take(&s) == NULL);
}

TEST(take_of_an_untouched_string_is_an_empty_one)
{
	struct str s = STR_INIT(1);
	cleanup_free char *p = str_take(&s);

	CHECK_STR(p, "");
}

TEST(a_fixed_string_stays_in_its_array)
{
	char buf[5];
	struct str s = STR_FIXED(buf);

	CHECK(str_add(&s, "1234") == 0);
	CHECK(s.p == buf);
	CHECK(str_add(&s, "5") == -ENOBUFS);
	CHECK_STR(buf, "1234");
}

TEST(json_escapes_quotes_backslashes_and_control_bytes)
{
	cleanup_str struct str s = STR_INIT(100);

	CHECK(str_add_json(&s, "a\"\\\n\t\x01z\x7f", 8) == 0);
	CHECK_STR(str_text(&s), "a\\\"\\\\\\n\\t\\u0001z\x7f");
}

TEST(json_keeps_nul_bytes_as_escapes)
{
	cleanup_str struct str s = STR_INIT(100);

	CHECK(str_add_json(&s, "a\0b", 3) == 0);
	CHECK_STR(str_text(&s), "a\\u0000b");
}

TEST(json_replaces_what_is_not_utf8)
{
	cleanup_str struct str s = STR_INIT(100);

	CHECK(str_add_json(&s, "\xe2\x82\xac\xff\xe2\x82", 6) == 0);
	CHECK_STR(str_text(&s), "\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(json_that_does_not_fit_leaves_no_part)
{
	cleanup_str struct str s = STR_INIT(4);

	CHECK(str_add(&s, "ab") == 0);
	CHECK(str_add_json(&s, "c\n\n", 3) == -ENOBUFS);
	CHECK_STR(str_text(&s), "ab");
}

TEST(starts_and_ends_compare_whole_affixes)
{
	CHECK(str_starts("abc", "ab") && !str_starts("a", "ab") && str_starts("a", ""));
	CHECK(str_ends("abc", "bc") && !str_ends("c", "bc") && str_ends("a", ""));
}

TEST(copy_says_when_it_cuts)
{
	char buf[4];

	CHECK(str_copy(buf, sizeof(buf), "abc") == 0);
	CHECK_STR(buf, "abc");
	CHECK(str_copy(buf, sizeof(buf), "wxyz") == -ENAMETOOLONG);
	CHECK_STR(buf, "wxy");
}

TEST(cut_yields_every_part_the_last_and_empty_ones_included)
{
	struct slice rest = slice_of("a,,b,"), part;

	CHECK(slice_cut(&rest, ',', &part) && slice_eq(part, "a"));
	CHECK(slice_cut(&rest, ',', &part) && slice_eq(part, ""));
	CHECK(slice_cut(&rest, ',', &part) && slice_eq(part, "b"));
	CHECK(slice_cut(&rest, ',', &part) && slice_eq(part, ""));
	CHECK(!slice_cut(&rest, ',', &part));
}

TEST(trim_takes_blanks_off_both_ends)
{
	CHECK(slice_eq(slice_trim(slice_of(" \ta b\n ")), "a b"));
	CHECK(slice_eq(slice_trim(slice_of(" \n ")), ""));
}

TEST(utf8_of_every_length_is_accepted)
{
	const char text[] = "a\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";

	CHECK(str_is_utf8(text, sizeof(text) - 1));
}

TEST(overlong_surrogate_and_cut_utf8_is_refused)
{
	static const char *const bad[] = {
		"\xc0\x80",         "\xc1\xbf",
		"\xe0\x9f\xbf",     "\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\x80",
		"\xe2\x82",         "\xc2",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!str_is_utf8(bad[i], strlen(bad[i])));
}

TEST(floor_backs_off_from_the_middle_of_a_character_only)
{
	const char text[] = "a\xe2\x82\xac"
			    "b";

	CHECK_INT(str_utf8_floor(text, 0), 0);
	CHECK_INT(str_utf8_floor(text, 1), 1);
	CHECK_INT(str_utf8_floor(text, 2), 1);
	CHECK_INT(str_utf8_floor(text, 3), 1);
	CHECK_INT(str_utf8_floor(text, 4), 4);
	CHECK_INT(str_utf8_floor(text, 5), 5);
}

static int build(unused_arg void *data)
{
	struct str s = STR_INIT(10000);
	cleanup_free char *p = NULL;

	for (int i = 0; i < 200; i++)
		(void)str_addf(&s, "%d,", i);
	(void)str_add_json(&s, "\n\n", 2);
	p = str_take(&s);
	return p != NULL ? 0 : -ENOMEM;
}

TEST(every_failed_allocation_is_reported)
{
	CHECK(torture_each(build, NULL) > 3);
}
