/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands. Each prints its own failures and returns the program's exit code. */
#pragma once

#define VMM_EXIT_USAGE                                                                             \
	125 /* also every failure of our own, so that it is not taken for the command's */

/* @argv: from the subcommand on. */
int vmm_cmd_run(int argc, char **argv);
int vmm_cmd_start(int argc, char **argv);
int vmm_cmd_stop(int argc, char **argv);
int vmm_cmd_ls(int argc, char **argv);
int vmm_cmd_info(int argc, char **argv);
int vmm_cmd_console(int argc, char **argv);

struct err;

/* "pith-vm: ..." on standard error. Return: VMM_EXIT_USAGE. */
int vmm_cmd_fail(const struct err *e);
/* The options of run and start, on standard output. Return: 0. */
int vmm_cmd_help(void);
