/* SPDX-License-Identifier: Apache-2.0 */
/* Standard streams by RPC. The streams themselves are stream.c. */
#include "agent/agent.h"
#include "agent/container.h"
#include "agent/journal.h"
#include "agent/process.h"
#include "agent/rpc.h"
#include "base/err.h"
#include "proto/agent.pb-c.h"

/* Nothing asked for, nothing consumed; or a stream that never was. */
static int reply_nothing(struct rpc_call *call)
{
	Grpc__ReadStreamResponse msg = GRPC__READ_STREAM_RESPONSE__INIT;

	return rpc_reply(call, &msg.base);
}

static int read_stdout(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
		       struct err *e)
{
	const Grpc__ReadStreamRequest *req = (const Grpc__ReadStreamRequest *)in;
	struct process *p = process_find(a, req->container_id, req->exec_id, e);

	if (p == NULL)
		return e->code;
	if (req->len == 0)
		return reply_nothing(call);
	return out_stream_read(&p->out, call, req->len, e);
}

static int read_stderr(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
		       struct err *e)
{
	const Grpc__ReadStreamRequest *req = (const Grpc__ReadStreamRequest *)in;
	struct process *p = process_find(a, req->container_id, req->exec_id, e);

	if (p == NULL)
		return e->code;
	if (req->len == 0 || p->has_tty)
		return reply_nothing(call);
	return out_stream_read(&p->err, call, req->len, e);
}

static int write_stdin(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
		       struct err *e)
{
	const Grpc__WriteStreamRequest *req = (const Grpc__WriteStreamRequest *)in;
	Grpc__WriteStreamResponse msg = GRPC__WRITE_STREAM_RESPONSE__INIT;
	struct container *c = container_find(a, req->container_id, ERR_INTERNAL, e);
	struct process *p;

	if (c == NULL)
		return e->code;
	p = container_find_process(c, req->exec_id, ERR_INTERNAL, e);
	if (p == NULL)
		return e->code;
	if (req->data.len > 0)
		return in_stream_write(&p->in, call, req->data.data, req->data.len, e);
	/* No data is how one of the hosts closes the stream; a terminal has nothing to close. */
	if (!p->has_tty) {
		in_stream_close(&p->in);
		journal_forget_stdin(p);
	}
	return rpc_reply(call, &msg.base);
}

static int close_stdin(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
		       struct err *e)
{
	const Grpc__CloseStdinRequest *req = (const Grpc__CloseStdinRequest *)in;
	struct process *p = process_find(a, req->container_id, req->exec_id, e);

	if (p == NULL)
		return e->code;
	if (!p->has_tty) {
		in_stream_close(&p->in);
		journal_forget_stdin(p);
	}
	return rpc_reply_empty(call);
}

static int tty_win_resize(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
			  struct err *e)
{
	const Grpc__TtyWinResizeRequest *req = (const Grpc__TtyWinResizeRequest *)in;
	struct process *p = process_find(a, req->container_id, req->exec_id, e);
	int r;

	if (p == NULL)
		return e->code;
	r = process_resize(p, req->row, req->column, e);
	return r < 0 ? r : rpc_reply_empty(call);
}

const struct rpc_method rpc_stdio_methods[] = {
	{"ReadStdout", read_stdout, RPC_UNTIL_DESTROY},
	{"ReadStderr", read_stderr, RPC_UNTIL_DESTROY},
	{"WriteStdin", write_stdin, RPC_UNTIL_DESTROY},
	{"CloseStdin", close_stdin, RPC_UNTIL_DESTROY},
	{"TtyWinResize", tty_win_resize, RPC_UNTIL_DESTROY},
	{0},
};
