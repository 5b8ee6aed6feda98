/* SPDX-License-Identifier: Apache-2.0 */
/* The streams of one process in the guest. Every wait is a call in flight or a source on the loop. */
#include "agent-ctl/attach.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent-ctl/output.h"
#include "agent-ctl/tty.h"
#include "base/loop.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"
#include "ttrpc/server.h"

#define READ_SIZE  ((size_t)256 << 10)
#define STDIN_SIZE ((size_t)128 << 10)
/* So many interrupts in a row mean that the user wants out, whatever the process does with them. */
#define INTERRUPTS_MAX 3

struct out_stream {
	struct attach *at;
	const char *method;
	struct actl_output out;
	bool is_reading, is_ended;
	uint32_t call;
};

struct attach {
	struct actl *a;
	const struct actl_attach_options *o;
	struct out_stream stdout_, stderr_;
	struct loop_io stdin_io;
	bool stdin_open;
	uint8_t *stdin_buf;
	bool is_waiting, is_done;
	bool has_code;
	int code;
	unsigned interrupts;
	bool was_killed;
	uint32_t wait_call, stdin_call;
};

static void finish(struct attach *at, int code)
{
	if (at->is_done)
		return;
	at->is_done = true;
	at->code = code;
}

static void fail(struct attach *at, const char *what, int error)
{
	if (!at->is_done)
		finish(at, actl_say(ACTL_NO_PROCESS, "%s: %s", what, strerrordesc_np(-error)));
}

/* ---- calls ---- */

/* Return: the call's number, 0 when it could not be sent. */
static uint32_t start(struct attach *at, const char *method, const ProtobufCMessage *in,
		      uint64_t timeout_ns, ttrpc_reply_fn fn, void *data)
{
	int64_t r = -ENOMEM;
	size_t n = protobuf_c_message_get_packed_size(in);
	cleanup_free uint8_t *packed = malloc(n + 1);

	if (packed != NULL) {
		(void)protobuf_c_message_pack(in, packed);
		r = ttrpc_client_start(at->a->client, "grpc.AgentService", method,
				       (struct slice){(const char *)packed, n}, timeout_ns, fn,
				       data);
	}
	if (r < 0)
		fail(at, method, (int)r);
	return r < 0 ? 0 : (uint32_t)r;
}

static char *borrow(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void no_interest(void *data unused_arg, const struct ttrpc_reply *reply unused_arg)
{
}

static void send_signal(struct attach *at, int sig)
{
	Grpc__SignalProcessRequest q = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

	q.container_id = borrow(at->o->container_id);
	q.exec_id = borrow(at->o->exec_id);
	q.signal = (uint32_t)sig;
	(void)start(at, "SignalProcess", &q.base, at->a->timeout_ns, no_interest, NULL);
}

/* ---- the end ---- */

static void check_done(struct attach *at)
{
	if (at->has_code && actl_output_pending(&at->stdout_.out) == 0 &&
	    actl_output_pending(&at->stderr_.out) == 0)
		at->is_done = true;
}

static void on_exit_code(void *data, const struct ttrpc_reply *reply)
{
	struct attach *at = data;
	Grpc__WaitProcessResponse *m;

	if (reply->error < 0) {
		fail(at, "WaitProcess", reply->error);
		return;
	}
	if (reply->code != 0) {
		finish(at, actl_say(ACTL_NO_PROCESS, "WaitProcess: %s (%d): %.*s",
				    actl_code_name(reply->code), reply->code, (int)reply->message.n,
				    reply->message.p));
		return;
	}
	m = grpc__wait_process_response__unpack(NULL, reply->payload.n,
						(const uint8_t *)reply->payload.p);
	if (m == NULL) {
		fail(at, "WaitProcess", -EBADMSG);
		return;
	}
	at->has_code = true;
	at->code = m->status;
	grpc__wait_process_response__free_unpacked(m, NULL);
	check_done(at);
}

static void wait_when_ended(struct attach *at)
{
	Grpc__WaitProcessRequest q = GRPC__WAIT_PROCESS_REQUEST__INIT;

	if (!at->stdout_.is_ended || !at->stderr_.is_ended || at->is_waiting)
		return;
	at->is_waiting = true;
	q.container_id = borrow(at->o->container_id);
	q.exec_id = borrow(at->o->exec_id);
	at->wait_call = start(at, "WaitProcess", &q.base, 0, on_exit_code, at);
}

/* ---- output ---- */

static void on_output(void *data, const struct ttrpc_reply *reply);

static void read_more(struct out_stream *s)
{
	Grpc__ReadStreamRequest q = GRPC__READ_STREAM_REQUEST__INIT;

	if (s->is_reading || s->is_ended || actl_output_pending(&s->out) > READ_SIZE)
		return;
	s->is_reading = true;
	q.container_id = borrow(s->at->o->container_id);
	q.exec_id = borrow(s->at->o->exec_id);
	q.len = READ_SIZE;
	s->call = start(s->at, s->method, &q.base, 0, on_output, s);
}

static void end_stream(struct out_stream *s)
{
	s->is_ended = true;
	wait_when_ended(s->at);
}

static void on_output(void *data, const struct ttrpc_reply *reply)
{
	struct out_stream *s = data;
	Grpc__ReadStreamResponse *m;
	int r = 0;

	s->is_reading = false;
	if (reply->error < 0) {
		fail(s->at, s->method, reply->error);
		return;
	}
	if (reply->code != 0) { /* the record is gone: someone else waited for the process */
		end_stream(s);
		return;
	}
	m = grpc__read_stream_response__unpack(NULL, reply->payload.n,
					       (const uint8_t *)reply->payload.p);
	if (m == NULL) {
		fail(s->at, s->method, -EBADMSG);
		return;
	}
	if (m->data.len == 0)
		end_stream(s);
	else
		r = actl_output_add(&s->out, m->data.data, m->data.len);
	grpc__read_stream_response__free_unpacked(m, NULL);
	if (r < 0)
		fail(s->at, "output", r);
	else
		read_more(s);
}

static void on_written(struct actl_output *out)
{
	struct out_stream *s = container_of(out, struct out_stream, out);

	/* A pipeline whose reader has left ends its writers; ours cannot see the closed pipe. */
	if (out->is_broken && !s->at->was_killed) {
		s->at->was_killed = true;
		send_signal(s->at, SIGKILL);
	}
	read_more(s);
	check_done(s->at);
}

/* ---- input ---- */

static void read_stdin(struct attach *at);

static void on_stdin(struct loop_io *io, uint32_t events unused_arg)
{
	read_stdin(container_of(io, struct attach, stdin_io));
}

static void watch_stdin(struct attach *at)
{
	int r;

	if (!at->stdin_open || at->is_done)
		return;
	r = loop_io_add(at->a->loop, &at->stdin_io, STDIN_FILENO, EPOLLIN, on_stdin);
	if (r == -EPERM) /* a regular file */
		read_stdin(at);
	else if (r < 0)
		fail(at, "standard input", r);
}

static void on_input_taken(void *data, const struct ttrpc_reply *reply)
{
	struct attach *at = data;

	/* The process has closed its input or is gone: what comes is for nobody. */
	if (reply->error < 0 || reply->code != 0)
		at->stdin_open = false;
	watch_stdin(at);
}

static void close_stdin(struct attach *at)
{
	Grpc__CloseStdinRequest q = GRPC__CLOSE_STDIN_REQUEST__INIT;

	at->stdin_open = false;
	q.container_id = borrow(at->o->container_id);
	q.exec_id = borrow(at->o->exec_id);
	(void)start(at, "CloseStdin", &q.base, at->a->timeout_ns, no_interest, NULL);
}

static void read_stdin(struct attach *at)
{
	Grpc__WriteStreamRequest q = GRPC__WRITE_STREAM_REQUEST__INIT;
	ssize_t n = read(STDIN_FILENO, at->stdin_buf, STDIN_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* Not watched while a write is in flight: that is the back-pressure. */
	loop_io_del(&at->stdin_io);
	if (n <= 0) {
		close_stdin(at);
		return;
	}
	at->interrupts = 0;
	q.container_id = borrow(at->o->container_id);
	q.exec_id = borrow(at->o->exec_id);
	q.data = (ProtobufCBinaryData){(size_t)n, at->stdin_buf};
	at->stdin_call = start(at, "WriteStdin", &q.base, 0, on_input_taken, at);
}

/* ---- signals ---- */

static void make_resize(const struct actl_attach_options *o, Grpc__TtyWinResizeRequest *ret)
{
	grpc__tty_win_resize_request__init(ret);
	ret->container_id = borrow(o->container_id);
	ret->exec_id = borrow(o->exec_id);
}

void actl_attach_resize(struct actl *a, const struct actl_attach_options *o)
{
	cleanup_result struct actl_result r = {0};
	Grpc__TtyWinResizeRequest q;

	make_resize(o, &q);
	if (actl_tty_size(&q.row, &q.column))
		actl_try(a, "TtyWinResize", &q.base, &r);
}

static void on_signal(void *data, int sig, pid_t sender unused_arg)
{
	struct attach *at = ((struct actl *)data)->attached;
	Grpc__TtyWinResizeRequest q;

	if (at == NULL) /* between processes: cleaning up goes on */
		return;
	if (sig == SIGWINCH) {
		make_resize(at->o, &q);
		if (at->o->terminal && actl_tty_size(&q.row, &q.column))
			(void)start(at, "TtyWinResize", &q.base, at->a->timeout_ns, no_interest,
				    NULL);
		return;
	}
	if (sig == SIGINT || sig == SIGTERM)
		at->interrupts++;
	send_signal(at, at->interrupts >= INTERRUPTS_MAX ? SIGKILL : sig);
	/* Nobody is there any more, and a shell that is process 1 of its namespace ignores it. */
	if (sig == SIGHUP && at->o->terminal)
		finish(at, 128 + sig);
}

static int watch_signals(struct attach *at)
{
	static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
					SIGUSR1, SIGUSR2, SIGWINCH};
	bool again = at->a->has_signals;
	sigset_t mask;

	at->a->attached = at;
	if (again)
		return 0;
	at->a->has_signals = true;
	(void)sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
		(void)sigaddset(&mask, forwarded[i]);
	return loop_signal_add(at->a->loop, &mask, on_signal, at->a);
}

/* ---- all of it ---- */

static void stream_init(struct attach *at, struct out_stream *s, const char *method, int fd)
{
	s->at = at;
	s->method = method;
	actl_output_init(&s->out, at->a->loop, fd, on_written);
}

static int begin(struct attach *at)
{
	int r = watch_signals(at);

	if (r < 0)
		return actl_say(ACTL_NO_PROCESS, "signals: %s", strerrordesc_np(-r));
	if (at->o->terminal)
		r = actl_tty_raw();
	if (r < 0)
		return actl_say(ACTL_NO_PROCESS, "terminal: %s", strerrordesc_np(-r));
	/* A terminal's process has one stream for both. */
	at->stderr_.is_ended = at->o->terminal;
	read_more(&at->stdout_);
	read_more(&at->stderr_);
	at->stdin_open = at->o->wants_stdin;
	if (at->o->wants_stdin)
		watch_stdin(at);
	else if (!at->o->terminal)
		close_stdin(at);
	return ACTL_OK;
}

/* Calls still in flight must not come back to an attach that is over. */
static void forget(struct attach *at)
{
	const uint32_t calls[] = {at->stdout_.call, at->stderr_.call, at->wait_call,
				  at->stdin_call};

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		ttrpc_client_forget(at->a->client, calls[i]);
}

int actl_attach(struct actl *a, const struct actl_attach_options *o)
{
	struct attach at = {.a = a, .o = o, .stdin_io = LOOP_IO_INIT};
	cleanup_free uint8_t *buf = malloc(STDIN_SIZE);
	int code;

	if (buf == NULL)
		return actl_say(ACTL_NO_PROCESS, "no memory");
	at.stdin_buf = buf;
	stream_init(&at, &at.stdout_, "ReadStdout", STDOUT_FILENO);
	stream_init(&at, &at.stderr_, "ReadStderr", STDERR_FILENO);
	code = begin(&at);
	if (code != ACTL_OK)
		finish(&at, code);
	while (!at.is_done) {
		int r = loop_once(a->loop, -1);

		if (r < 0)
			fail(&at, "loop", r);
	}
	actl_tty_restore();
	a->attached = NULL;
	forget(&at);
	loop_io_del(&at.stdin_io);
	actl_output_done(&at.stdout_.out);
	actl_output_done(&at.stderr_.out);
	return at.code;
}
