/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: reports, payload and fds, deadlines, and programs run by them. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/worker.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"
#include "tests/test.h"

#define SECOND UINT64_C(1000000000)

struct outcome {
	struct loop *loop;
	int calls;
	struct err e;
	char payload[256];
	size_t n;
	int fd; /* the first one, taken */
};

static void on_done(void *data, const struct err *e, const void *payload, size_t n, int *fds,
		    size_t n_fds)
{
	struct outcome *o = data;

	o->calls++;
	o->e = *e;
	o->n = n;
	if (n > 0)
		memcpy(o->payload, payload, n < sizeof(o->payload) ? n : sizeof(o->payload));
	if (n_fds > 0)
		o->fd = TAKE_FD(fds[0]);
	loop_quit(o->loop, 0);
}

/* Runs one job to its end. */
static struct outcome run(worker_fn fn, void *data, uint64_t timeout_ns)
{
	struct outcome o = {.fd = -EBADF};
	struct worker_job job = {
		.name = "test job",
		.fn = fn,
		.fn_data = data,
		.timeout_ns = timeout_ns,
		.done = on_done,
		.done_data = &o,
	};
	struct err e = {0};

	CHECK(loop_new(&o.loop) == 0);
	CHECK(worker_run(o.loop, &job, NULL, &e) == 0);
	CHECK(o.calls == 0);
	CHECK(loop_run(o.loop) == 0);
	workers_stop();
	loop_free(o.loop);
	CHECK(o.calls == 1);
	return o;
}

static int job_payload(void *data, struct worker_out *out, struct err *e)
{
	(void)e;
	out->n = strlen(data);
	memcpy(out->payload, data, out->n);
	return 0;
}

TEST(job_reports_success_and_its_payload)
{
	char text[] = "result";
	struct outcome o = run(job_payload, text, 10 * SECOND);

	CHECK(o.e.code == 0 && o.n == 6 && memcmp(o.payload, "result", 6) == 0);
}

static int job_fail(void *data, struct worker_out *out, struct err *e)
{
	(void)data;
	(void)out;
	return err_refuse(e, ERR_EXISTS, "there is one already");
}

TEST(job_reports_kind_and_words_of_its_failure)
{
	struct outcome o = run(job_fail, NULL, 10 * SECOND);

	CHECK(o.e.code == -EEXIST && o.e.kind == ERR_EXISTS);
	CHECK_STR(o.e.msg, "there is one already");
}

static int job_fd(void *data, struct worker_out *out, struct err *e)
{
	int fds[2];

	(void)data;
	(void)e;
	if (pipe2(fds, O_CLOEXEC) < 0 || write(fds[1], "via", 3) != 3)
		return -errno;
	out->fds[0] = fds[0];
	out->fds[1] = fds[1];
	out->n_fds = 2;
	return 0;
}

TEST(fds_are_handed_over_and_those_not_taken_are_closed)
{
	struct outcome o = run(job_fd, NULL, 10 * SECOND);
	char buf[8];

	CHECK(o.fd >= 0 && read(o.fd, buf, sizeof(buf)) == 3);
	CHECK(read(o.fd, buf, sizeof(buf)) == 0); /* no writer is left */
	(void)close(o.fd);
}

static int job_hang(void *data, struct worker_out *out, struct err *e)
{
	(void)data;
	(void)out;
	(void)e;
	while (pause() != 0)
		;
	return 0;
}

TEST(hung_job_is_reported_at_its_deadline)
{
	uint64_t start = loop_now_ns();
	struct outcome o = run(job_hang, NULL, SECOND / 10);

	CHECK(o.e.kind == ERR_TIMEOUT && strstr(o.e.msg, "test job") != NULL);
	CHECK(loop_now_ns() - start < 5 * SECOND);
}

static int job_die(void *data, struct worker_out *out, struct err *e)
{
	(void)data;
	(void)out;
	(void)e;
	(void)raise(SIGKILL);
	return 0;
}

TEST(job_that_dies_is_a_failure_with_its_code)
{
	struct outcome o = run(job_die, NULL, 10 * SECOND);

	CHECK(o.e.code < 0 && strstr(o.e.msg, "137") != NULL);
}

static int job_count_fds(void *data, struct worker_out *out, struct err *e)
{
	(void)data;
	(void)out;
	/* 3 is the report socket or below it; a pipe of the parent is not there. */
	for (int fd = 3; fd < 256; fd++) {
		if (fd == *(int *)data && fcntl(fd, F_GETFD) >= 0)
			return err_refuse(e, ERR_INTERNAL, "fd %d of the parent is open", fd);
	}
	return 0;
}

TEST(fds_of_the_parent_are_closed_in_the_child)
{
	int fds[2];
	struct outcome o;

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	o = run(job_count_fds, &fds[1], 10 * SECOND);
	CHECK(o.e.code == 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static int job_exec(void *data, struct worker_out *out, struct err *e)
{
	const char *argv[] = {"/bin/sh", "-c", data, NULL};
	struct str text = STR_INIT(200), err = STR_INIT(200);
	int r = worker_exec(argv, "input\n", 6, &text, &err, e);

	if (r < 0)
		return r;
	out->n =
		(size_t)snprintf(out->payload, 256, "%d|%s|%s", r, str_text(&text), str_text(&err));
	return 0;
}

TEST(program_gets_input_and_its_output_and_code_come_back)
{
	char script[] = "cat; echo no >&2; exit 5";
	struct outcome o = run(job_exec, script, 10 * SECOND);

	CHECK(o.e.code == 0);
	o.payload[o.n] = '\0';
	CHECK_STR(o.payload, "5|input\n|no\n");
}

TEST(program_that_ignores_its_input_and_talks_much_is_no_problem)
{
	char script[] = "exec <&-; yes | head -c 300000; exit 0";
	struct outcome o = run(job_exec, script, 10 * SECOND);

	CHECK(o.e.code == 0 && o.payload[0] == '0');
}

static int job_missing(void *data, struct worker_out *out, struct err *e)
{
	const char *argv[] = {"/no/such/program", NULL};

	(void)data;
	(void)out;
	return worker_exec(argv, NULL, 0, NULL, NULL, e);
}

TEST(program_that_is_missing_is_named)
{
	struct outcome o = run(job_missing, NULL, 10 * SECOND);

	CHECK(o.e.code == -ENOENT && strstr(o.e.msg, "/no/such/program") != NULL);
}
