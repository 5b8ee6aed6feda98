/* SPDX-License-Identifier: Apache-2.0 */
/* Capability names, bits and sets. */
#include "tests/test.h"

#include <linux/capability.h>

#include "container/caps.h"
#include "container/spec.h"

TEST(every_capability_of_the_headers_has_a_name_that_parses_back)
{
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++) {
		unsigned bit = 99;

		assert_non_null(ctr_cap_name(i));
		CHECK(ctr_cap_parse(ctr_cap_name(i), &bit) == 0 && bit == i);
	}
	assert_null(ctr_cap_name(CAP_LAST_CAP + 1));
}

TEST(a_name_parses_in_any_case_and_without_its_prefix)
{
	unsigned bit = 0;

	CHECK(ctr_cap_parse("cap_sys_admin", &bit) == 0 && bit == CAP_SYS_ADMIN);
	CHECK(ctr_cap_parse("Net_Raw", &bit) == 0 && bit == CAP_NET_RAW);
}

TEST(an_unknown_name_is_refused_and_leaves_ret_alone)
{
	unsigned bit = 77;

	CHECK(ctr_cap_parse("CAP_", &bit) == -EINVAL);
	CHECK(ctr_cap_parse("", &bit) == -EINVAL);
	CHECK(ctr_cap_parse("CAP_CAP_CHOWN", &bit) == -EINVAL);
	CHECK(ctr_cap_parse("CHOWNX", &bit) == -EINVAL);
	CHECK(bit == 77);
}

TEST(the_running_kernel_has_a_last_capability_within_the_set)
{
	CHECK(ctr_cap_last() >= CAP_AUDIT_READ && ctr_cap_last() < 64);
}

TEST(a_set_skips_unknown_names_and_lists_them)
{
	const char *v[] = {"CAP_CHOWN", "CAP_NOPE", "kill", "x", NULL};
	const struct ctr_strv names = {.v = v, .n = 4};
	char unknown[32], tiny[4];

	CHECK(ctr_cap_set_parse(&names, unknown, sizeof(unknown)) ==
	      (CTR_CAP_BIT(CAP_CHOWN) | CTR_CAP_BIT(CAP_KILL)));
	CHECK_STR(unknown, "CAP_NOPE,x");
	CHECK(ctr_cap_set_parse(&names, tiny, sizeof(tiny)) != 0);
	CHECK_STR(tiny, "CAP");
}

TEST(the_default_set_is_the_fourteen_of_containerd)
{
	CHECK_INT(__builtin_popcountll(ctr_cap_default_set), 14);
	CHECK(!(ctr_cap_default_set & CTR_CAP_BIT(CAP_SYS_ADMIN)));
	CHECK(ctr_cap_default_set & CTR_CAP_BIT(CAP_NET_BIND_SERVICE));
}
