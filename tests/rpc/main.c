/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: rpc-tests AGENT     (by run.sh, as root)
 * Makes private namespaces, a busybox root and an agent, runs every test, compares what is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/path.h"
#include "proto/health.pb-c.h"
#include "tests/rpc/rpc.h"
#include "ttrpc/addr.h"

#define TESTS_MAX  512
#define DEADLINE_S 600

struct world world;

static const char *agent_path;
static char config_path[96];
static struct CMUnitTest tests[TESTS_MAX];
static size_t n_tests;
static int init_fd = -EBADF; /* what the agent takes for init */

void test_register(const char *name, void (*fn)(void **state))
{
	if (n_tests == TESTS_MAX)
		abort();
	tests[n_tests++] = (struct CMUnitTest){.name = name, .test_func = fn};
}

void test_fail(const char *expr, const char *file, int line)
{
	_assert_true(0, expr, file, line);
	abort();
}

void test_skip(const char *file, int line)
{
	_skip(file, line);
	abort();
}

static void die(const char *what)
{
	(void)printf("Bail out! %s: %s\n", what, strerror(errno));
	(void)fflush(stdout);
	_exit(1);
}

/* ---- the agent ---- */

static void agent_main(void)
{
	char addr[128], log[128];
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(addr, sizeof(addr), "unix://%s", world.socket);
	(void)snprintf(log, sizeof(log), "%s/agent.log", world.dir);
	(void)setenv("KATA_AGENT_SERVER_ADDR", addr, 1);
	(void)setenv("KATA_AGENT_LOG_LEVEL", "debug", 1);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(125);
	if (init_fd >= 0 && dup2(init_fd, 3) < 0)
		_exit(125);
	(void)close_range(init_fd >= 0 ? 4 : 3, ~0U, 0);
	(void)execl(agent_path, "pith-agent", "--run-dir", world.run_dir, "--config", config_path,
		    init_fd >= 0 ? "--init-fd" : (char *)NULL, "3", (char *)NULL);
	_exit(126);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		die(path);
}

int agent_connect_fd(void)
{
	struct ttrpc_addr addr;
	struct err e = {0};
	char text[128];
	int fd = -EBADF;
	uint64_t end = loop_now_ns() + SECONDS(20);

	(void)snprintf(text, sizeof(text), "unix://%s", world.socket);
	if (ttrpc_addr_parse(text, &addr, &e) < 0)
		return -EINVAL;
	while (ttrpc_addr_connect(&addr, SECONDS(5), &fd, &e) < 0) {
		if (loop_now_ns() > end)
			return -ETIMEDOUT;
		(void)sched_yield();
	}
	return fd;
}

struct ttrpc_client *agent_connect(void)
{
	struct ttrpc_client *c = NULL;
	int fd = agent_connect_fd();

	if (fd < 0 || ttrpc_client_new_take(world.loop, fd, &c) < 0)
		die("connect to the agent");
	return c;
}

void agent_start(const char *config)
{
	Grpc__CheckRequest check = GRPC__CHECK_REQUEST__INIT;

	(void)snprintf(config_path, sizeof(config_path), "%s/agent.toml", world.dir);
	write_file(config_path, config);
	world.agent = fork();
	if (world.agent < 0)
		die("fork");
	if (world.agent == 0)
		agent_main();
	world.client = agent_connect();
	/* It listens early: an answer says that it is complete. */
	if (call_on(world.client, "grpc.Health", "Check", &check.base, SECONDS(20)).code != 0)
		die("first answer of the agent");
}

void agent_start_under(const char *config, int fd)
{
	init_fd = fd;
	agent_start(config);
	init_fd = -EBADF;
}

static void show_log(void)
{
	char line[4096], path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/agent.log", world.dir);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)fprintf(stderr, "# agent: %s", line);
	if (f != NULL)
		(void)fclose(f);
}

void agent_check_status(int status)
{
	if (status == 0)
		return;
	(void)fprintf(stderr, "# the agent ended with status %#x\n", (unsigned)status);
	show_log();
}

int agent_stop(void)
{
	int status = -1;

	ttrpc_client_free(world.client);
	world.client = NULL;
	(void)kill(world.agent, SIGTERM);
	if (waitpid(world.agent, &status, 0) != world.agent)
		return -1;
	agent_check_status(status);
	return status;
}

/* ---- surroundings ---- */

static void run(const char *const argv[])
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		die(argv[0]);
}

static void make_rootfs(void)
{
	static const char *const dirs[] = {"bin", "dev", "etc",  "proc",
					   "sys", "tmp", "root", "data"};
	char path[160], box[160];

	(void)snprintf(world.rootfs, sizeof(world.rootfs), "%s/rootfs", world.dir);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", world.rootfs, dirs[i]);
		if (path_mkdir_all(path, 0755) < 0)
			die(path);
	}
	(void)snprintf(box, sizeof(box), "%s/bin/busybox", world.rootfs);
	run((const char *const[]){"/bin/cp", "/bin/busybox", box, NULL});
	(void)snprintf(path, sizeof(path), "%s/bin", world.rootfs);
	run((const char *const[]){box, "--install", "-s", path, NULL});
	/* The links name the path of the outside. */
	run((const char *const[]){
		"/bin/sh", "-c",
		"cd \"$0\" && for f in *; do [ -L \"$f\" ] && ln -sf busybox \"$f\"; done", path,
		NULL});
}

static void surroundings(void)
{
	struct stat st;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("private mounts");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		die("mount proc");
	if (mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") < 0)
		die("mount tmpfs");
	(void)snprintf(world.dir, sizeof(world.dir), "/mnt");
	(void)snprintf(world.run_dir, sizeof(world.run_dir), "%s/run", world.dir);
	(void)snprintf(world.socket, sizeof(world.socket), "%s/agent.sock", world.dir);
	world.is_v2 = stat("/sys/fs/cgroup/cgroup.controllers", &st) == 0;
	make_rootfs();
	if (loop_new(&world.loop) < 0)
		die("event loop");
}

int agent_restart(const char *config)
{
	int status = agent_stop();

	agent_start(config);
	return status;
}

static int inner_main(void)
{
	int status, failed;

	surroundings();
	agent_start("");
	(void)alarm(DEADLINE_S);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = _cmocka_run_group_tests("rpc", tests, n_tests, NULL, NULL);
	/* Leaks of the agent show when it ends in order. */
	status = agent_stop();
	if (status != 0) {
		(void)fprintf(stderr, "# the agent ended with status %#x\n", (unsigned)status);
		failed++;
	}
	if (failed != 0 || getenv("SHOW_LOG") != NULL)
		show_log();
	return failed != 0;
}

int main(int argc, char **argv)
{
	const int ns = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID;
	int status = 1;
	pid_t pid;

	if (argc != 2 || getuid() != 0) {
		(void)printf("1..0 # SKIP usage: rpc-tests AGENT, as root\n");
		return 0;
	}
	agent_path = argv[1];
	(void)signal(SIGPIPE, SIG_IGN);
	/* Before the pid namespace, in which every run has the same numbers. */
	(void)snprintf(world.cgroup, sizeof(world.cgroup), "/pith-rpc-tests-%d", (int)getpid());
	if (unshare(ns) < 0)
		die("namespaces");
	/* Everything that is started below ends with this process. */
	pid = fork();
	if (pid == 0)
		_exit(inner_main());
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork");
	/* Not by return: the leak checker cannot start its helper in a dead pid namespace. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
