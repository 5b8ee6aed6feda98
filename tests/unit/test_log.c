/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "unit"

#include "base/log.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "tests/test.h"

static char last[8192];
static unsigned n_lines;
static int sink_result;

static int keep(unused_arg void *data, const char *line, size_t n)
{
	n_lines++;
	memcpy(last, line, n);
	last[n] = '\0';
	return sink_result;
}

static void capture(enum log_format format)
{
	static const struct log_sink sink = {.write = keep};

	log_setup("kata-agent", "agent", format);
	log_set_level(LOG_INFO_LEVEL);
	log_set_sink(&sink);
	last[0] = '\0';
	n_lines = 0;
	sink_result = 0;
}

static bool has(const char *text)
{
	return strstr(last, text) != NULL;
}

TEST(a_line_has_every_key_a_host_reads)
{
	char pid[64];

	capture(LOG_JSON);
	log_warn("hello %d", 5);
	CHECK(str_starts(last, "{\"ts\":\"20") && str_ends(last, "}\n"));
	CHECK(has("\"level\":\"WARN\"") && has("\"msg\":\"hello 5\""));
	CHECK(has("\"version\":\"" PITH_VERSION "\"") && has("\"subsystem\":\"unit\""));
	CHECK(has("\"name\":\"kata-agent\"") && has("\"source\":\"agent\""));
	(void)snprintf(pid, sizeof(pid), "\"pid\":\"%d\"", (int)getpid());
	CHECK(has(pid));
}

TEST(the_time_is_utc_with_a_fraction)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ\"";
	const char *ts;

	capture(LOG_JSON);
	log_info("x");
	ts = last + strlen("{\"ts\":\"");
	for (size_t i = 0; shape[i] != '\0'; i++)
		CHECK(shape[i] == 'd' ? isdigit((unsigned char)ts[i]) : ts[i] == shape[i]);
}

TEST(levels_print_as_the_words_hosts_parse)
{
	static const char *const words[] = {"CRIT", "ERRO", "WARN", "INFO", "DEBG", "TRCE"};
	char want[32];

	capture(LOG_JSON);
	log_set_level(LOG_TRACE_LEVEL);
	for (int i = 0; i <= LOG_TRACE_LEVEL; i++) {
		log_line((enum log_level)i, "m", "x");
		(void)snprintf(want, sizeof(want), "\"level\":\"%s\"", words[i]);
		CHECK(has(want));
	}
}

TEST(lines_above_the_level_are_not_written)
{
	capture(LOG_JSON);
	log_debug("x");
	CHECK(n_lines == 0);
	log_info("x");
	CHECK(n_lines == 1);
}

TEST(a_newline_in_a_value_cannot_forge_a_line)
{
	capture(LOG_JSON);
	{
		log_scope(ctx, "container-id", "a\"}\n{\"level\":\"CRIT");

		log_info("b\n%s", "\x1b[0m");
	}
	CHECK(strchr(last, '\n') == last + strlen(last) - 1);
	CHECK(has("\"container-id\":\"a\\\"}\\n{\\\"level\\\":\\\"CRIT\""));
	CHECK(has("\"msg\":\"b\\n\\u001b[0m\""));
}

TEST(context_ends_with_its_scope)
{
	capture(LOG_JSON);
	{
		log_scope(ctx, "exec-id", "e1");

		log_info("x");
		CHECK(has("\"exec-id\":\"e1\""));
	}
	log_info("x");
	CHECK(!has("exec-id"));
}

TEST(of_two_equal_keys_the_inner_one_stays)
{
	capture(LOG_JSON);
	{
		log_scope(outer, "k", "outer");
		log_scope(inner, "k", "inner");
		log_scope(fixed, "level", "fake");

		log_info("x");
	}
	CHECK(has("\"k\":\"inner\"") && !has("outer") && !has("fake"));
}

TEST(context_deeper_than_eight_is_left_out_and_unwinds)
{
	struct log_ctx ctx[10];

	capture(LOG_JSON);
	for (int i = 0; i < 10; i++) {
		static const char *const keys[] = {"k0", "k1", "k2", "k3", "k4",
						   "k5", "k6", "k7", "k8", "k9"};

		log_ctx_push(&ctx[i], keys[i], "v");
	}
	log_info("x");
	CHECK(has("\"k7\"") && !has("\"k8\""));
	for (int i = 9; i >= 0; i--)
		log_ctx_pop(&ctx[i]);
	log_info("x");
	CHECK(!has("\"k0\""));
}

TEST(an_overlong_message_is_cut_and_the_line_stays_whole)
{
	char text[5000];

	capture(LOG_JSON);
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	{
		log_scope(ctx, "container-id", "c1");

		log_info("%s", text);
	}
	CHECK(strlen(last) < 4096 && str_ends(last, "}\n"));
	CHECK(has("\\n...\"") && has("\"container-id\":\"c1\""));
}

TEST(a_full_sink_is_counted)
{
	uint64_t before;

	capture(LOG_JSON);
	before = log_dropped();
	sink_result = -EAGAIN;
	log_info("x");
	CHECK(log_dropped() == before + 1);
}

TEST(errno_survives)
{
	capture(LOG_JSON);
	errno = EXDEV;
	log_info("x");
	CHECK(errno == EXDEV);
}

TEST(the_plain_form_is_for_people)
{
	capture(LOG_PLAIN);
	{
		log_scope(ctx, "id", "c\n1");

		log_error("say \"no\"");
	}
	CHECK_STR(last, "kata-agent: error: say \"no\" id=c\\n1\n");
}

TEST(level_words_are_kata_s)
{
	enum log_level level = LOG_TRACE_LEVEL;

	CHECK(log_level_parse("panic", &level) == 0 && level == LOG_CRIT_LEVEL);
	CHECK(log_level_parse("fatal", &level) == 0 && level == LOG_CRIT_LEVEL);
	CHECK(log_level_parse("critical", &level) == 0 && level == LOG_CRIT_LEVEL);
	CHECK(log_level_parse("error", &level) == 0 && level == LOG_ERROR_LEVEL);
	CHECK(log_level_parse("warn", &level) == 0 && level == LOG_WARN_LEVEL);
	CHECK(log_level_parse("warning", &level) == 0 && level == LOG_WARN_LEVEL);
	CHECK(log_level_parse("info", &level) == 0 && level == LOG_INFO_LEVEL);
	CHECK(log_level_parse("debug", &level) == 0 && level == LOG_DEBUG_LEVEL);
	CHECK(log_level_parse("trace", &level) == 0 && level == LOG_TRACE_LEVEL);
	CHECK(log_level_parse("INFO", &level) == -EINVAL && level == LOG_TRACE_LEVEL);
}
