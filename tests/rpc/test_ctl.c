/* SPDX-License-Identifier: Apache-2.0 */
/* pith-ctl against the agent: exit codes, streams byte by byte, a terminal, and every kind of word. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/loop.h"
#include "tests/rpc/rpc.h"

#define ARGS_MAX 40
#define OUT_MAX  ((size_t)64 << 20)

struct run {
	pid_t pid;
	int in, out, err; /* our ends */
	char *text;       /* what came out, NUL-terminated */
	size_t n;
	char said[1024]; /* on standard error */
	int code;
};

static void ctl_path(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);

	CHECK(n > 0);
	buf[n] = '\0';
	n = (ssize_t)(strrchr(buf, '/') - buf);
	(void)snprintf(buf + n, size - (size_t)n, "/pith-ctl");
}

static void child_main(const char *const *args)
{
	const char *argv[ARGS_MAX + 4] = {"pith-ctl", "--address"};
	char address[128], path[512];
	size_t n = 2;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)snprintf(address, sizeof(address), "unix://%s", world.socket);
	argv[n++] = address;
	while (*args != NULL && n < ARGS_MAX + 3)
		argv[n++] = *args++;
	ctl_path(path, sizeof(path));
	(void)execv(path, (char *const *)(uintptr_t)argv);
	_exit(126);
}

static void spawn(struct run *r, const char *const *args)
{
	int in[2], out[2], err[2];

	*r = (struct run){.pid = -1};
	CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
	      pipe2(err, O_CLOEXEC) == 0);
	r->pid = fork();
	CHECK(r->pid >= 0);
	if (r->pid == 0) {
		if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
			_exit(125);
		child_main(args);
	}
	(void)fd_close(in[0]);
	(void)fd_close(out[1]);
	(void)fd_close(err[1]);
	r->in = in[1];
	r->out = out[0];
	r->err = err[0];
	CHECK(fd_set_nonblock(r->in, true) == 0);
}

static void take(int *fd, char *buf, size_t *n, size_t max)
{
	ssize_t got = read(*fd, buf + *n, MIN(max - *n, (size_t)1 << 16));

	if (got > 0)
		*n += (size_t)got;
	else
		*fd = fd_close(*fd);
}

/* Feeds @input, collects both outputs, waits for the end. */
static void finish(struct run *r, const char *input, size_t n_input)
{
	uint64_t deadline = loop_now_ns() + SECONDS(60);
	size_t n_said = 0, fed = 0;
	int status;

	r->text = malloc(OUT_MAX + 1);
	CHECK(r->text != NULL);
	while (r->out >= 0 || r->err >= 0) {
		struct pollfd p[] = {{r->out, POLLIN, 0}, {r->err, POLLIN, 0}, {r->in, POLLOUT, 0}};

		CHECK(loop_now_ns() < deadline);
		CHECK(poll(p, 3, 1000) >= 0 || errno == EINTR);
		if (p[0].revents != 0)
			take(&r->out, r->text, &r->n, OUT_MAX);
		if (p[1].revents != 0)
			take(&r->err, r->said, &n_said, sizeof(r->said) - 1);
		if (r->in >= 0 && (fed == n_input || (p[2].revents & (POLLERR | POLLHUP)))) {
			r->in = fd_close(r->in);
		} else if (p[2].revents & POLLOUT) {
			ssize_t w = write(r->in, input + fed, n_input - fed);

			fed += w > 0 ? (size_t)w : 0;
		}
	}
	r->in = fd_close(r->in);
	r->text[r->n] = '\0';
	r->said[n_said] = '\0';
	CHECK_INT(waitpid(r->pid, &status, 0), r->pid);
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void done(struct run *r)
{
	free(r->text);
	r->text = NULL;
}
#define cleanup_run __attribute__((cleanup(done)))

#define CTL(r, input, ...)                                                                         \
	cleanup_run struct run r;                                                                  \
	spawn(&r, (const char *const[]){__VA_ARGS__, NULL});                                       \
	finish(&r, input, strlen(input))

#define SAYS(r, part)                                                                              \
	do {                                                                                       \
		if (strstr((r).said, part) == NULL)                                                \
			print_message("# it said: %s\n", (r).said);                                \
		CHECK(strstr((r).said, part) != NULL);                                             \
	} while (0)

#define RUN "run", "--rootfs", world.rootfs

TEST(ctl_check_tells_that_the_agent_serves)
{
	CTL(r, "", "check");
	CHECK_INT(r.code, 0);
	CHECK_STR(r.text, "status: SERVING\n");
}

TEST(ctl_json_is_one_line)
{
	CTL(r, "", "--json", "check");
	CHECK_STR(r.text, "{\"status\":\"SERVING\"}\n");
}

TEST(ctl_run_passes_the_exit_code_and_both_streams)
{
	CTL(r, "", RUN, "--", "sh", "-c", "echo out; echo err >&2; exit 7");
	CHECK_INT(r.code, 7);
	CHECK_STR(r.text, "out\n");
	CHECK_STR(r.said, "err\n");
}

TEST(ctl_run_passes_a_death_by_signal)
{
	CTL(r, "", RUN, "--", "sh", "-c", "sh -c 'kill -SEGV $$'; exit $?");
	CHECK_INT(r.code, 139);
}

TEST(ctl_run_feeds_standard_input_and_its_end)
{
	CTL(r, "data\n", RUN, "-i", "--", "wc", "-c");
	CHECK_INT(r.code, 0);
	CHECK_STR(r.text, "5\n");
}

TEST(ctl_run_without_i_has_an_empty_input)
{
	CTL(r, "data\n", RUN, "--", "wc", "-c");
	CHECK_STR(r.text, "0\n");
}

TEST(ctl_run_carries_megabytes_both_ways_unchanged)
{
	size_t n = (size_t)20 << 20;
	char *data = malloc(n);
	cleanup_run struct run r;
	uint32_t x = 1;

	CHECK(data != NULL);
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (char)(x >> 24);
	}
	spawn(&r, (const char *const[]){RUN, "-i", "--", "cat", NULL});
	finish(&r, data, n);
	CHECK_INT(r.code, 0);
	CHECK_INT(r.n, n);
	CHECK(memcmp(r.text, data, n) == 0);
	free(data);
}

TEST(ctl_run_of_a_missing_command_is_127)
{
	CTL(r, "", RUN, "--", "nosuch");
	CHECK_INT(r.code, 127);
	SAYS(r, "the file nosuch was not found");
}

TEST(ctl_run_of_a_missing_rootfs_is_125_and_names_it)
{
	CTL(r, "", "run", "--rootfs", "/nowhere/at/all", "--", "true");
	CHECK_INT(r.code, 125);
	SAYS(r, "/nowhere/at/all");
}

TEST(ctl_run_sets_limits_environment_user_and_folder)
{
	CTL(r, "", RUN, "--env", "A=b c", "--user", "7:8", "--cwd", "/tmp", "--", "sh", "-c",
	    "echo $A; id -u; id -g; pwd");
	CHECK_INT(r.code, 0);
	CHECK_STR(r.text, "b c\n7\n8\n/tmp\n");
}

TEST(ctl_run_has_containerds_capabilities_and_no_new_privileges)
{
	CTL(r, "", RUN, "--", "grep", "-E", "CapBnd|NoNewPrivs", "/proc/self/status");
	CHECK_STR(r.text, "CapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\n");
}

TEST(ctl_run_drops_and_adds_capabilities)
{
	CTL(r, "", RUN, "--cap-drop", "all", "--cap-add", "net_admin", "--", "grep", "CapEff",
	    "/proc/self/status");
	CHECK_STR(r.text, "CapEff:\t0000000000001000\n");
}

TEST(ctl_exec_runs_beside_and_kill_and_wait_end_it)
{
	CTL(start, "", RUN, "-d", "--id", "ctl1", "--", "sh", "-c",
	    "trap 'exit 9' TERM; while :; do sleep 0.05; done");
	CHECK_INT(start.code, 0);
	CHECK_STR(start.text, "ctl1\n");
	{
		CTL(r, "abc", "exec", "-i", "ctl1", "--", "sh", "-c", "cat; exit 3");
		CHECK_INT(r.code, 3);
		CHECK_STR(r.text, "abc");
	}
	{
		CTL(r, "", "kill", "-s", "sigterm", "ctl1");
		CHECK_INT(r.code, 0);
	}
	{
		CTL(r, "", "wait", "ctl1");
		CHECK_INT(r.code, 9);
	}
	{
		CTL(r, "", "rm", "ctl1");
		CHECK_INT(r.code, 0);
	}
	{
		CTL(r, "", "rm", "ctl1");
		CHECK_INT(r.code, 1);
		SAYS(r, "INTERNAL (13): Invalid container id ctl1");
	}
}

TEST(ctl_run_forwards_signals)
{
	static const char script[] = "trap 'exit 4' USR1; echo ready; while :; do sleep 0.05; done";
	cleanup_run struct run r;
	char ready[6] = "";

	spawn(&r, (const char *const[]){RUN, "--", "sh", "-c", script, NULL});
	CHECK_INT(fd_read_full(r.out, ready, 6), 6);
	CHECK_INT(kill(r.pid, SIGUSR1), 0);
	finish(&r, "", 0);
	CHECK_INT(r.code, 4);
}

TEST(ctl_run_ends_a_writer_whose_reader_has_gone)
{
	cleanup_run struct run r;
	char two[2];

	spawn(&r, (const char *const[]){RUN, "--", "yes", NULL});
	CHECK_INT(fd_read_full(r.out, two, 2), 2);
	r.out = fd_close(r.out);
	finish(&r, "", 0);
	CHECK_INT(r.code, 137);
}

TEST(ctl_call_takes_words_and_json)
{
	CTL(words, "", "call", "SignalProcess", "container_id=nope", "signal=9");
	CHECK_INT(words.code, 1);
	SAYS(words, "Invalid container id nope");
	CTL(json, "", "call", "grpc.AgentService/SignalProcess",
	    "{\"containerId\":\"nope\",\"signal\":\"9\"}");
	CHECK_INT(json.code, 1);
	SAYS(json, "Invalid container id nope");
}

TEST(ctl_usage_errors_are_2_and_no_connection_is_3)
{
	CTL(method, "", "call", "Nope");
	CHECK_INT(method.code, 2);
	CTL(field, "", "call", "SignalProcess", "nope=1");
	CHECK_INT(field.code, 2);
	SAYS(field, "SignalProcessRequest has no field 'nope'");
	CTL(command, "", "nope");
	CHECK_INT(command.code, 2);
	CTL(nobody, "", "--address", "unix:///nowhere.sock", "check");
	CHECK_INT(nobody.code, 3);
}

TEST(ctl_keeps_its_own_deadline)
{
	CTL(r, "", "--timeout", "100ms", "call", "GetOOMEvent");
	CHECK_INT(r.code, 1);
	SAYS(r, "DEADLINE_EXCEEDED (4): timeout");
}

/* ---- a terminal ---- */

static void expect_text(int fd, const char *want)
{
	uint64_t deadline = loop_now_ns() + SECONDS(20);
	char text[4096];
	size_t n = 0;

	text[0] = '\0';
	while (strstr(text, want) == NULL) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		CHECK(loop_now_ns() < deadline && n < sizeof(text) - 1);
		if (poll(&p, 1, 1000) <= 0)
			continue;
		got = read(fd, text + n, sizeof(text) - 1 - n);
		CHECK(got > 0);
		n += (size_t)got;
		text[n] = '\0';
	}
}

static void type(int fd, const char *text)
{
	CHECK_INT(fd_write_full(fd, text, strlen(text)), strlen(text));
}

TEST(ctl_run_t_is_a_terminal_that_resizes_and_is_given_back)
{
	static const char script[] =
		"stty size; until [ \"$(stty size)\" = '50 100' ]; do sleep 0.02; done; "
		"trap 'echo int' INT; echo go; sleep 30; exit 6";
	struct winsize size = {.ws_row = 40, .ws_col = 100};
	struct termios before, after;
	cleanup_close int master = -EBADF, slave = -EBADF;
	int status;
	pid_t pid;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, &size), 0);
	CHECK_INT(tcgetattr(slave, &before), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (login_tty(slave) < 0)
			_exit(125);
		child_main((const char *const[]){RUN, "-it", "--", "sh", "-c", script, NULL});
	}
	expect_text(master, "40 100");
	CHECK_INT(tcgetattr(slave, &after), 0);
	CHECK((after.c_lflag & (ICANON | ECHO)) == 0);
	size.ws_row = 50;
	CHECK_INT(ioctl(master, TIOCSWINSZ, &size), 0);
	CHECK_INT(kill(pid, SIGWINCH), 0);
	expect_text(master, "go");
	type(master, "\003");
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 6);
	CHECK_INT(tcgetattr(slave, &after), 0);
	CHECK(before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag &&
	      before.c_oflag == after.c_oflag && before.c_cflag == after.c_cflag);
}
