/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for storages as a whole: sharing, order, undoing. In a mount namespace of its own (root). */
#include "agent/resource.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/agent.h"
#include "agent/storage_mount.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"
#include "tests/test.h"

#define TOP "/tmp"
#define RUN "/tmp/run"

static struct agent agent;

static char *text(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = {.in = s};

	return u.out;
}

static bool begin(void)
{
	struct err e = {0};

	if (unshare(CLONE_NEWNS) < 0)
		return false;
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("tmpfs", TOP, "tmpfs", 0, "mode=1777") == 0);
	CHECK(mkdir(RUN, 0755) == 0);
	agent = (struct agent){.paths.run = text(RUN)};
	agent.config.hotplug_timeout_ns = 60ULL * 1000 * 1000 * 1000;
	CHECK(loop_new(&agent.loop) == 0);
	CHECK_INT(resource_new(&agent, &agent.resource, &e), 0);
	return true;
}

static void end(void)
{
	siginfo_t si;

	/* A worker's report comes before its end; the loop reaps it. */
	while (waitid(P_ALL, 0, &si, WEXITED | WNOWAIT) == 0)
		CHECK(loop_once(agent.loop, 5000) == 0);
	resource_free(agent.resource);
	loop_free(agent.loop);
	CHECK(umount2(TOP, MNT_DETACH) == 0);
}

#define BEGIN()                                                                                    \
	if (!begin())                                                                              \
	SKIP("a mount namespace needs root")

struct outcome {
	bool is_done;
	struct err e;
};

static void note(void *data, const struct err *e)
{
	struct outcome *o = data;

	assert_false(o->is_done);
	o->is_done = true;
	o->e = *e;
}

static int finish(const struct outcome *o)
{
	while (!o->is_done)
		CHECK(loop_once(agent.loop, 5000) == 0);
	return o->e.code;
}

#define STORAGES 4

struct wish {
	Grpc__Storage s[STORAGES];
	Grpc__Storage *v[STORAGES];
	struct resource_request req;
	struct resource_op *op;
	struct outcome out;
};

static void wish_new(struct wish *w, const char *owner)
{
	*w = (struct wish){.req = {.owner = owner, .storages = w->v}};
}

static Grpc__Storage *want(struct wish *w, const char *driver, const char *source,
			   const char *mount_point)
{
	Grpc__Storage *s = &w->s[w->req.n_storages];

	grpc__storage__init(s);
	s->driver = text(driver);
	s->source = text(source);
	s->fstype = text(streq(driver, "bind") ? "bind" : "tmpfs");
	s->mount_point = text(mount_point);
	w->v[w->req.n_storages++] = s;
	return s;
}

static void start(struct wish *w)
{
	struct err e = {0};

	CHECK_INT(resource_prepare(&agent, &w->req, note, &w->out, &w->op, &e), 0);
	CHECK(!w->out.is_done);
}

static int prepare(struct wish *w)
{
	start(w);
	return finish(&w->out);
}

static int release(const char *owner)
{
	struct outcome o = {0};
	struct err e = {0};

	CHECK_INT(resource_release(&agent, owner, note, &o, &e), 0);
	return finish(&o);
}

static bool is_mounted(const char *path)
{
	cleanup_close int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && storage_is_mount(fd) == 1;
}

static void make_source(void)
{
	CHECK(mkdir(RUN "/src", 0755) == 0);
	CHECK(mkdir(RUN "/src/below", 0755) == 0);
}

TEST(a_request_without_anything_succeeds_later)
{
	struct wish w;

	BEGIN();
	wish_new(&w, "c1");
	CHECK_INT(prepare(&w), 0);
	CHECK_INT(release("c1"), 0);
	end();
}

TEST(a_mount_point_is_shared_and_goes_with_its_last_owner)
{
	struct wish a, b;

	BEGIN();
	make_source();
	wish_new(&a, "c1");
	wish_new(&b, "c2");
	want(&a, "bind", RUN "/src", RUN "/dst");
	want(&b, "bind", RUN "/src", RUN "/dst/");
	CHECK_INT(prepare(&a), 0);
	CHECK_INT(prepare(&b), 0);
	CHECK_INT(release("c1"), 0);
	CHECK(is_mounted(RUN "/dst"));
	CHECK_INT(release("c2"), 0);
	CHECK(!is_mounted(RUN "/dst"));
	CHECK(access(RUN "/dst", F_OK) < 0);
	end();
}

TEST(two_requests_at_once_mount_once)
{
	struct wish a, b;

	BEGIN();
	make_source();
	wish_new(&a, "c1");
	wish_new(&b, "c2");
	want(&a, "bind", RUN "/src", RUN "/dst");
	want(&b, "bind", RUN "/src", RUN "/dst");
	start(&a);
	start(&b);
	CHECK_INT(finish(&a.out), 0);
	CHECK_INT(finish(&b.out), 0);
	CHECK_INT(release("c1"), 0);
	CHECK(is_mounted(RUN "/dst"));
	CHECK_INT(release("c2"), 0);
	CHECK(!is_mounted(RUN "/dst"));
	end();
}

TEST(storages_go_in_reverse_order)
{
	struct wish w;

	BEGIN();
	make_source();
	wish_new(&w, "c1");
	want(&w, "bind", RUN "/src", RUN "/dst");
	want(&w, "bind", RUN "/src", RUN "/dst/below");
	CHECK_INT(prepare(&w), 0);
	CHECK(is_mounted(RUN "/dst/below"));
	CHECK_INT(release("c1"), 0);
	CHECK(!is_mounted(RUN "/dst"));
	CHECK(access(RUN "/src/below", F_OK) < 0 || !is_mounted(RUN "/src/below"));
	end();
}

TEST(a_failure_of_the_third_of_four_leaves_nothing)
{
	struct wish w;

	BEGIN();
	make_source();
	wish_new(&w, "c1");
	want(&w, "bind", RUN "/src", RUN "/one");
	want(&w, "ephemeral", "tmpfs", RUN "/two");
	want(&w, "bind", RUN "/none", RUN "/three");
	want(&w, "bind", RUN "/src", RUN "/four");
	CHECK(prepare(&w) < 0);
	CHECK(access(RUN "/one", F_OK) < 0);
	CHECK(access(RUN "/two", F_OK) < 0);
	CHECK(access(RUN "/three", F_OK) < 0);
	CHECK(access(RUN "/four", F_OK) < 0);
	end();
}

TEST(a_mount_of_somebody_else_survives_a_failure)
{
	struct wish a, b;

	BEGIN();
	make_source();
	wish_new(&a, "c1");
	wish_new(&b, "c2");
	want(&a, "bind", RUN "/src", RUN "/dst");
	want(&b, "bind", RUN "/src", RUN "/dst");
	want(&b, "bind", RUN "/none", RUN "/x");
	CHECK_INT(prepare(&a), 0);
	CHECK(prepare(&b) < 0);
	CHECK(is_mounted(RUN "/dst"));
	CHECK_INT(release("c1"), 0);
	CHECK(!is_mounted(RUN "/dst"));
	end();
}

TEST(an_unknown_driver_is_named_and_leaves_its_mount_point_free)
{
	struct wish w;

	BEGIN();
	make_source();
	wish_new(&w, "c1");
	want(&w, "9p", "x", RUN "/dst");
	CHECK(prepare(&w) < 0);
	CHECK_STR(w.out.e.msg, "Failed to find the storage handler 9p");
	wish_new(&w, "c1");
	want(&w, "bind", RUN "/src", RUN "/dst");
	CHECK_INT(prepare(&w), 0);
	CHECK(is_mounted(RUN "/dst"));
	CHECK_INT(release("c1"), 0);
	end();
}

TEST(a_mount_point_outside_the_areas_is_refused)
{
	struct wish w;

	BEGIN();
	wish_new(&w, "c1");
	want(&w, "ephemeral", "tmpfs", "/usr/bin");
	CHECK(prepare(&w) < 0);
	CHECK(!is_mounted("/usr/bin"));
	end();
}

TEST(shared_and_memory_storages_stay_until_the_sandbox_goes)
{
	struct wish w;

	BEGIN();
	make_source();
	wish_new(&w, "c1");
	want(&w, "bind", RUN "/src", RUN "/pod")->shared = true;
	want(&w, "ephemeral", "tmpfs", RUN "/memory");
	CHECK_INT(prepare(&w), 0);
	resource_commit(&agent, "c1");
	CHECK_INT(release("c1"), 0);
	CHECK(is_mounted(RUN "/pod"));
	CHECK(is_mounted(RUN "/memory"));
	CHECK_INT(release(""), 0);
	CHECK(!is_mounted(RUN "/pod"));
	CHECK(!is_mounted(RUN "/memory"));
	end();
}

TEST(what_an_owner_that_never_came_to_be_asked_for_does_not_stay)
{
	struct wish w;

	BEGIN();
	make_source();
	wish_new(&w, "c1");
	want(&w, "bind", RUN "/src", RUN "/pod")->shared = true;
	want(&w, "ephemeral", "tmpfs", RUN "/memory");
	CHECK_INT(prepare(&w), 0);
	CHECK_INT(release("c1"), 0);
	CHECK(!is_mounted(RUN "/pod"));
	CHECK(!is_mounted(RUN "/memory"));
	end();
}

TEST(a_cancelled_wait_for_a_disk_undoes_what_came_before)
{
	struct wish w;

	BEGIN();
	make_source();
	wish_new(&w, "c1");
	want(&w, "bind", RUN "/src", RUN "/dst");
	want(&w, "blk", "1f/1f", RUN "/disk");
	start(&w);
	while (!is_mounted(RUN "/dst"))
		CHECK(loop_once(agent.loop, 5000) == 0);
	resource_cancel(w.op);
	CHECK(finish(&w.out) < 0);
	CHECK(w.out.e.kind == ERR_TIMEOUT);
	CHECK(access(RUN "/dst", F_OK) < 0);
	end();
}

TEST(a_request_ends_at_its_deadline)
{
	struct wish w;

	BEGIN();
	wish_new(&w, "c1");
	want(&w, "blk", "1f/1f", RUN "/disk");
	w.req.deadline_ns = loop_now_ns() + 50ULL * 1000 * 1000;
	CHECK(prepare(&w) < 0);
	CHECK(w.out.e.kind == ERR_TIMEOUT);
	end();
}

TEST(a_disk_that_never_comes_is_named)
{
	struct wish w;

	BEGIN();
	agent.config.hotplug_timeout_ns = 1;
	resource_free(agent.resource);
	CHECK_INT(resource_new(&agent, &agent.resource, &w.out.e), 0);
	wish_new(&w, "c1");
	want(&w, "blk", "1f/1f", RUN "/disk");
	CHECK(prepare(&w) == -ETIMEDOUT);
	CHECK(strstr(w.out.e.msg, "block device '1f/1f'") != NULL);
	CHECK(w.out.e.kind == ERR_INTERNAL);
	end();
}

TEST(a_device_of_an_unknown_type_is_named)
{
	Grpc__Device d = GRPC__DEVICE__INIT;
	Grpc__Device *list[] = {&d};
	struct wish w;

	BEGIN();
	wish_new(&w, "c1");
	d.type = text("nosuch");
	d.id = text("01");
	d.container_path = text("/dev/x");
	w.req.devices = list;
	w.req.n_devices = 1;
	CHECK(prepare(&w) < 0);
	CHECK_STR(w.out.e.msg, "Failed to find the device handler nosuch");
	end();
}

TEST(releasing_an_owner_without_anything_succeeds)
{
	BEGIN();
	CHECK_INT(release("nobody"), 0);
	CHECK_INT(release(""), 0);
	end();
}
