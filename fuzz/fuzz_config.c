/* SPDX-License-Identifier: Apache-2.0 */
/* Text as a kernel command line and as a configuration file: never fatal, defaults stay sane. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "base/log.h"

static int quiet(void *data, const char *line, size_t n)
{
	(void)data;
	(void)line;
	(void)n;
	return 0;
}

static void check(struct agent_config *c)
{
	if (c->server_addr == NULL || c->server_addr[0] == '\0' || c->hotplug_timeout_ns == 0)
		abort();
	for (size_t i = 0; i < c->n_allowed; i++)
		(void)strlen(c->allowed[i]);
	agent_config_done(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct agent_config c;
	const char *file;

	log_set_sink(&(struct log_sink){.write = quiet});
	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	agent_config_init(&c);
	agent_config_parse_cmdline(&c, text, &file);
	check(&c);
	agent_config_init(&c);
	agent_config_parse_file(&c, text);
	check(&c);
	free(text);
	return 0;
}
