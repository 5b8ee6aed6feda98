/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdint.h>
#include <stdio.h>

#include "base/str.h"
#include "tests/test.h"
#include "tests/torture.h"

#define MANY 1000

static int values[MANY];

static const char *key_of(int i, char buf[16])
{
	(void)snprintf(buf, 16, "key%d", i);
	return buf;
}

static int put_many(struct map *m)
{
	char key[16];

	for (int i = 0; i < MANY; i++) {
		int r = map_put(m, key_of(i, key), &values[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

TEST(what_was_put_is_found)
{
	struct map m = {0};
	char key[16];

	CHECK(put_many(&m) == 0 && m.n == MANY);
	for (int i = 0; i < MANY; i++)
		CHECK(map_get(&m, key_of(i, key)) == &values[i]);
	CHECK(map_get(&m, "key") == NULL);
	map_done(&m);
}

TEST(an_empty_map_has_nothing)
{
	struct map m = {0};
	size_t it = 0;

	CHECK(map_get(&m, "x") == NULL && map_del(&m, "x") == NULL);
	CHECK(map_next(&m, &it, NULL) == NULL);
	map_done(&m);
}

TEST(a_key_is_put_once)
{
	struct map m = {0};

	CHECK(map_put(&m, "a", &values[0]) == 0);
	CHECK(map_put(&m, "a", &values[1]) == -EEXIST);
	CHECK(map_get(&m, "a") == &values[0]);
	map_done(&m);
}

TEST(a_deleted_key_is_gone_and_may_be_put_again)
{
	struct map m = {0};

	CHECK(map_put(&m, "a", &values[0]) == 0);
	CHECK(map_del(&m, "a") == &values[0]);
	CHECK(map_get(&m, "a") == NULL && m.n == 0);
	CHECK(map_put(&m, "a", &values[1]) == 0);
	CHECK(map_get(&m, "a") == &values[1]);
	map_done(&m);
}

TEST(iteration_follows_insertion)
{
	struct map m = {0};
	char key[16];
	size_t it = 0;
	void *v;

	CHECK(put_many(&m) == 0);
	for (int i = 0; i < MANY; i++) {
		CHECK_STR(map_next(&m, &it, &v), key_of(i, key));
		CHECK(v == &values[i]);
	}
	CHECK(map_next(&m, &it, &v) == NULL);
	map_done(&m);
}

TEST(the_entry_just_returned_may_be_deleted)
{
	struct map m = {0};
	const char *key;
	size_t it = 0;
	int n = 0;

	CHECK(put_many(&m) == 0);
	while ((key = map_next(&m, &it, NULL)) != NULL) {
		CHECK(map_del(&m, key) == &values[n]);
		n++;
	}
	CHECK(n == MANY && m.n == 0);
	map_done(&m);
}

TEST(churn_does_not_grow_the_map)
{
	struct map m = {0};
	char key[16];

	for (int i = 0; i < 100000; i++) {
		CHECK(map_put(&m, key_of(i, key), &values[0]) == 0);
		CHECK(map_del(&m, key) == &values[0]);
	}
	CHECK(m.n_slots <= 16);
	map_done(&m);
}

static int fill(unused_arg void *data)
{
	struct map m = {0};
	int r = put_many(&m);

	map_done(&m);
	return r;
}

TEST(every_failed_allocation_is_reported)
{
	CHECK(torture_each(fill, NULL) > MANY);
}
