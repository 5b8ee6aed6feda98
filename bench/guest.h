/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floors that the agent is measured against, inside the same guest and over the same vsock: the
 * least that a bare C program needs for the same effect. Each start returns 0 or -errno.
 */
#pragma once

/* fork, exec @program, wait; no namespace. */
int bench_fork_exec(const char *program);
/* clone3 with new mount, pid, ipc, uts and cgroup namespaces, exec, wait. */
int bench_ns_exec(const char *program);
/* The same, with @root made the root; @program is a path below it. */
int bench_root_exec(const char *root, const char *program);
/* A long-lived process with namespaces of its own, for bench_join_exec. Return: its pid or -errno. */
int bench_sleeper_start(void);
void bench_sleeper_stop(int pid);
/* setns by pidfd into the sleeper's namespaces, fork, exec, wait. */
int bench_join_exec(int pid, const char *program);
