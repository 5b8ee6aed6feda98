/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of a host, blocking and open, and a busybox container. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/loop.h"
#include "tests/rpc/rpc.h"

#define SERVICE "grpc.AgentService"

struct result call_on(struct ttrpc_client *c, const char *service, const char *method,
		      const ProtobufCMessage *req, uint64_t timeout_ns)
{
	static struct ttrpc_answer answer;
	struct err e = {0};
	size_t n = protobuf_c_message_get_packed_size(req);
	uint8_t *buf = malloc(n + 1);
	int r;

	CHECK(buf != NULL);
	(void)protobuf_c_message_pack(req, buf);
	ttrpc_answer_done(&answer);
	r = ttrpc_client_call(c, service, method, (struct slice){(char *)buf, n}, timeout_ns,
			      &answer, &e);
	free(buf);
	if (r < 0)
		return (struct result){.code = -1, .message = "no answer"};
	return (struct result){
		.code = answer.code,
		.message = answer.message != NULL ? answer.message : "",
		.payload = answer.payload,
		.n = answer.n,
	};
}

struct result call(const char *method, const ProtobufCMessage *req)
{
	return call_on(world.client, SERVICE, method, req, SECONDS(60));
}

/* ---- open calls ---- */

static void on_reply(void *data, const struct ttrpc_reply *reply)
{
	struct open_call *o = data;

	o->is_done = true;
	o->code = reply->error != 0 ? -1 : reply->code;
	o->n = MIN(reply->payload.n, sizeof(o->data));
	if (o->n > 0)
		memcpy(o->data, reply->payload.p, o->n);
	(void)snprintf(o->message, sizeof(o->message), "%.*s", (int)reply->message.n,
		       reply->message.n > 0 ? reply->message.p : "");
}

void call_open(struct ttrpc_client *c, struct open_call *o, const char *method,
	       const ProtobufCMessage *req, uint64_t timeout_ns)
{
	size_t n = protobuf_c_message_get_packed_size(req);
	uint8_t *buf = malloc(n + 1);
	int64_t stream;

	CHECK(buf != NULL);
	memset(o, 0, sizeof(*o));
	(void)protobuf_c_message_pack(req, buf);
	stream = ttrpc_client_start(c, SERVICE, method, (struct slice){(char *)buf, n}, timeout_ns,
				    on_reply, o);
	CHECK(stream > 0);
	o->stream = (uint32_t)stream;
	free(buf);
}

void call_finish(struct open_call *o)
{
	uint64_t end = loop_now_ns() + SECONDS(20);

	while (!o->is_done) {
		CHECK(loop_now_ns() < end);
		CHECK(loop_once(world.loop, 200) == 0);
	}
}

void loop_for(unsigned ms)
{
	uint64_t end = loop_now_ns() + ms * UINT64_C(1000000);

	while (loop_now_ns() < end)
		CHECK(loop_once(world.loop, 5) == 0);
}

/* ---- a container ---- */

static char *text_dup(struct spec *s, const char *text)
{
	char *p = arena_dup(&s->arena, text);

	CHECK(p != NULL);
	return p;
}

/* Lists with room for more. */
static void *list_of(struct spec *s, size_t size)
{
	void *p = arena_array(&s->arena, 64, size);

	CHECK(p != NULL);
	return p;
}

void spec_args(struct spec *s, const char *const *args)
{
	s->process.args = list_of(s, sizeof(char *));
	s->process.n_args = 0;
	for (size_t i = 0; args[i] != NULL; i++)
		s->process.args[s->process.n_args++] = text_dup(s, args[i]);
}

void spec_env(struct spec *s, const char *entry)
{
	s->process.env[s->process.n_env++] = text_dup(s, entry);
}

void spec_mount(struct spec *s, const char *dst, const char *src, const char *type,
		const char *options)
{
	Grpc__Mount *m = arena_alloc(&s->arena, sizeof(*m));
	char *rest = text_dup(s, options), *word;

	CHECK(m != NULL);
	grpc__mount__init(m);
	m->destination = text_dup(s, dst);
	m->source = text_dup(s, src);
	m->type = text_dup(s, type);
	m->options = list_of(s, sizeof(char *));
	while ((word = strsep(&rest, ",")) != NULL) {
		if (word[0] != '\0')
			m->options[m->n_options++] = word;
	}
	s->oci.mounts[s->oci.n_mounts++] = m;
}

void spec_namespace(struct spec *s, const char *type, const char *path)
{
	Grpc__LinuxNamespace *n = arena_alloc(&s->arena, sizeof(*n));

	CHECK(n != NULL);
	grpc__linux_namespace__init(n);
	n->type = text_dup(s, type);
	n->path = text_dup(s, path);
	s->linux_.namespaces[s->linux_.n_namespaces++] = n;
}

void spec_init(struct spec *s, const char *id, const char *script)
{
	memset(s, 0, sizeof(*s));
	s->arena = ARENA_INIT(1u << 20);
	grpc__create_container_request__init(&s->req);
	grpc__spec__init(&s->oci);
	grpc__process__init(&s->process);
	grpc__user__init(&s->user);
	grpc__root__init(&s->root);
	grpc__linux__init(&s->linux_);
	grpc__linux_resources__init(&s->resources);
	s->req.container_id = text_dup(s, id);
	s->req.oci = &s->oci;
	s->oci.version = text_dup(s, "1.0.2");
	s->oci.process = &s->process;
	s->oci.root = &s->root;
	s->oci.linux = &s->linux_;
	s->oci.mounts = list_of(s, sizeof(Grpc__Mount *));
	s->process.user = &s->user;
	s->process.cwd = text_dup(s, "/");
	s->process.env = list_of(s, sizeof(char *));
	s->root.path = text_dup(s, world.rootfs);
	s->linux_.namespaces = list_of(s, sizeof(Grpc__LinuxNamespace *));
	s->linux_.resources = &s->resources;
	s->linux_.cgroupspath = arena_printf(&s->arena, "%s/%s", world.cgroup, id);
	spec_args(s, (const char *const[]){"/bin/sh", "-c", script, NULL});
	spec_env(s, "PATH=/bin");
	spec_namespace(s, "mount", "");
	spec_namespace(s, "ipc", "");
	spec_namespace(s, "uts", "");
	spec_mount(s, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	spec_mount(s, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	spec_mount(s, "/dev/pts", "devpts", "devpts",
		   "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
}

struct result spec_create(struct spec *s)
{
	return call("CreateContainer", &s->req.base);
}

void spec_done(struct spec *s)
{
	arena_done(&s->arena);
}

struct result start_container(const char *id)
{
	Grpc__StartContainerRequest req = GRPC__START_CONTAINER_REQUEST__INIT;

	req.container_id = (char *)(uintptr_t)id;
	return call("StartContainer", &req.base);
}

void run_container(const char *id, const char *script)
{
	struct spec s;

	spec_init(&s, id, script);
	EXPECT(spec_create(&s), 0);
	spec_done(&s);
	EXPECT(start_container(id), 0);
}

struct result remove_container(const char *id, uint32_t timeout_s)
{
	Grpc__RemoveContainerRequest req = GRPC__REMOVE_CONTAINER_REQUEST__INIT;

	req.container_id = (char *)(uintptr_t)id;
	req.timeout = timeout_s;
	return call("RemoveContainer", &req.base);
}

struct result exec_process(const char *id, const char *exec_id, const char *script, bool tty)
{
	Grpc__ExecProcessRequest req = GRPC__EXEC_PROCESS_REQUEST__INIT;
	Grpc__Process p = GRPC__PROCESS__INIT;
	Grpc__User user = GRPC__USER__INIT;
	char *args[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, (char *)(uintptr_t)script};
	char *env[] = {(char[]){"PATH=/bin"}};

	req.container_id = (char *)(uintptr_t)id;
	req.exec_id = (char *)(uintptr_t)exec_id;
	req.process = &p;
	p.user = &user;
	p.cwd = (char[]){"/"};
	p.terminal = tty;
	p.args = args;
	p.n_args = 3;
	p.env = env;
	p.n_env = 1;
	return call("ExecProcess", &req.base);
}

struct result signal_process(const char *id, const char *exec_id, uint32_t sig)
{
	Grpc__SignalProcessRequest req = GRPC__SIGNAL_PROCESS_REQUEST__INIT;

	req.container_id = (char *)(uintptr_t)id;
	req.exec_id = (char *)(uintptr_t)exec_id;
	req.signal = sig;
	return call("SignalProcess", &req.base);
}

int wait_process(const char *id, const char *exec_id)
{
	Grpc__WaitProcessRequest req = GRPC__WAIT_PROCESS_REQUEST__INIT;
	Grpc__WaitProcessResponse *msg;
	struct result r;
	int code;

	req.container_id = (char *)(uintptr_t)id;
	req.exec_id = (char *)(uintptr_t)exec_id;
	r = call("WaitProcess", &req.base);
	if (r.code != 0)
		return -r.code;
	msg = grpc__wait_process_response__unpack(NULL, r.n, r.payload);
	CHECK(msg != NULL);
	code = msg->status;
	grpc__wait_process_response__free_unpacked(msg, NULL);
	return code;
}

char *read_all(const char *id, const char *exec_id, bool is_stderr, size_t *ret_n)
{
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;
	char *all = NULL;
	size_t n = 0;

	req.container_id = (char *)(uintptr_t)id;
	req.exec_id = (char *)(uintptr_t)exec_id;
	req.len = 32768;
	for (;;) {
		struct result r = call(is_stderr ? "ReadStderr" : "ReadStdout", &req.base);
		Grpc__ReadStreamResponse *msg;
		char *grown;
		size_t got;

		EXPECT(r, 0);
		msg = grpc__read_stream_response__unpack(NULL, r.n, r.payload);
		CHECK(msg != NULL);
		got = msg->data.len;
		CHECK(got <= req.len);
		grown = realloc(all, n + got + 1);
		CHECK(grown != NULL);
		all = grown;
		if (got > 0)
			memcpy(all + n, msg->data.data, got);
		n += got;
		all[n] = '\0';
		grpc__read_stream_response__free_unpacked(msg, NULL);
		if (got == 0)
			break;
	}
	if (ret_n != NULL)
		*ret_n = n;
	return all;
}

struct result write_stdin(const char *id, const char *exec_id, const void *p, size_t n)
{
	Grpc__WriteStreamRequest req = GRPC__WRITE_STREAM_REQUEST__INIT;

	req.container_id = (char *)(uintptr_t)id;
	req.exec_id = (char *)(uintptr_t)exec_id;
	req.data.data = (uint8_t *)(uintptr_t)p;
	req.data.len = n;
	return call("WriteStdin", &req.base);
}

struct result close_stdin(const char *id, const char *exec_id)
{
	Grpc__CloseStdinRequest req = GRPC__CLOSE_STDIN_REQUEST__INIT;

	req.container_id = (char *)(uintptr_t)id;
	req.exec_id = (char *)(uintptr_t)exec_id;
	return call("CloseStdin", &req.base);
}
