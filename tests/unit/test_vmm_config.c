/* SPDX-License-Identifier: Apache-2.0 */
/* Options of run and start: what is taken, what is refused, how shares are read. */
#include "tests/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "vmm/bundle.h"
#include "vmm/config.h"

static int parse(struct vmm_config *c, const char *const *words, bool with_cmd, struct err *e)
{
	static char *argv[32];
	int argc = 0;

	argv[argc++] = (char *)(uintptr_t) "run";
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	argv[argc] = NULL;
	vmm_config_init(c);
	return vmm_config_parse(c, argc, argv, with_cmd, e);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(a_command_alone_gets_the_defaults)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(parse(&c, WORDS("--", "sh", "-c", "exit 7"), true, &e), 0);
	CHECK(c.memory == 512ULL << 20 && c.cpus == 1 && c.seccomp && !c.cgroup_v1);
	CHECK(c.accel == VMM_ACCEL_AUTO && !c.tty && !c.interactive && c.rootfs == NULL);
	CHECK_STR(c.cmd[2], "exit 7");
	CHECK(c.cmd[3] == NULL);
}

TEST(options_after_the_command_are_the_commands)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(parse(&c, WORDS("-it", "ls", "--memory", "1"), true, &e), 0);
	CHECK(c.interactive && c.tty && c.memory == 512ULL << 20);
	CHECK_STR(c.cmd[0], "ls");
}

TEST(memory_is_mebibytes_unless_it_has_a_unit)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(parse(&c, WORDS("--memory", "256", "x"), true, &e), 0);
	CHECK(c.memory == 256ULL << 20);
	CHECK_INT(parse(&c, WORDS("--memory", "2g", "x"), true, &e), 0);
	CHECK(c.memory == 2ULL << 30);
}

TEST(values_out_of_range_are_refused_with_the_options_name)
{
	static const char *const bad[][3] = {
		{"--memory", "1", "x"},          {"--memory", "3t", "x"},
		{"--memory", "1000000001", "x"}, {"--cpus", "0", "x"},
		{"--cpus", "65", "x"},           {"--cpus", "two", "x"},
		{"--accel", "hvf", "x"},         {"--cgroup", "v3", "x"},
		{"--vmm-seccomp", "maybe", "x"}, {"--name", "../etc", "x"},
		{"--name", ".hidden", "x"},      {"--name", "", "x"},
		{"--env", "NOVALUE", "x"},       {"--env", "=v", "x"},
		{"--timeout", "0", "x"},         {"--limit-memory", "0", "x"},
		{"--limit-memory", "1q", "x"},   {"--limit-cpus", "0", "x"},
		{"--limit-cpus", "-1", "x"},     {"--limit-pids", "1.5", "x"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vmm_config c;
		struct err e = {0};

		CHECK_INT(parse(&c, WORDS(bad[i][0], bad[i][1], bad[i][2]), true, &e), -EINVAL);
		CHECK(strstr(e.msg, bad[i][0] + 2) != NULL);
	}
}

TEST(an_unknown_option_a_missing_value_and_no_command_are_refused)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(parse(&c, WORDS("--frobnicate", "x"), true, &e), -EINVAL);
	CHECK_INT(parse(&c, WORDS("--memory"), true, &e), -EINVAL);
	CHECK_INT(parse(&c, WORDS("-i"), true, &e), -EINVAL);
}

TEST(start_takes_no_command_and_no_container_options)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(parse(&c, WORDS("--memory", "256"), false, &e), 0);
	CHECK_INT(parse(&c, WORDS("sh"), false, &e), -EINVAL);
	CHECK_INT(parse(&c, WORDS("-t"), false, &e), -EINVAL);
}

TEST(a_share_has_a_host_folder_and_may_have_a_place_and_a_mode)
{
	struct vmm_share s;
	struct err e = {0};

	CHECK_INT(vmm_share_parse("/usr/../usr", &s, &e), 0);
	CHECK(streq(s.host, "/usr") && streq(s.guest, "/usr") && !s.read_only);
	free(s.host);
	free(s.guest);
	CHECK_INT(vmm_share_parse("/usr:/mnt/x:ro", &s, &e), 0);
	CHECK(streq(s.host, "/usr") && streq(s.guest, "/mnt/x") && s.read_only);
	free(s.host);
	free(s.guest);
	CHECK_INT(vmm_share_parse("/usr:ro", &s, &e), 0);
	CHECK(streq(s.guest, "/usr") && s.read_only);
	free(s.host);
	free(s.guest);
}

TEST(a_share_that_is_missing_or_misspelt_is_refused)
{
	static const char *const bad[] = {"",           ":/x",        "/usr:relative",
					  "/usr:/a:/b", "/usr:/a,ro", ":ro"};
	struct vmm_share s;
	struct err e = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(vmm_share_parse(bad[i], &s, &e), -EINVAL);
	CHECK_INT(vmm_share_parse("/no/such/folder", &s, &e), -ENOENT);
}

TEST(a_bundle_needs_no_command_and_allows_no_other_root)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(parse(&c, WORDS("--bundle", "/b"), true, &e), 0);
	CHECK(streq(c.bundle, "/b") && c.cmd == NULL);
	CHECK_INT(parse(&c, WORDS("--bundle", "/b", "--rootfs", "/r"), true, &e), -EINVAL);
	CHECK_INT(parse(&c, WORDS("--bundle", "/b"), false, &e), -EINVAL);
}

TEST(run_has_no_json_output_and_start_has)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(parse(&c, WORDS("--json", "x"), true, &e), -EINVAL);
	CHECK_INT(parse(&c, WORDS("--json"), false, &e), 0);
}

/* ---- bundles ---- */

static int read_bundle(struct vmm_config *c, const char *json, struct err *e)
{
	char dir[] = "/tmp/pith-bundle-XXXXXX", path[64];
	FILE *f;
	int r;

	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/config.json", dir);
	f = fopen(path, "we");
	CHECK(f != NULL && fputs(json, f) >= 0 && fclose(f) == 0);
	vmm_config_init(c);
	c->bundle = dir;
	r = vmm_bundle_read(c, e);
	CHECK(unlink(path) == 0 && rmdir(dir) == 0);
	return r;
}

TEST(a_bundles_root_is_relative_to_it_and_may_be_read_only)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(read_bundle(&c,
			      "{\"root\":{\"path\":\"../../usr\",\"readonly\":true},\"n\":"
			      "18446744073709551615}",
			      &e),
		  0);
	CHECK(streq(c.rootfs, "/usr") && c.root_read_only && !c.tty && !c.interactive);
	vmm_config_done(&c);
	CHECK_INT(read_bundle(&c, "{\"root\":{\"path\":\"/usr\"},\"process\":{\"terminal\":true}}",
			      &e),
		  0);
	CHECK(!c.root_read_only && c.tty && c.interactive);
	vmm_config_done(&c);
}

TEST(a_bundle_without_a_root_or_with_bad_json_is_refused)
{
	struct vmm_config c;
	struct err e = {0};

	CHECK_INT(read_bundle(&c, "{}", &e), -EINVAL);
	CHECK(strstr(e.msg, "root.path") != NULL);
	CHECK_INT(read_bundle(&c, "{\"root\":{\"path\":\"no/such\"}}", &e), -ENOENT);
	CHECK_INT(read_bundle(&c, "{", &e), -EINVAL);
	CHECK(strstr(e.msg, "config.json") != NULL);
}
