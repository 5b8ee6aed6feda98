/* SPDX-License-Identifier: Apache-2.0 */
/* pith-ctl: options that every command shares, and the table of commands. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent-ctl/cmd.h"
#include "agent-ctl/ctl.h"
#define LOG_MODULE "ctl"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"

#define CALL_TIMEOUT_NS UINT64_C(60000000000)
#define VM_SOCKET       "hvsock:///run/pith/vm/%s/vsock.sock"

const struct actl_cmd actl_cmds[] = {
	{"call", cmd_call, "METHOD [FIELD=VALUE | '{JSON}']...", "call any method with any fields"},
	{"check", cmd_check, "", "ask whether the agent serves"},
	{"cp", cmd_cp, "SOURCE [NAME]:/PATH", "copy a file or folder into the guest's shared tree"},
	{"describe", cmd_describe, "METHOD | MESSAGE", "show the fields of a method or message"},
	{"destroy", cmd_destroy, "", "destroy the sandbox; the guest powers off"},
	{"details", cmd_details, "", "show what the guest can do"},
	{"events", cmd_events, "", "print a line for each container out of memory"},
	{"exec", cmd_exec,
	 "[-itd] [--user U[:G]] [--cwd DIR] [--env N=V]... CONTAINER [--] COMMAND...",
	 "run a command in a container"},
	{"kill", cmd_kill, "[-s SIGNAL] CONTAINER [EXEC]", "send a signal (default TERM)"},
	{"list", cmd_list, "", "list all methods"},
	{"logs", cmd_logs, "[-f] [-p PORT]", "print the agent's log stream"},
	{"metrics", cmd_metrics, "", "print the agent's metrics"},
	{"pause", cmd_pause, "CONTAINER", "freeze a container"},
	{"resume", cmd_resume, "CONTAINER", "thaw a container"},
	{"rm", cmd_rm, "CONTAINER", "kill and remove a container"},
	{"run", cmd_run, "[OPTIONS] [--bundle DIR | --spec FILE] --rootfs PATH [--] COMMAND...",
	 "run a command in a new container"},
	{"shell", cmd_shell, "[-p PORT]", "open the guest's debug console"},
	{"stats", cmd_stats, "[--watch] CONTAINER...", "show what containers use"},
	{"top", cmd_top, "CONTAINER...", "the same, refreshed every second"},
	{"update", cmd_update, "[--memory N] [--cpus N] [--pids N] CONTAINER", "change limits"},
	{"version", cmd_version, "", "versions of the agent, or of pith-ctl without an address"},
	{"wait", cmd_wait, "CONTAINER [EXEC]", "wait for a process and exit as it did"},
};
const size_t actl_n_cmds = ARRAY_LEN(actl_cmds);

static const struct actl_cmd *find(const char *name)
{
	for (size_t i = 0; i < actl_n_cmds; i++) {
		if (streq(actl_cmds[i].name, name))
			return &actl_cmds[i];
	}
	return NULL;
}

int actl_usage(const char *name)
{
	const struct actl_cmd *c = find(name);

	(void)fprintf(stderr, "usage: pith-ctl [GLOBAL OPTIONS] %s %s\n", name,
		      c != NULL ? c->args : "");
	return ACTL_USAGE;
}

static void help(FILE *to)
{
	(void)fputs("usage: pith-ctl [OPTIONS] COMMAND [ARGUMENTS]\n\n"
		    "  -a, --address ADDR   vsock://CID:PORT, unix://PATH, unix://@NAME, "
		    "hvsock://PATH[:PORT]\n"
		    "  -v, --vm NAME        the VM that pith-vm started under this name\n"
		    "  -j, --json           answers as JSON\n"
		    "  -T, --timeout TIME   of each call (60s; 0: none)\n"
		    "  -w, --wait TIME      go on trying to connect for so long (0)\n"
		    "  -d, --debug          say what the connection does\n"
		    "  -h, --help           this text\n\ncommands\n",
		    to);
	for (size_t i = 0; i < actl_n_cmds; i++)
		(void)fprintf(to, "  %-9s %s\n", actl_cmds[i].name, actl_cmds[i].help);
}

static int set_address(struct actl *a, const char *text)
{
	struct err e = {0};

	if (ttrpc_addr_parse(text, &a->addr, &e) < 0)
		return actl_say_err(ACTL_USAGE, &e);
	a->has_addr = true;
	return ACTL_OK;
}

static int set_vm(struct actl *a, const char *name)
{
	char text[sizeof(VM_SOCKET) + TTRPC_ADDR_MAX];

	if (strchr(name, '/') != NULL ||
	    snprintf(text, sizeof(text), VM_SOCKET, name) >= (int)sizeof(text))
		return actl_say(ACTL_USAGE, "'%s' is not the name of a VM", name);
	return set_address(a, text);
}

static int set_time(const char *option, const char *text, uint64_t *ret)
{
	if (actl_parse_time(text, ret) < 0)
		return actl_say(ACTL_USAGE, "--%s '%s' is not a time", option, text);
	return ACTL_OK;
}

static int set_option(struct actl *a, int option, const char *text)
{
	switch (option) {
	case 'a':
		return set_address(a, text);
	case 'v':
		return set_vm(a, text);
	case 'j':
		a->json = true;
		return ACTL_OK;
	case 'T':
		a->has_timeout = true;
		return set_time("timeout", text, &a->timeout_ns);
	case 'w':
		return set_time("wait", text, &a->wait_ns);
	case 'd':
		log_set_level(LOG_DEBUG_LEVEL);
		return ACTL_OK;
	default:
		help(stderr);
		return ACTL_USAGE;
	}
}

static int parse(struct actl *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"address", required_argument, NULL, 'a'},
		{"vm", required_argument, NULL, 'v'},
		{"json", no_argument, NULL, 'j'},
		{"timeout", required_argument, NULL, 'T'},
		{"wait", required_argument, NULL, 'w'},
		{"debug", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *env = getenv("PITH_ADDRESS");
	int c, code = ACTL_OK;

	while (code == ACTL_OK &&
	       (c = getopt_long(argc, argv, "+a:v:jT:w:dh", options, NULL)) != -1) {
		if (c == 'h') {
			help(stdout);
			exit(ACTL_OK);
		}
		code = set_option(a, c, optarg);
	}
	if (code == ACTL_OK && !a->has_addr && !str_empty(env))
		code = set_address(a, env);
	return code;
}

int main(int argc, char **argv)
{
	struct actl a = {.timeout_ns = CALL_TIMEOUT_NS};
	const struct actl_cmd *cmd;
	int code;

	log_setup("pith-ctl", "pith-ctl", LOG_PLAIN);
	log_set_level(LOG_WARN_LEVEL);
	/* A closed pipe is seen as an error of write. */
	(void)signal(SIGPIPE, SIG_IGN);
	code = parse(&a, argc, argv);
	if (code != ACTL_OK)
		return code;
	if (optind == argc) {
		help(stderr);
		return ACTL_USAGE;
	}
	cmd = find(argv[optind]);
	if (cmd == NULL)
		return actl_say(ACTL_USAGE, "no command '%s'; --help lists them", argv[optind]);
	if (loop_new(&a.loop) < 0)
		return actl_say(ACTL_FAILED, "cannot make an event loop");
	argc -= optind;
	argv += optind;
	optind = 0; /* getopt starts over */
	code = cmd->run(&a, argc, argv);
	ttrpc_client_free(a.client);
	loop_free(a.loop);
	return code;
}
