/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's command line. Everything else is agent.c. */
#define LOG_MODULE "agent"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>

#include "agent/agent.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"

static const char usage[] =
	"usage: pith-agent [OPTION]...\n"
	"\n"
	"  -c, --config FILE   settings from FILE instead of the kernel command line\n"
	"      --run-dir DIR   where bundles and the sandbox live (/run/kata-containers)\n"
	"      --init-fd N     socket to pith-init (set by pith-init)\n"
	"      --timeline-fd N boot timeline (set by pith-init)\n"
	"  -v, --version       print the version\n"
	"  -h, --help          print this text\n"
	"\n"
	"KATA_AGENT_SERVER_ADDR and KATA_AGENT_LOG_LEVEL override the settings.\n";

enum {
	OPT_RUN_DIR = 256,
	OPT_INIT_FD,
	OPT_TIMELINE_FD,
};

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"run-dir", required_argument, NULL, OPT_RUN_DIR},
	{"init-fd", required_argument, NULL, OPT_INIT_FD},
	{"timeline-fd", required_argument, NULL, OPT_TIMELINE_FD},
	{"version", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int parse_fd(const char *text, int *ret)
{
	uint32_t n;

	if (parse_u32(text, &n) < 0 || n < 3 || n > INT32_MAX)
		return -EINVAL;
	*ret = (int)n;
	return 0;
}

/* Return: 0 to go on, else 1 + exit code. */
static int parse_options(int argc, char **argv, struct agent_options *o)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "c:vh", options, NULL)) >= 0) {
		switch (opt) {
		case 'c':
			o->config_file = optarg;
			break;
		case OPT_RUN_DIR:
			o->run_dir = optarg;
			break;
		case OPT_INIT_FD:
			if (parse_fd(optarg, &o->init_fd) < 0)
				return 1 + 2;
			break;
		case OPT_TIMELINE_FD:
			if (parse_fd(optarg, &o->timeline_fd) < 0)
				return 1 + 2;
			break;
		case 'v':
			(void)printf("pith-agent %s (api %s)\n", PITH_VERSION, AGENT_API);
			return 1;
		case 'h':
			(void)fputs(usage, stdout);
			return 1;
		default:
			(void)fputs(usage, stderr);
			return 1 + 2;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct agent_options o = {.init_fd = -EBADF, .timeline_fd = -EBADF};
	struct agent *a = NULL;
	struct err e = {0};
	char text[ERR_TEXT_MAX];
	int r = parse_options(argc, argv, &o);

	if (r > 0)
		return r - 1;
	/* A large request must not teach the allocator to keep megabytes: mallopt(3), dynamic
	 * mmap threshold. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
	(void)mallopt(M_TRIM_THRESHOLD, 128 << 10);
	log_setup(AGENT_NAME, "agent", LOG_JSON);
	r = agent_new(&o, &a, &e);
	if (r < 0) {
		log_crit("cannot start: %s", err_text(&e, text, sizeof(text)));
		return 1;
	}
	r = agent_run(a);
	agent_free(a);
	if (r < 0)
		log_crit("event loop: %s", strerrordesc_np(-r));
	return r < 0 ? 1 : r;
}
