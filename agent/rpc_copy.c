/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CopyFile. What a sequence of chunks needs to be remembered: the temporary name and how far it is.
 * A sequence that stops is forgotten, with its file, after five minutes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/copyfile.h"
#include "agent/resource_state.h"
#include "agent/rpc.h"
#include "agent/worker.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

#define COPY_TIMEOUT_NS (60ULL * 1000 * 1000 * 1000)
#define IDLE_NS         (300ULL * 1000 * 1000 * 1000)

/* Hosts send one file after the other; more at once means that something is wrong. */
#define COPIES_MAX 64

/* A sequence of chunks under way, and the call that moves it on. */
struct copy_state {
	struct list link; /* resource.copies */
	struct agent *agent;
	struct rpc_call *call; /* NULL between two chunks */
	struct copy copy;      /* of the current chunk; path and temp point below */
	int64_t next;          /* offset of the next chunk */
	struct loop_timer idle;
	char temp[COPY_TEMP_MAX];
	char path[];
};

static void copy_free(struct copy_state *s)
{
	loop_timer_del(&s->idle);
	list_del(&s->link);
	free(s);
}

void copies_free(struct resource *res)
{
	while (!list_empty(&res->copies))
		copy_free(list_entry(res->copies.next, struct copy_state, link));
}

static int work_drop(void *data, unused_arg struct worker_out *out, unused_arg struct err *e)
{
	const struct copy_state *s = data;

	copy_drop(s->agent->paths.shared, &s->copy);
	return 0;
}

static void on_dropped(void *data, unused_arg const struct err *e, unused_arg const void *payload,
		       unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	copy_free(data);
}

/* Forgets a sequence and removes its file. */
static void copy_abandon(struct copy_state *s)
{
	const struct worker_job job = {
		.name = "drop a copy",
		.fn = work_drop,
		.fn_data = s,
		.timeout_ns = COPY_TIMEOUT_NS,
		.done = on_dropped,
		.done_data = s,
	};
	struct err ignored = {0};

	/* Out of the list first: its path is free for a new sequence, with another name. */
	list_del(&s->link);
	loop_timer_del(&s->idle);
	if (worker_run(s->agent->loop, &job, NULL, &ignored) < 0)
		copy_free(s);
}

static void on_idle(struct loop_timer *t)
{
	copy_abandon(container_of(t, struct copy_state, idle));
}

static int work_copy(void *data, unused_arg struct worker_out *out, struct err *e)
{
	const struct copy_state *s = data;

	return copy_apply(s->agent->paths.shared, &s->copy, e);
}

static void on_copied(void *data, const struct err *e, unused_arg const void *payload,
		      unused_arg size_t n, unused_arg int *fds, unused_arg size_t n_fds)
{
	struct copy_state *s = data;
	struct rpc_call *call = TAKE_PTR(s->call);
	bool is_file = !S_ISDIR(s->copy.file_mode) && !S_ISLNK(s->copy.file_mode);

	s->next = s->copy.offset + (int64_t)s->copy.n;
	s->copy.data = NULL;
	if (e->code < 0) {
		(void)rpc_fail(call, e);
		copy_abandon(s);
		return;
	}
	(void)rpc_reply_empty(call);
	if (!is_file || s->next == s->copy.file_size ||
	    loop_timer_set(s->agent->loop, &s->idle, loop_now_ns() + IDLE_NS, on_idle) < 0)
		copy_free(s);
}

static struct copy_state *find_state(struct agent *a, const char *path, size_t *ret_n)
{
	struct copy_state *found = NULL;

	*ret_n = 0;
	list_for_each(it, &a->resource->copies) {
		struct copy_state *s = list_entry(it, struct copy_state, link);

		++*ret_n;
		if (streq(s->path, path))
			found = s;
	}
	return found;
}

static struct copy_state *new_state(struct agent *a, const char *path)
{
	struct copy_state *s = calloc(1, sizeof(*s) + strlen(path) + 1);
	uint64_t random;

	if (s == NULL || getrandom(&random, sizeof(random), 0) != sizeof(random)) {
		free(s);
		return NULL;
	}
	memcpy(s->path, path, strlen(path) + 1);
	(void)snprintf(s->temp, sizeof(s->temp), ".pith-copy-%016" PRIx64, random);
	s->agent = a;
	list_add_tail(&a->resource->copies, &s->link);
	return s;
}

/* The sequence that a chunk belongs to; a first chunk begins a new one. NULL: @e is filled. */
static struct copy_state *state_for(struct agent *a, const struct copy *c, struct err *e)
{
	struct copy_state *s;
	size_t n;

	s = find_state(a, c->path, &n);
	if (s != NULL && s->call != NULL) {
		(void)!err_refuse(e, ERR_PRECONDITION, "a copy to '%.200s' is under way", c->path);
		return NULL;
	}
	if (c->offset != 0 &&
	    (s == NULL || s->next != c->offset || s->copy.file_size != c->file_size)) {
		(void)!err_refuse(e, ERR_INVALID,
				  "file '%.200s': chunk at %" PRId64 " out of order", c->path,
				  c->offset);
		return NULL;
	}
	if (s != NULL && c->offset == 0) {
		copy_abandon(s);
		s = NULL;
		n--;
	}
	if (s == NULL && n >= COPIES_MAX) {
		(void)!err_refuse(e, ERR_LIMIT, "limit of %d copies at once reached", COPIES_MAX);
		return NULL;
	}
	if (s == NULL)
		s = new_state(a, c->path);
	if (s == NULL) {
		(void)!err_set(e, -ENOMEM, "copy '%.200s'", c->path);
		return NULL;
	}

	loop_timer_del(&s->idle);
	s->copy = *c;
	s->copy.path = s->path;
	s->copy.temp = s->temp;
	return s;
}

/* The part of the path behind the shared directory, in the call's arena. */
static int relative_path(struct agent *a, struct rpc_call *call, const char *path, const char **ret,
			 struct err *e)
{
	size_t size = strlen(path) + 2;
	char *clean = arena_alloc(rpc_arena(call), size);

	if (clean == NULL)
		return err_refuse(e, ERR_LIMIT, "copy: out of memory");
	if (path[0] != '/' || path_clean(path, clean, size) < 0 ||
	    !path_is_below(clean, a->paths.shared) || streq(clean, a->paths.shared))
		return err_refuse(e, ERR_INTERNAL, "removing %s prefix from '%.200s'",
				  a->paths.shared, path);
	*ret = clean + strlen(a->paths.shared) + 1;
	return 0;
}

static int copy_file(struct agent *a, struct rpc_call *call, const ProtobufCMessage *in,
		     struct err *e)
{
	const Grpc__CopyFileRequest *req = (const Grpc__CopyFileRequest *)in;
	struct copy c = {
		.file_mode = req->file_mode,
		.dir_mode = req->dir_mode,
		.uid = (uid_t)req->uid,
		.gid = (gid_t)req->gid,
		.file_size = req->file_size,
		.offset = req->offset,
		.data = req->data.data,
		.n = req->data.len,
	};
	struct worker_job job = {
		.name = "copy file",
		.fn = work_copy,
		.timeout_ns = COPY_TIMEOUT_NS,
		.done = on_copied,
	};
	struct copy_state *s;
	int r;

	r = relative_path(a, call, req->path, &c.path, e);
	if (r < 0)
		return r;
	/* Only files have sizes and offsets that count. */
	if (S_ISDIR(c.file_mode) || S_ISLNK(c.file_mode))
		c.file_size = c.offset = 0;
	r = copy_check(&c, e);
	if (r < 0)
		return r;
	s = state_for(a, &c, e);
	if (s == NULL)
		return e->code;

	job.fn_data = job.done_data = s;
	s->call = call;
	r = worker_run(a->loop, &job, NULL, e);
	if (r < 0) {
		s->call = NULL;
		copy_abandon(s);
		return r;
	}
	return RPC_LATER;
}

const struct rpc_method rpc_copy_methods[] = {
	{"CopyFile", copy_file, RPC_UNTIL_DESTROY},
	{0},
};
