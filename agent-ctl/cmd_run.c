/* SPDX-License-Identifier: Apache-2.0 */
/* run: a sandbox if there is none, a container, our streams on it, its exit code, and gone again. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "agent-ctl/attach.h"
#include "agent-ctl/bundle.h"
#include "agent-ctl/cmd.h"
#include "agent-ctl/print.h"
#include "agent-ctl/run_options.h"
#include "base/str.h"
#include "ttrpc/server.h"

#define SPEC_MAX  ((size_t)8 << 20)
#define REMOVE_S  10
#define SHARE_DIR "/run/kata-containers/shared/containers"

static int random_id(char prefix, char *buf, size_t size)
{
	uint32_t r[2];

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return -EIO;
	(void)snprintf(buf, size, "%c%08x%08x", prefix, r[0], r[1]);
	return 0;
}

/* ---- the sandbox ---- */

static int need_sandbox(struct actl *a)
{
	Grpc__CreateSandboxRequest q = GRPC__CREATE_SANDBOX_REQUEST__INIT;
	cleanup_result struct actl_result r = {0};
	char id[20], host[] = "pith";
	int code = actl_connect(a);

	if (code != ACTL_OK)
		return code;
	if (random_id('s', id, sizeof(id)) < 0)
		return actl_say(ACTL_FAILED, "no random numbers");
	q.sandbox_id = id;
	q.hostname = host;
	actl_try(a, "CreateSandbox", &q.base, &r);
	/* There is one already, with containers in it. */
	if (r.code == TTRPC_FAILED_PRECONDITION)
		return ACTL_OK;
	return actl_report("CreateSandbox", &r);
}

/* ---- the container ---- */

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "build the request");
}

/* Shares become storages of the container; with a place in it also a bind mount each. */
static int add_shares(struct actl_run_options *o, struct arena *a, Grpc__CreateContainerRequest *q,
		      struct err *e)
{
	Grpc__Storage *s = arena_array(a, o->shares.n + 1, sizeof(*s));
	char **binds = arena_array(a, 2 * o->shares.n + 1, sizeof(char *));

	q->storages = arena_array(a, o->shares.n + 1, sizeof(void *));
	if (s == NULL || binds == NULL || q->storages == NULL)
		return no_memory(e);
	for (size_t i = 0; i < o->shares.n; i++) {
		struct slice rest = slice_of(o->shares.p[i]), tag;

		if (!slice_cut(&rest, ':', &tag) || tag.n == 0)
			return err_refuse(e, ERR_INVALID, "--share '%s' has no tag",
					  o->shares.p[i]);
		grpc__storage__init(&s[i]);
		s[i].driver = arena_dup(a, "virtio-fs");
		s[i].fstype = arena_dup(a, "virtiofs");
		s[i].source = arena_dup_n(a, tag.p, tag.n);
		s[i].mount_point = arena_printf(a, SHARE_DIR "/%.*s", (int)tag.n, tag.p);
		if (s[i].driver == NULL || s[i].fstype == NULL || s[i].source == NULL ||
		    s[i].mount_point == NULL)
			return no_memory(e);
		q->storages[q->n_storages++] = &s[i];
		if (rest.p == NULL || rest.n == 0)
			continue;
		binds[o->run.binds.n++] = s[i].mount_point;
		binds[o->run.binds.n++] = arena_dup_n(a, rest.p, rest.n);
		if (binds[o->run.binds.n - 1] == NULL)
			return no_memory(e);
	}
	o->run.binds.p = binds;
	return 0;
}

/* "share:TAG/SUB" to the place where the share is mounted. */
static int find_rootfs(struct actl_run_options *o, struct arena *a, struct err *e)
{
	struct slice tag, rest;

	if (!str_starts(o->run.rootfs, "share:"))
		return 0;
	rest = slice_of(o->run.rootfs + strlen("share:"));
	o->run.rootfs = arena_printf(a, SHARE_DIR "/%s", rest.p);
	if (o->run.rootfs == NULL)
		return no_memory(e);
	if (!slice_cut(&rest, '/', &tag) || tag.n == 0)
		return err_refuse(e, ERR_INVALID, "--rootfs share: has no tag");
	for (size_t i = 0; i < o->shares.n; i++) {
		struct slice other = slice_of(o->shares.p[i]), name;

		if (slice_cut(&other, ':', &name) && name.n == tag.n &&
		    memcmp(name.p, tag.p, tag.n) == 0)
			return 0;
	}
	o->shares.p[o->shares.n] = arena_dup_n(a, tag.p, tag.n);
	return o->shares.p[o->shares.n++] == NULL ? no_memory(e) : 0;
}

/* The request and all that its parts are made of. */
struct creation {
	struct arena arena;
	Grpc__CreateContainerRequest request;
	Grpc__Spec made;
	ProtobufCMessage *loaded;
};

#define cleanup_creation __attribute__((cleanup(creation_done)))
static void creation_done(struct creation *c)
{
	arena_done(&c->arena);
	cleanup_message_fn(&c->loaded);
}

static int prepare(struct actl_run_options *o, struct creation *c)
{
	struct err e = {0};
	int r = 0;

	*c = (struct creation){.arena = ARENA_INIT(SPEC_MAX)};
	grpc__create_container_request__init(&c->request);
	if (o->run.rootfs != NULL)
		r = find_rootfs(o, &c->arena, &e);
	if (r == 0)
		r = add_shares(o, &c->arena, &c->request, &e);
	if (r == 0 && (o->run.bundle != NULL || o->run.spec != NULL))
		r = actl_bundle_load(&o->run, &c->loaded, &e);
	else if (r == 0)
		r = actl_spec_build(&o->run, &c->arena, &c->made, &e);
	if (r < 0)
		return actl_say_err(ACTL_USAGE, &e);
	c->request.container_id = (char *)(uintptr_t)o->run.id;
	c->request.oci = c->loaded != NULL ? (Grpc__Spec *)c->loaded : &c->made;
	if (c->loaded != NULL && c->request.oci->process->terminal)
		o->run.terminal = true;
	return ACTL_OK;
}

static int create(struct actl *a, const struct creation *c)
{
	cleanup_result struct actl_result r = {0};
	int code;

	actl_try(a, "CreateContainer", &c->request.base, &r);
	code = actl_report("CreateContainer", &r);
	if (code != ACTL_OK && r.code > 0 && r.text != NULL &&
	    strstr(r.text, "was not found") != NULL)
		return ACTL_NO_COMMAND;
	return code;
}

static void remove_container(struct actl *a, const char *id)
{
	Grpc__RemoveContainerRequest q = GRPC__REMOVE_CONTAINER_REQUEST__INIT;
	cleanup_result struct actl_result r = {0};

	q.container_id = (char *)(uintptr_t)id;
	q.timeout = REMOVE_S;
	actl_try(a, "RemoveContainer", &q.base, &r);
	(void)actl_report("RemoveContainer", &r);
}

static int start_and_attach(struct actl *a, const struct actl_run_options *o)
{
	Grpc__StartContainerRequest q = GRPC__START_CONTAINER_REQUEST__INIT;
	const struct actl_attach_options at = {.container_id = o->run.id,
					       .exec_id = "",
					       .wants_stdin = o->interactive,
					       .terminal = o->run.terminal};

	if (o->run.terminal)
		actl_attach_resize(a, &at);
	q.container_id = (char *)(uintptr_t)o->run.id;
	if (actl_call(a, "StartContainer", &q.base, NULL) != ACTL_OK)
		return ACTL_NO_PROCESS;
	if (o->detach) {
		(void)printf("%s\n", o->run.id);
		return ACTL_OK;
	}
	return actl_attach(a, &at);
}

static void destroy_sandbox(struct actl *a)
{
	Grpc__DestroySandboxRequest q = GRPC__DESTROY_SANDBOX_REQUEST__INIT;
	cleanup_result struct actl_result r = {0};

	actl_try(a, "DestroySandbox", &q.base, &r);
	(void)actl_report("DestroySandbox", &r);
}

int cmd_run(struct actl *a, int argc, char **argv)
{
	cleanup_run_options struct actl_run_options o = {0};
	cleanup_creation struct creation c = {0};
	char id[20];
	int code = actl_run_options_parse(argc, argv, false, &o);

	if (code != ACTL_OK)
		return code;
	if (o.run.id == NULL) {
		if (random_id('c', id, sizeof(id)) < 0)
			return actl_say(ACTL_NO_PROCESS, "no random numbers");
		o.run.id = id;
	}
	code = prepare(&o, &c);
	if (code != ACTL_OK)
		return code;
	if (o.dry_run)
		return actl_print_message(&c.request.base, a->json);
	if (need_sandbox(a) != ACTL_OK)
		return ACTL_NO_PROCESS;
	code = create(a, &c);
	if (code == ACTL_OK) {
		code = start_and_attach(a, &o);
		if (!o.detach || code != ACTL_OK)
			remove_container(a, o.run.id);
	} else if (code != ACTL_NO_COMMAND) {
		code = ACTL_NO_PROCESS;
	}
	if (o.destroy)
		destroy_sandbox(a);
	return code;
}

/* ---- exec ---- */

int cmd_exec(struct actl *a, int argc, char **argv)
{
	cleanup_arena struct arena arena = ARENA_INIT(SPEC_MAX);
	Grpc__ExecProcessRequest q = GRPC__EXEC_PROCESS_REQUEST__INIT;
	cleanup_run_options struct actl_run_options o = {0};
	cleanup_result struct actl_result r = {0};
	struct actl_attach_options at;
	Grpc__Process process;
	struct err e = {0};
	char id[20];
	int code = actl_run_options_parse(argc, argv, true, &o);

	if (code != ACTL_OK)
		return code;
	if (actl_spec_process(&o.run, &arena, &process, &e) < 0)
		return actl_say_err(ACTL_USAGE, &e);
	if (o.run.id == NULL && random_id('e', id, sizeof(id)) < 0)
		return actl_say(ACTL_NO_PROCESS, "no random numbers");
	at = (struct actl_attach_options){.container_id = o.container,
					  .exec_id = o.run.id != NULL ? o.run.id : id,
					  .wants_stdin = o.interactive,
					  .terminal = o.run.terminal};
	q.container_id = (char *)(uintptr_t)o.container;
	q.exec_id = (char *)(uintptr_t)at.exec_id;
	q.process = &process;
	code = actl_call(a, "ExecProcess", &q.base, &r);
	if (code != ACTL_OK)
		return r.code > 0 && r.text != NULL && strstr(r.text, "was not found") != NULL
			       ? ACTL_NO_COMMAND
			       : ACTL_NO_PROCESS;
	if (o.run.terminal)
		actl_attach_resize(a, &at);
	if (o.detach) {
		(void)printf("%s\n", at.exec_id);
		return ACTL_OK;
	}
	return actl_attach(a, &at);
}
