/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include "base/cleanup.h"
#include "tests/test.h"

static const struct table_entry five[] = {{"a", 1}, {"b", 2}, {"bb", 3}, {"c", 4}, {"d", 2}};

TEST(every_entry_is_found)
{
	for (size_t i = 0; i < ARRAY_LEN(five); i++)
		CHECK(table_find(five, ARRAY_LEN(five), five[i].name) == &five[i]);
}

TEST(names_before_between_and_after_are_not_found)
{
	CHECK(table_find(five, ARRAY_LEN(five), "") == NULL);
	CHECK(table_find(five, ARRAY_LEN(five), "ba") == NULL);
	CHECK(table_find(five, ARRAY_LEN(five), "e") == NULL);
	CHECK(table_find(five, 0, "a") == NULL);
}

TEST(name_of_a_value_is_the_first_one)
{
	CHECK_STR(table_name(five, ARRAY_LEN(five), 2), "b");
	CHECK(table_name(five, ARRAY_LEN(five), 9) == NULL);
}

TEST(doubled_or_swapped_names_are_not_sorted)
{
	static const struct table_entry twice[] = {{"a", 1}, {"a", 2}};
	static const struct table_entry swapped[] = {{"b", 1}, {"a", 2}};

	CHECK(table_is_sorted(five, ARRAY_LEN(five)));
	CHECK(!table_is_sorted(twice, 2));
	CHECK(!table_is_sorted(swapped, 2));
}
