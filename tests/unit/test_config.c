/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: Kata's words, their values, and who wins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "base/err.h"
#include "tests/test.h"

#define SECOND UINT64_C(1000000000)

static struct agent_config cmdline(const char *text)
{
	struct agent_config c;
	const char *file;

	agent_config_init(&c);
	agent_config_parse_cmdline(&c, text, &file);
	return c;
}

static struct agent_config file(const char *text)
{
	struct agent_config c;

	agent_config_init(&c);
	agent_config_parse_file(&c, text);
	return c;
}

TEST(defaults_are_those_of_kata)
{
	struct agent_config c = cmdline("");

	CHECK_STR(c.server_addr, "vsock://-1:1024");
	CHECK(c.log_level == LOG_INFO_LEVEL && c.log_vport == 0 && !c.debug_console);
	CHECK(c.hotplug_timeout_ns == 3 * SECOND && c.container_pipe_size == 0);
	CHECK(!c.seccomp_default && !c.has_allowed);
	agent_config_done(&c);
}

TEST(words_of_the_command_line_are_taken)
{
	struct agent_config c =
		cmdline("quiet panic=1 agent.log=debug agent.log_vport=1025 agent.debug_console "
			"agent.debug_console_vport=1026\tagent.hotplug_timeout=9 "
			"agent.container_pipe_size=65536 agent.server_addr=unix://@x "
			"agent.seccomp_default=1\n");

	CHECK(c.log_level == LOG_DEBUG_LEVEL && c.log_vport == 1025 && c.debug_console);
	CHECK(c.debug_console_vport == 1026 && c.hotplug_timeout_ns == 9 * SECOND);
	CHECK(c.container_pipe_size == 65536 && c.seccomp_default);
	CHECK_STR(c.server_addr, "unix://@x");
	agent_config_done(&c);
}

TEST(last_occurrence_of_a_word_wins)
{
	struct agent_config c = cmdline("agent.log=debug agent.log=error");

	CHECK(c.log_level == LOG_ERROR_LEVEL);
	agent_config_done(&c);
}

TEST(values_that_make_no_sense_keep_the_default)
{
	struct agent_config c =
		cmdline("agent.log=loud agent.log_vport=x agent.hotplug_timeout=-1 "
			"agent.container_pipe_size=-5 agent.server_addr= agent.log_vport=1=2");

	CHECK(c.log_level == LOG_INFO_LEVEL && c.log_vport == 0);
	CHECK(c.hotplug_timeout_ns == 3 * SECOND && c.container_pipe_size == 0);
	CHECK_STR(c.server_addr, "vsock://-1:1024");
	agent_config_done(&c);
}

TEST(zero_seconds_and_ports_that_are_not_positive_are_ignored)
{
	struct agent_config c = cmdline("agent.hotplug_timeout=0 agent.log_vport=-1");

	CHECK(c.hotplug_timeout_ns == 3 * SECOND && c.log_vport == 0);
	agent_config_done(&c);
	c = file("hotplug_timeout = 0\nlog_vport = -7\n");
	CHECK(c.hotplug_timeout_ns == 3 * SECOND && c.log_vport == 0);
	agent_config_done(&c);
}

TEST(booleans_are_true_false_or_a_number)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{"agent.seccomp_default=true", true},
		{"agent.seccomp_default=7", true},
		{"agent.seccomp_default=0", false},
		{"agent.seccomp_default=yes", false},
		{"agent.seccomp_default=-1", false},
		{"agent.seccomp_default", false}, /* not a flag */
		{"agent.debug_console=true", true},
		{"agent.debug_consoles", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct agent_config c = cmdline(cases[i].text);

		CHECK((c.seccomp_default || c.debug_console) == cases[i].want);
		agent_config_done(&c);
	}
}

TEST(named_file_is_told_to_the_caller)
{
	struct agent_config c;
	const char *path;

	agent_config_init(&c);
	agent_config_parse_cmdline(&c, "agent.config_file=/etc/agent.toml agent.log=trace", &path);
	CHECK_STR(path, "/etc/agent.toml");
	agent_config_done(&c);
}

TEST(file_sets_what_the_command_line_can)
{
	struct agent_config c = file("# settings\n"
				     "log_level = \"warning\"   # comment\n"
				     "log_vport=1025\r\n"
				     "debug_console = true\n"
				     "hotplug_timeout = { secs = 8, nanos = 0 }\n"
				     "server_addr = 'unix:///tmp/a'\n"
				     "unknown = [1, 2]\n"
				     "[other]\n"
				     "log_vport = 9\n");

	CHECK(c.log_level == LOG_WARN_LEVEL && c.log_vport == 1025 && c.debug_console);
	CHECK(c.hotplug_timeout_ns == 8 * SECOND);
	CHECK_STR(c.server_addr, "unix:///tmp/a");
	agent_config_done(&c);
}

TEST(duration_may_be_a_table_or_a_plain_number)
{
	struct agent_config c = file("[hotplug_timeout]\nsecs = 11\nnanos = 5\n");

	CHECK(c.hotplug_timeout_ns == 11 * SECOND);
	agent_config_done(&c);
	c = file("hotplug_timeout = 12\n");
	CHECK(c.hotplug_timeout_ns == 12 * SECOND);
	agent_config_done(&c);
}

TEST(allowed_endpoints_are_a_list_over_several_lines)
{
	struct agent_config c = file("[endpoints]\nallowed = [\n  \"A\", # first\n  'B'\n]\n");

	CHECK(c.has_allowed && c.n_allowed == 2);
	CHECK_STR(c.allowed[0], "A");
	CHECK_STR(c.allowed[1], "B");
	agent_config_done(&c);
	c = file("[endpoints]\n");
	CHECK(c.has_allowed && c.n_allowed == 0);
	agent_config_done(&c);
}

TEST(endpoints_restrict_however_they_are_written)
{
	struct agent_config dotted = file("endpoints.allowed = [\"CopyFileRequest\"]\n"),
			    table = file("endpoints = { allowed = [\"CopyFileRequest\"] }\n"),
			    other = file("endpoints = what?\n"),
			    nested = file("[other]\nendpoints.allowed = [\"CopyFileRequest\"]\n");

	CHECK(dotted.has_allowed && dotted.n_allowed == 1);
	CHECK_STR(dotted.allowed[0], "CopyFileRequest");
	CHECK(table.has_allowed && table.n_allowed == 1);
	CHECK_STR(table.allowed[0], "CopyFileRequest");
	CHECK(other.has_allowed && other.n_allowed == 0);
	CHECK(!nested.has_allowed && nested.n_allowed == 0);
	agent_config_done(&dotted);
	agent_config_done(&table);
	agent_config_done(&other);
	agent_config_done(&nested);
}

TEST(line_that_is_not_understood_does_not_hide_the_next)
{
	struct agent_config c = file("= nothing\n!!\nlog_level = \"unfinished\nlog_vport = 5\n");

	CHECK(c.log_vport == 5);
	agent_config_done(&c);
}

static char *fake_env(const char *name)
{
	static char addr[] = "unix://env", level[] = "nonsense";

	if (strcmp(name, "KATA_AGENT_SERVER_ADDR") == 0)
		return addr;
	return strcmp(name, "KATA_AGENT_LOG_LEVEL") == 0 ? level : NULL;
}

TEST(environment_overrides_and_its_bad_values_are_ignored)
{
	struct agent_config c = cmdline("agent.log=debug");

	agent_config_parse_env(&c, fake_env);
	CHECK_STR(c.server_addr, "unix://env");
	CHECK(c.log_level == LOG_DEBUG_LEVEL);
	agent_config_done(&c);
}

static void write_temp(char *path, const char *text)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
}

TEST(file_named_on_the_command_line_is_all_that_counts)
{
	char conf[] = "/tmp/pith-conf-XXXXXX", line[] = "/tmp/pith-line-XXXXXX", text[128];
	struct agent_config c;
	struct err e = {0};

	write_temp(conf, "log_vport = 77\n");
	(void)snprintf(text, sizeof(text), "agent.log=debug agent.config_file=%s", conf);
	write_temp(line, text);
	agent_config_init(&c);
	CHECK(setenv("KATA_AGENT_LOG_LEVEL", "trace", 1) == 0);
	CHECK(agent_config_load(&c, NULL, line, &e) == 0);
	CHECK(unsetenv("KATA_AGENT_LOG_LEVEL") == 0);
	CHECK(c.log_vport == 77 && c.log_level == LOG_INFO_LEVEL);
	agent_config_done(&c);
	(void)unlink(conf);
	(void)unlink(line);
}

TEST(named_file_that_cannot_be_read_is_fatal)
{
	struct agent_config c;
	struct err e = {0};

	agent_config_init(&c);
	CHECK(agent_config_load(&c, "/no/such/file", "/proc/cmdline", &e) == -ENOENT);
	CHECK(strstr(e.msg, "/no/such/file") != NULL);
	agent_config_done(&c);
}
