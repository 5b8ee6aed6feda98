/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about one container or process that is already there. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent-ctl/cmd.h"
#include "agent-ctl/ctl.h"
#include "agent-ctl/print.h"
#include "agent-ctl/signame.h"
#include "base/parse.h"
#include "proto/agent.pb-c.h"

#define CPU_PERIOD_US 100000
#define REMOVE_S      10

static char empty[] = "";

/* kill [-s SIGNAL] CONTAINER [EXEC] */
int cmd_kill(struct actl *a, int argc, char **argv)
{
	Grpc__SignalProcessRequest q = GRPC__SIGNAL_PROCESS_REQUEST__INIT;
	int c;

	q.signal = SIGTERM;
	while ((c = getopt(argc, argv, "+s:")) != -1) {
		if (c != 's')
			return actl_usage("kill");
		if (actl_signal_parse(optarg, &q.signal) < 0)
			return actl_say(ACTL_USAGE, "no signal '%s'", optarg);
	}
	if (argc - optind < 1 || argc - optind > 2)
		return actl_usage("kill");
	q.container_id = argv[optind];
	q.exec_id = argc - optind == 2 ? argv[optind + 1] : empty;
	return actl_call(a, "SignalProcess", &q.base, NULL);
}

/* Exits as the process did. */
int cmd_wait(struct actl *a, int argc, char **argv)
{
	Grpc__WaitProcessRequest q = GRPC__WAIT_PROCESS_REQUEST__INIT;
	cleanup_result struct actl_result r = {0};
	const Grpc__WaitProcessResponse *m;

	if (argc < 2 || argc > 3)
		return actl_usage("wait");
	q.container_id = argv[1];
	q.exec_id = argc == 3 ? argv[2] : empty;
	if (actl_call(a, "WaitProcess", &q.base, &r) != ACTL_OK)
		return ACTL_NO_PROCESS;
	m = (const Grpc__WaitProcessResponse *)r.out;
	if (a->json && actl_print_message(r.out, true) != ACTL_OK)
		return ACTL_NO_PROCESS;
	return m->status;
}

int cmd_pause(struct actl *a, int argc, char **argv)
{
	Grpc__PauseContainerRequest q = GRPC__PAUSE_CONTAINER_REQUEST__INIT;

	if (argc != 2)
		return actl_usage("pause");
	q.container_id = argv[1];
	return actl_call(a, "PauseContainer", &q.base, NULL);
}

int cmd_resume(struct actl *a, int argc, char **argv)
{
	Grpc__ResumeContainerRequest q = GRPC__RESUME_CONTAINER_REQUEST__INIT;

	if (argc != 2)
		return actl_usage("resume");
	q.container_id = argv[1];
	return actl_call(a, "ResumeContainer", &q.base, NULL);
}

int cmd_rm(struct actl *a, int argc, char **argv)
{
	Grpc__RemoveContainerRequest q = GRPC__REMOVE_CONTAINER_REQUEST__INIT;

	if (argc != 2)
		return actl_usage("rm");
	q.container_id = argv[1];
	q.timeout = REMOVE_S;
	return actl_call(a, "RemoveContainer", &q.base, NULL);
}

struct limits {
	Grpc__LinuxResources all;
	Grpc__LinuxMemory memory;
	Grpc__LinuxCPU cpu;
	Grpc__LinuxPids pids;
};

static int parse_limit(int option, const char *text, struct limits *l)
{
	uint64_t u;
	int64_t i;
	char *end;
	double d;

	switch (option) {
	case 'm':
		if (parse_size(text, &u) < 0 || u == 0 || u > INT64_MAX)
			return actl_say(ACTL_USAGE, "--memory '%s' is not a size", text);
		l->memory.limit = l->memory.swap = (int64_t)u;
		l->all.memory = &l->memory;
		return ACTL_OK;
	case 'c':
		d = strtod(text, &end);
		if (end == text || *end != '\0' || !(d > 0) || d > 1e6)
			return actl_say(ACTL_USAGE, "--cpus '%s' is not a number", text);
		l->cpu.period = CPU_PERIOD_US;
		l->cpu.quota = (int64_t)(d * CPU_PERIOD_US + 0.5);
		l->all.cpu = &l->cpu;
		return ACTL_OK;
	case 'p':
		if (parse_i64(text, &i) < 0 || i == 0)
			return actl_say(ACTL_USAGE, "--pids '%s' is not a number", text);
		l->pids.limit = i;
		l->all.pids = &l->pids;
		return ACTL_OK;
	default:
		return actl_usage("update");
	}
}

/* update [--memory N] [--cpus N] [--pids N] CONTAINER: what is not given stays. */
int cmd_update(struct actl *a, int argc, char **argv)
{
	static const struct option options[] = {{"memory", required_argument, NULL, 'm'},
						{"cpus", required_argument, NULL, 'c'},
						{"pids", required_argument, NULL, 'p'},
						{0}};
	Grpc__UpdateContainerRequest q = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
	struct limits l = {.all = GRPC__LINUX_RESOURCES__INIT,
			   .memory = GRPC__LINUX_MEMORY__INIT,
			   .cpu = GRPC__LINUX_CPU__INIT,
			   .pids = GRPC__LINUX_PIDS__INIT};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		int code = parse_limit(c, optarg, &l);

		if (code != ACTL_OK)
			return code;
	}
	if (argc - optind != 1)
		return actl_usage("update");
	q.container_id = argv[optind];
	q.resources = &l.all;
	return actl_call(a, "UpdateContainer", &q.base, NULL);
}
