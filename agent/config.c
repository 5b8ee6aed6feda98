/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of the kernel command line and the environment. One table holds every setting with its two
 * names; config_file.c reads the file through the same table, so that both obey the same rules.
 */
#define LOG_MODULE "config"
#include "agent/config.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent/config_table.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"

#define CONFIG_ARENA_MAX (256u << 10)
#define CONFIG_FILE_MAX  (64u << 10)
#define CMDLINE_MAX      (64u << 10) /* COMMAND_LINE_SIZE is 2048 or 4096 on what we run on */

#define DEFAULT_HOTPLUG 3

#define NS_PER_S UINT64_C(1000000000)

void agent_config_init(struct agent_config *c)
{
	*c = (struct agent_config){
		.arena = ARENA_INIT(CONFIG_ARENA_MAX),
		.server_addr = AGENT_DEFAULT_ADDR,
		.log_level = LOG_INFO_LEVEL,
		.hotplug_timeout_ns = DEFAULT_HOTPLUG * NS_PER_S,
	};
}

void agent_config_done(struct agent_config *c)
{
	arena_done(&c->arena);
	agent_config_init(c);
}

/* Kata's rule: true, false or an unsigned number; everything else is false. */
static bool word_to_bool(const char *v)
{
	uint64_t n;

	if (streq(v, "true"))
		return true;
	return parse_u64(v, &n) == 0 && n != 0;
}

static int set_port(const char *v, uint32_t *ret)
{
	int64_t n;

	if (parse_i64(v, &n) < 0 || n > INT32_MAX || n < INT32_MIN)
		return -EINVAL;
	if (n > 0)
		*ret = (uint32_t)n;
	return 0;
}

static int set_seconds(const char *v, uint64_t *ret_ns)
{
	uint64_t n;

	if (parse_u64(v, &n) < 0 || n > UINT64_MAX / NS_PER_S)
		return -EINVAL;
	if (n > 0)
		*ret_ns = n * NS_PER_S;
	return 0;
}

static int set_size(const char *v, uint32_t *ret)
{
	uint64_t n;

	if (parse_u64(v, &n) < 0 || n > INT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)n;
	return 0;
}

int config_apply(struct agent_config *c, const struct config_word *w, const char *value)
{
	void *field = (char *)c + w->offset;
	char *copy;

	switch (w->kind) {
	case CONFIG_FLAG:
	case CONFIG_BOOL:
		*(bool *)field = word_to_bool(value);
		return 0;
	case CONFIG_PORT:
		return set_port(value, field);
	case CONFIG_SECONDS:
		return set_seconds(value, field);
	case CONFIG_SIZE:
		return set_size(value, field);
	case CONFIG_LEVEL:
		return log_level_parse(value, field);
	case CONFIG_STRING:
		if (str_empty(value))
			return -EINVAL;
		copy = arena_dup(&c->arena, value);
		if (copy == NULL)
			return -ENOMEM;
		*(const char **)field = copy;
		return 0;
	}
	return -EINVAL;
}

static void cmdline_word(struct agent_config *c, const char *word, const char **ret_file)
{
	const char *eq = strchr(word, '=');
	size_t n = eq != NULL ? (size_t)(eq - word) : strlen(word);

	if (eq != NULL && slice_eq((struct slice){word, n}, "agent.config_file")) {
		if (str_empty(eq + 1))
			log_warn("agent.config_file is empty, ignored");
		else
			*ret_file = arena_dup(&c->arena, eq + 1);
		return;
	}

	for (size_t i = 0; i < config_n_words; i++) {
		const struct config_word *w = &config_words[i];

		if (!slice_eq((struct slice){word, n}, w->word))
			continue;
		if (eq == NULL && w->kind != CONFIG_FLAG)
			return; /* only flags may stand alone */
		if (config_apply(c, w, eq != NULL ? eq + 1 : "true") < 0)
			log_warn("%s: value not understood, keeping the default", w->word);
		return;
	}
}

void agent_config_parse_cmdline(struct agent_config *c, const char *text, const char **ret_file)
{
	const char *p = text;

	*ret_file = NULL;
	while (*p != '\0') {
		size_t n = strcspn(p, " \t\r\n");

		if (n > 0) {
			char *word = arena_dup_n(&c->arena, p, n);

			if (word == NULL) {
				log_warn("command line too long, the rest is ignored");
				return;
			}
			cmdline_word(c, word, ret_file);
		}
		p += n;
		p += strspn(p, " \t\r\n");
	}
}

void agent_config_parse_env(struct agent_config *c, char *(*get)(const char *name))
{
	static const struct {
		const char *name, *word;
	} map[] = {
		{"KATA_AGENT_SERVER_ADDR", "agent.server_addr"},
		{"KATA_AGENT_LOG_LEVEL", "agent.log"},
	};

	for (size_t i = 0; i < ARRAY_LEN(map); i++) {
		const char *v = get(map[i].name);

		if (v == NULL)
			continue;
		for (size_t k = 0; k < config_n_words; k++) {
			if (streq(config_words[k].word, map[i].word) &&
			    config_apply(c, &config_words[k], v) < 0)
				log_warn("%s: value not understood, ignored", map[i].name);
		}
	}
}

static int load_file(struct agent_config *c, const char *path, struct err *e)
{
	cleanup_free char *text = malloc(CONFIG_FILE_MAX);
	ssize_t n;

	if (text == NULL)
		return err_set(e, -ENOMEM, "read configuration '%s'", path);
	n = fd_read_file(AT_FDCWD, path, text, CONFIG_FILE_MAX);
	if (n < 0)
		return err_set(e, (int)n, "read configuration '%s'", path);
	agent_config_parse_file(c, text);
	return 0;
}

int agent_config_load(struct agent_config *c, const char *file, const char *cmdline_path,
		      struct err *e)
{
	cleanup_free char *text = NULL;
	struct agent_config words;
	const char *named = NULL;
	int r;

	if (file != NULL) {
		r = load_file(c, file, e);
		if (r == 0)
			agent_config_parse_env(c, getenv);
		return r;
	}

	text = malloc(CMDLINE_MAX);
	if (text == NULL)
		return err_set(e, -ENOMEM, "read '%s'", cmdline_path);
	if (fd_read_file(AT_FDCWD, cmdline_path, text, CMDLINE_MAX) < 0) {
		log_warn("%s cannot be read, using the defaults", cmdline_path);
		text[0] = '\0';
	}

	agent_config_init(&words);
	agent_config_parse_cmdline(&words, text, &named);
	if (named != NULL) {
		/* The file alone defines everything, the environment included. */
		r = load_file(c, named, e);
		agent_config_done(&words);
		return r;
	}
	agent_config_done(c);
	*c = words;
	agent_config_parse_env(c, getenv);
	return 0;
}

#define WORD(w, f, k, m)                                                                           \
	{                                                                                          \
		.word = (w), .file_key = (f), .kind = (k),                                         \
		.offset = offsetof(struct agent_config, m)                                         \
	}

const struct config_word config_words[] = {
	WORD("agent.log", "log_level", CONFIG_LEVEL, log_level),
	WORD("agent.log_vport", "log_vport", CONFIG_PORT, log_vport),
	WORD("agent.debug_console", "debug_console", CONFIG_FLAG, debug_console),
	WORD("agent.debug_console_vport", "debug_console_vport", CONFIG_PORT, debug_console_vport),
	WORD("agent.server_addr", "server_addr", CONFIG_STRING, server_addr),
	WORD("agent.hotplug_timeout", "hotplug_timeout", CONFIG_SECONDS, hotplug_timeout_ns),
	WORD("agent.container_pipe_size", "container_pipe_size", CONFIG_SIZE, container_pipe_size),
	WORD("agent.seccomp_default", "seccomp_default", CONFIG_BOOL, seccomp_default),
};
const size_t config_n_words = ARRAY_LEN(config_words);
