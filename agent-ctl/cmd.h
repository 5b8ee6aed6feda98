/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: one table in main.c, one function for each, grouped in cmd_*.c by what they are about. */
#pragma once

#include <stddef.h>

struct actl;

struct actl_cmd {
	const char *name;
	int (*run)(struct actl *a, int argc,
		   char **argv); /* argv[0] is the name. Return: exit code */
	const char *args, *help;
};

extern const struct actl_cmd actl_cmds[];
extern const size_t actl_n_cmds;

/* Says how a command is used, on standard error. Return: ACTL_USAGE. */
int actl_usage(const char *name);

/* cmd_call.c: any method. */
int cmd_call(struct actl *a, int argc, char **argv);
int cmd_list(struct actl *a, int argc, char **argv);
int cmd_describe(struct actl *a, int argc, char **argv);

/* cmd_guest.c: the guest and its sandbox. */
int cmd_check(struct actl *a, int argc, char **argv);
int cmd_version(struct actl *a, int argc, char **argv);
int cmd_details(struct actl *a, int argc, char **argv);
int cmd_metrics(struct actl *a, int argc, char **argv);
int cmd_events(struct actl *a, int argc, char **argv);
int cmd_destroy(struct actl *a, int argc, char **argv);

/* cmd_container.c: what is there already. */
int cmd_kill(struct actl *a, int argc, char **argv);
int cmd_wait(struct actl *a, int argc, char **argv);
int cmd_pause(struct actl *a, int argc, char **argv);
int cmd_resume(struct actl *a, int argc, char **argv);
int cmd_rm(struct actl *a, int argc, char **argv);
int cmd_update(struct actl *a, int argc, char **argv);

/* cmd_stats.c: what containers use. */
int cmd_stats(struct actl *a, int argc, char **argv);
int cmd_top(struct actl *a, int argc, char **argv);

/* cmd_run.c, cmd_copy.c, cmd_console.c: into the guest. */
int cmd_run(struct actl *a, int argc, char **argv);
int cmd_exec(struct actl *a, int argc, char **argv);
int cmd_cp(struct actl *a, int argc, char **argv);
int cmd_shell(struct actl *a, int argc, char **argv);
int cmd_logs(struct actl *a, int argc, char **argv);
