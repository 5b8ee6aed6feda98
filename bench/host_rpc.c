/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's RPCs as a host runtime would send them, for timing: one connection, calls in sequence. */
#include <signal.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"
#include "bench/host.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"
#include "ttrpc/addr.h"
#include "ttrpc/client.h"

#define AGENT      "grpc.AgentService"
#define CALL_NS    60000000000ull
#define READ_LEN   32768 /* what the Go shim asks for */
#define BENCH_ROOT "/opt/bench/rootfs"

struct bench_rpc {
	struct loop *loop;
	struct ttrpc_client *client;
};

void bench_rpc_close(struct bench_rpc *b)
{
	if (b == NULL)
		return;
	if (b->client != NULL)
		ttrpc_client_free(b->client);
	loop_free(b->loop);
	free(b);
}

int bench_rpc_open(const char *vsock, struct bench_rpc **ret, struct err *e)
{
	struct ttrpc_addr addr = {.kind = TTRPC_ADDR_HYBRID, .port = TTRPC_PORT};
	struct bench_rpc *b = calloc(1, sizeof(*b));
	int fd = -EBADF, r;

	if (b == NULL)
		return err_set(e, -ENOMEM, "client");
	r = loop_new(&b->loop);
	if (r == 0 && str_copy(addr.path, sizeof(addr.path), vsock) < 0)
		r = -ENAMETOOLONG;
	if (r < 0) {
		bench_rpc_close(b);
		return err_set(e, r, "client for '%s'", vsock);
	}
	r = ttrpc_addr_connect(&addr, CALL_NS, &fd, e);
	if (r == 0) {
		r = ttrpc_client_new_take(b->loop, fd, &b->client);
		if (r < 0) {
			(void)close(fd);
			r = err_set(e, r, "client");
		}
	}
	if (r < 0) {
		bench_rpc_close(b);
		return r;
	}
	*ret = b;
	return 0;
}

/* Return: 0 and the answer in *ret when it is a success. */
static int call(struct bench_rpc *b, const char *service, const char *method,
		const ProtobufCMessage *req, uint64_t timeout_ns, struct ttrpc_answer *ret,
		struct err *e)
{
	size_t n = protobuf_c_message_get_packed_size(req);
	cleanup_free uint8_t *buf = malloc(n + 1);
	int r;

	if (buf == NULL)
		return err_set(e, -ENOMEM, "%s", method);
	(void)protobuf_c_message_pack(req, buf);
	r = ttrpc_client_call(b->client, service, method, (struct slice){(const char *)buf, n},
			      timeout_ns, ret, e);
	if (r < 0)
		return err_wrap(e, "%s", method);
	if (ret->code != 0)
		return err_refuse(e, ERR_INTERNAL, "%s: status %d: %s", method, (int)ret->code,
				  ret->message);
	return 0;
}

static int call_empty(struct bench_rpc *b, const char *method, const ProtobufCMessage *req,
		      struct err *e)
{
	cleanup_answer struct ttrpc_answer a = {0};

	return call(b, AGENT, method, req, CALL_NS, &a, e);
}

/* Generated structs have plain char pointers; nothing writes through them when packing. */
static char *text(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = {.in = s};

	return u.out;
}

int bench_rpc_check(struct bench_rpc *b, struct err *e)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	cleanup_answer struct ttrpc_answer a = {0};

	return call(b, "grpc.Health", "Check", &req.base, CALL_NS, &a, e);
}

int bench_rpc_sandbox(struct bench_rpc *b, struct err *e)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;

	req.hostname = text("bench");
	req.sandbox_id = text("bench");
	return call_empty(b, "CreateSandbox", &req.base, e);
}

int bench_rpc_destroy(struct bench_rpc *b, struct err *e)
{
	Grpc__DestroySandboxRequest req = GRPC__DESTROY_SANDBOX_REQUEST__INIT;

	return call_empty(b, "DestroySandbox", &req.base, e);
}

int bench_rpc_create(struct bench_rpc *b, const char *id, const char *program, const char *arg,
		     struct err *e)
{
	static const char *const ns_types[] = {"mount", "ipc", "uts", "cgroup"};
	Grpc__LinuxNamespace ns[ARRAY_LEN(ns_types)], *ns_list[ARRAY_LEN(ns_types)];
	Grpc__CreateContainerRequest req = GRPC__CREATE_CONTAINER_REQUEST__INIT;
	char *argv[] = {text(program), text(arg)}, *env[] = {text("PATH=/bin")};
	Grpc__Process process = GRPC__PROCESS__INIT;
	Grpc__Linux lin = GRPC__LINUX__INIT;
	Grpc__User user = GRPC__USER__INIT;
	Grpc__Root root = GRPC__ROOT__INIT;
	Grpc__Spec spec = GRPC__SPEC__INIT;

	for (size_t i = 0; i < ARRAY_LEN(ns_types); i++) {
		ns[i] = (Grpc__LinuxNamespace)GRPC__LINUX_NAMESPACE__INIT;
		ns[i].type = text(ns_types[i]);
		ns_list[i] = &ns[i];
	}
	lin.n_namespaces = ARRAY_LEN(ns_types);
	lin.namespaces = ns_list;
	process.user = &user;
	process.n_args = arg == NULL ? 1 : 2;
	process.args = argv;
	process.n_env = 1;
	process.env = env;
	process.cwd = text("/");
	root.path = text(BENCH_ROOT);
	spec.version = text("1.0.2");
	spec.process = &process;
	spec.root = &root;
	spec.linux = &lin;
	req.container_id = text(id);
	req.oci = &spec;
	return call_empty(b, "CreateContainer", &req.base, e);
}

int bench_rpc_start(struct bench_rpc *b, const char *id, struct err *e)
{
	Grpc__StartContainerRequest req = GRPC__START_CONTAINER_REQUEST__INIT;

	req.container_id = text(id);
	return call_empty(b, "StartContainer", &req.base, e);
}

int bench_rpc_wait(struct bench_rpc *b, const char *id, const char *exec_id, struct err *e)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	cleanup_answer struct ttrpc_answer a = {0};
	Grpc__WaitProcessResponse *reply;
	int r, status;

	req.container_id = text(id);
	req.exec_id = text(exec_id);
	r = call(b, AGENT, "WaitProcess", &req.base, 0, &a, e);
	if (r < 0)
		return r;
	reply = grpc__wait_process_response__unpack(NULL, a.n, a.payload);
	status = reply == NULL ? -1 : reply->status;
	grpc__wait_process_response__free_unpacked(reply, NULL);
	if (status != 0 && status != 128 + SIGKILL)
		return err_refuse(e, ERR_INTERNAL, "process '%s' of %s exited with %d", exec_id, id,
				  status);
	return 0;
}

int bench_rpc_kill(struct bench_rpc *b, const char *id, struct err *e)
{
	Grpc__SignalProcessRequest req = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

	req.container_id = text(id);
	req.signal = SIGKILL;
	return call_empty(b, "SignalProcess", &req.base, e);
}

int bench_rpc_remove(struct bench_rpc *b, const char *id, struct err *e)
{
	Grpc__RemoveContainerRequest req = GRPC__REMOVE_CONTAINER_REQUEST__INIT;

	req.container_id = text(id);
	return call_empty(b, "RemoveContainer", &req.base, e);
}

int bench_rpc_exec(struct bench_rpc *b, const char *id, const char *exec_id, const char *program,
		   struct err *e)
{
	Grpc__ExecProcessRequest req = GRPC__EXEC_PROCESS_REQUEST__INIT;
	char *argv[] = {text(program)};
	Grpc__Process process = GRPC__PROCESS__INIT;
	Grpc__User user = GRPC__USER__INIT;

	process.user = &user;
	process.n_args = 1;
	process.args = argv;
	process.cwd = text("/");
	req.container_id = text(id);
	req.exec_id = text(exec_id);
	req.process = &process;
	return call_empty(b, "ExecProcess", &req.base, e);
}

int64_t bench_rpc_drain(struct bench_rpc *b, const char *id, struct err *e)
{
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;
	int64_t sum = 0;
	size_t got;

	req.container_id = text(id);
	req.exec_id = text(id);
	req.len = READ_LEN;
	do {
		cleanup_answer struct ttrpc_answer a = {0};
		Grpc__ReadStreamResponse *reply;
		int r = call(b, AGENT, "ReadStdout", &req.base, 0, &a, e);

		if (r < 0)
			return r;
		reply = grpc__read_stream_response__unpack(NULL, a.n, a.payload);
		if (reply == NULL)
			return err_set(e, -EBADMSG, "ReadStdout");
		got = reply->data.len;
		sum += (int64_t)got;
		grpc__read_stream_response__free_unpacked(reply, NULL);
	} while (got > 0);
	return sum;
}
