/* SPDX-License-Identifier: Apache-2.0 */
/* Further processes of a container, standard streams and terminals. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "tests/rpc/rpc.h"

static void ended(const char *id)
{
	EXPECT(remove_container(id, 10), 0);
}

static struct result resize(const char *id, const char *exec_id, uint32_t row, uint32_t column)
{
	Grpc__TtyWinResizeRequest req = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;

	req.container_id = (char *)(uintptr_t)id;
	req.exec_id = (char *)(uintptr_t)exec_id;
	req.row = row;
	req.column = column;
	return call("TtyWinResize", &req.base);
}

static void open_read(struct open_call *o, struct ttrpc_client *c, const char *id,
		      uint64_t timeout_ns)
{
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;

	req.container_id = (char *)(uintptr_t)id;
	req.len = 1024;
	call_open(c, o, "ReadStdout", &req.base, timeout_ns);
}

/* The data field of a small ReadStreamResponse: tag, length, bytes. */
static bool data_is(const struct open_call *o, const char *text)
{
	size_t n = strlen(text);

	if (n == 0)
		return o->code == 0 && o->n == 0;
	return o->code == 0 && o->n == n + 2 && memcmp(o->data + 2, text, n) == 0;
}

TEST(exec_sees_the_containers_processes_and_returns_its_code)
{
	char *text;

	run_container("x-1", "sleep 1000");
	EXPECT(exec_process("x-1", "one", "ps | grep -v grep | grep -c 'sleep 1000'; exit 9",
			    false),
	       0);
	text = read_all("x-1", "one", false, NULL);
	CHECK_STR(text, "1\n");
	free(text);
	CHECK_INT(wait_process("x-1", "one"), 9);
	CHECK_INT(wait_process("x-1", "one"), -5);
	ended("x-1");
}

TEST(exec_ids_are_checked_and_free_again_after_the_wait)
{
	run_container("x-ids", "sleep 1000");
	EXPECT(exec_process("x-ids", "", "true", false), 3);
	EXPECT(exec_process("x-ids", "x-ids", "true", false), 3);
	EXPECT(exec_process("x-ids", "../up", "true", false), 3);
	EXPECT(exec_process("x-ids", "e", "sleep 1000", false), 0);
	EXPECT_TEXT(exec_process("x-ids", "e", "true", false), 6, "already exists");
	EXPECT(signal_process("x-ids", "e", SIGKILL), 0);
	CHECK_INT(wait_process("x-ids", "e"), 137);
	EXPECT(exec_process("x-ids", "e", "exit 2", false), 0);
	CHECK_INT(wait_process("x-ids", "e"), 2);
	ended("x-ids");
}

TEST(exec_without_a_process_is_3)
{
	Grpc__ExecProcessRequest req = GRPC__EXEC_PROCESS_REQUEST__INIT;

	run_container("x-none", "sleep 1000");
	req.container_id = (char[]){"x-none"};
	req.exec_id = (char[]){"e"};
	EXPECT(call("ExecProcess", &req.base), 3);
	ended("x-none");
}

TEST(exec_of_a_missing_file_names_it_and_leaves_nothing)
{
	Grpc__ExecProcessRequest req = GRPC__EXEC_PROCESS_REQUEST__INIT;
	Grpc__Process p = GRPC__PROCESS__INIT;
	char *args[] = {(char[]){"/bin/no-such-file"}};
	char *before;

	run_container("x-miss", "sleep 1000");
	before = traces();
	req.container_id = (char[]){"x-miss"};
	req.exec_id = (char[]){"e"};
	req.process = &p;
	p.args = args;
	p.n_args = 1;
	p.cwd = (char[]){"/"};
	EXPECT_TEXT(call("ExecProcess", &req.base), 13, "the file /bin/no-such-file was not found");
	traces_return_to(before);
	ended("x-miss");
}

TEST(stdin_is_written_whole_and_closed_by_either_way)
{
	char *text;

	run_container("io-1", "cat; echo end");
	EXPECT(write_stdin("io-1", "", "some data\n", 10), 0);
	EXPECT(close_stdin("io-1", ""), 0);
	EXPECT(close_stdin("io-1", ""), 0);
	EXPECT_TEXT(write_stdin("io-1", "", "x", 1), 13, "Cannot get writer");
	text = read_all("io-1", "", false, NULL);
	CHECK_STR(text, "some data\nend\n");
	free(text);
	CHECK_INT(wait_process("io-1", ""), 0);
	ended("io-1");

	run_container("io-2", "wc -c");
	EXPECT(write_stdin("io-2", "io-2", "12345", 5), 0);
	EXPECT(write_stdin("io-2", "", "", 0), 0);
	text = read_all("io-2", "", false, NULL);
	CHECK(strtol(text, NULL, 10) == 5);
	free(text);
	CHECK_INT(wait_process("io-2", ""), 0);
	ended("io-2");
}

TEST(large_write_parks_until_the_reader_comes_and_loses_nothing)
{
	Grpc__WriteStreamRequest req = GRPC__WRITE_STREAM_REQUEST__INIT;
	static char big[1u << 20];
	static struct open_call w;
	char *text;

	run_container("io-big", "read go; wc -c");
	memset(big, 'x', sizeof(big));
	big[0] = '\n'; /* the line that lets it go on comes first */
	req.container_id = (char[]){"io-big"};
	req.data.data = (uint8_t *)big;
	req.data.len = sizeof(big);
	call_open(world.client, &w, "WriteStdin", &req.base, 0);
	call_finish(&w);
	CHECK(w.code == 0 && w.n == 4); /* tag and 1048576 as a varint */
	EXPECT(close_stdin("io-big", ""), 0);
	text = read_all("io-big", "", false, NULL);
	CHECK(strtol(text, NULL, 10) == (long)sizeof(big) - 1);
	free(text);
	CHECK_INT(wait_process("io-big", ""), 0);
	ended("io-big");
}

TEST(output_larger_than_ring_and_pipe_arrives_whole)
{
	char *text;
	size_t n = 0;

	run_container("io-out", "dd if=/dev/zero bs=65536 count=64 2>/dev/null | tr '\\0' 'a'");
	loop_for(300); /* blocked in the pipe by now */
	text = read_all("io-out", "", false, &n);
	CHECK(n == 64 * 65536);
	for (size_t i = 0; i < n; i++)
		CHECK(text[i] == 'a');
	free(text);
	CHECK_INT(wait_process("io-out", ""), 0);
	ended("io-out");
}

TEST(output_written_before_the_exit_is_there_for_a_late_reader)
{
	char *text;

	run_container("io-late", "echo early");
	loop_for(800);
	text = read_all("io-late", "", false, NULL);
	CHECK_STR(text, "early\n");
	free(text);
	CHECK_INT(wait_process("io-late", ""), 0);
	ended("io-late");
}

TEST(descendant_that_holds_the_stream_delays_its_end_by_half_a_second_only)
{
	uint64_t start;
	char *text;

	run_container("io-hold", "sleep 1000");
	start = loop_now_ns();
	EXPECT(exec_process("io-hold", "e", "echo out; sleep 1000 & exit 0", false), 0);
	text = read_all("io-hold", "e", false, NULL);
	CHECK_STR(text, "out\n");
	free(text);
	CHECK(loop_now_ns() - start < SECONDS(3));
	CHECK(loop_now_ns() - start > SECONDS(1) / 3);
	CHECK_INT(wait_process("io-hold", "e"), 0);
	ended("io-hold");
}

TEST(zero_length_read_consumes_nothing)
{
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;
	static struct open_call o;
	struct result r;

	run_container("io-zero", "echo text; sleep 1000");
	req.container_id = (char[]){"io-zero"};
	r = call("ReadStdout", &req.base);
	EXPECT(r, 0);
	CHECK(r.n == 0);
	open_read(&o, world.client, "io-zero", 0);
	call_finish(&o);
	CHECK(data_is(&o, "text\n"));
	ended("io-zero");
}

TEST(read_cancelled_by_its_deadline_takes_no_byte)
{
	static struct open_call a, b;

	run_container("io-dead", "read x; echo $x; sleep 1000");
	open_read(&a, world.client, "io-dead", SECONDS(1) / 10);
	call_finish(&a);
	CHECK(a.code == 4);
	/* Our own clock may have said so: the agent's started later, when it had the request. */
	loop_for(200);
	EXPECT(write_stdin("io-dead", "", "word\n", 5), 0);
	open_read(&b, world.client, "io-dead", 0);
	call_finish(&b);
	CHECK(data_is(&b, "word\n"));
	ended("io-dead");
}

TEST(reads_of_a_lost_connection_take_no_byte)
{
	struct ttrpc_client *c = agent_connect();
	static struct open_call a, b;

	run_container("io-lost", "read x; echo $x; sleep 1000");
	open_read(&a, c, "io-lost", 0);
	loop_for(50);
	ttrpc_client_free(c);
	EXPECT(write_stdin("io-lost", "", "kept\n", 5), 0);
	open_read(&b, world.client, "io-lost", 0);
	call_finish(&b);
	CHECK(data_is(&b, "kept\n"));
	ended("io-lost");
}

TEST(parked_reads_end_when_the_container_is_removed)
{
	static struct open_call a;

	run_container("io-gone", "sleep 1000");
	open_read(&a, world.client, "io-gone", 0);
	ended("io-gone");
	call_finish(&a);
	CHECK(data_is(&a, ""));
}

TEST(wait_cancelled_by_its_deadline_leaves_the_process_waitable)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	static struct open_call a;

	run_container("w-dead", "read x; exit 6");
	req.container_id = (char[]){"w-dead"};
	call_open(world.client, &a, "WaitProcess", &req.base, SECONDS(1) / 5);
	call_finish(&a);
	CHECK(a.code == 4);
	EXPECT(write_stdin("w-dead", "", "\n", 1), 0);
	CHECK_INT(wait_process("w-dead", ""), 6);
	ended("w-dead");
}

TEST(wait_of_a_lost_connection_leaves_the_code_for_the_next)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	struct ttrpc_client *c = agent_connect();
	static struct open_call a;

	run_container("w-lost", "read x; exit 6");
	req.container_id = (char[]){"w-lost"};
	call_open(c, &a, "WaitProcess", &req.base, 0);
	loop_for(50);
	ttrpc_client_free(c);
	EXPECT(write_stdin("w-lost", "", "\n", 1), 0);
	CHECK_INT(wait_process("w-lost", ""), 6);
	ended("w-lost");
}

TEST(terminal_echoes_resizes_and_ends_without_an_error)
{
	struct spec s;
	char *text;

	spec_init(&s, "tty-1", "stty size; read x; stty size; exit 8");
	s.process.terminal = true;
	EXPECT(spec_create(&s), 0);
	spec_done(&s);
	EXPECT(resize("tty-1", "", 40, 100), 0);
	EXPECT(start_container("tty-1"), 0);
	EXPECT(close_stdin("tty-1", ""), 0); /* has no effect on a terminal */
	EXPECT(write_stdin("tty-1", "", "", 0), 0);
	EXPECT(resize("tty-1", "", 50, 132), 0);
	EXPECT(write_stdin("tty-1", "", "hi\n", 3), 0);
	text = read_all("tty-1", "", false, NULL);
	CHECK(strstr(text, "50 132") != NULL);
	CHECK(strstr(text, "hi\r\n") != NULL);
	free(text);
	text = read_all("tty-1", "", true, NULL);
	CHECK_STR(text, "");
	free(text);
	CHECK_INT(wait_process("tty-1", ""), 8);
	ended("tty-1");
}

TEST(exec_with_a_terminal_has_one_of_its_own)
{
	char *text;

	run_container("tty-x", "sleep 1000");
	EXPECT(exec_process("tty-x", "t", "tty; test -t 0 && echo yes", true), 0);
	text = read_all("tty-x", "t", false, NULL);
	CHECK(strstr(text, "/dev/pts/") != NULL && strstr(text, "yes") != NULL);
	free(text);
	CHECK_INT(wait_process("tty-x", "t"), 0);
	ended("tty-x");
}

TEST(resize_without_a_terminal_is_14)
{
	run_container("tty-no", "sleep 1000");
	EXPECT_TEXT(resize("tty-no", "", 1, 1), 14, "no tty");
	ended("tty-no");
}
