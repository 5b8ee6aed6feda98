/* SPDX-License-Identifier: Apache-2.0 */
/* The specification that `run` builds, and the small readers beside it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "agent-ctl/json.h"
#include "agent-ctl/signame.h"
#include "agent-ctl/spec.h"
#include "base/err.h"
#include "base/str.h"
#include "tests/test.h"

struct world {
	struct arena arena;
	struct actl_run run;
	Grpc__Spec spec;
	char *args[2];
	struct err e;
};

static void world_init(struct world *w)
{
	static char command[] = "true";

	*w = (struct world){.arena = ARENA_INIT((size_t)1 << 20)};
	w->args[0] = command;
	w->run = (struct actl_run){.id = "c1", .rootfs = "/r", .args = {w->args, 1}};
}

static int build(struct world *w)
{
	return actl_spec_build(&w->run, &w->arena, &w->spec, &w->e);
}

/* What must be there after a success, also for who reads the test without the code. */
static void must_build(struct world *w)
{
	assert_int_equal(build(w), 0);
	if (w->spec.process == NULL || w->spec.root == NULL || w->spec.linux == NULL ||
	    w->spec.mounts == NULL)
		abort();
}

#define cleanup_world __attribute__((cleanup(world_done)))
static void world_done(struct world *w)
{
	arena_done(&w->arena);
}

static bool has(char **list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++) {
		if (streq(list[i], word))
			return true;
	}
	return false;
}

TEST(the_default_specification_is_complete)
{
	static const char *const mounts[] = {"/proc",       "/dev", "/dev/pts",      "/dev/shm",
					     "/dev/mqueue", "/sys", "/sys/fs/cgroup"};
	cleanup_world struct world w;

	world_init(&w);
	must_build(&w);
	CHECK_STR(w.spec.root->path, "/r");
	CHECK_STR(w.spec.hostname, "c1");
	CHECK_STR(w.spec.process->cwd, "/");
	CHECK(w.spec.process->nonewprivileges);
	CHECK_INT(w.spec.process->capabilities->n_bounding, 14);
	CHECK_INT(w.spec.process->capabilities->n_ambient, 0);
	CHECK_INT(w.spec.n_mounts, ARRAY_LEN(mounts));
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++)
		CHECK_STR(w.spec.mounts[i]->destination, mounts[i]);
	CHECK_INT(w.spec.linux->n_namespaces, 5);
	CHECK(w.spec.linux->n_maskedpaths > 0 && w.spec.linux->n_readonlypaths > 0);
	CHECK(!w.spec.linux->resources->devices[0]->allow);
	CHECK_STR(w.spec.linux->cgroupspath, "");
	CHECK(w.spec.linux->seccomp == NULL);
}

TEST(limits_become_resources_in_the_right_units)
{
	cleanup_world struct world w;

	world_init(&w);
	w.run.memory = 64 << 20;
	w.run.cpus = 1.5;
	w.run.pids = 10;
	must_build(&w);
	CHECK_INT(w.spec.linux->resources->memory->limit, 64 << 20);
	CHECK_INT(w.spec.linux->resources->memory->swap, 64 << 20);
	CHECK_INT(w.spec.linux->resources->cpu->quota, 150000);
	CHECK_INT(w.spec.linux->resources->cpu->period, 100000);
	CHECK_INT(w.spec.linux->resources->pids->limit, 10);
}

TEST(capabilities_are_dropped_then_added)
{
	char drop_all[] = "ALL", add_a[] = "cap_kill", add_b[] = "NET_ADMIN", add_c[] = "CAP_KILL";
	char *drop[] = {drop_all}, *add[] = {add_a, add_b, add_c};
	const Grpc__LinuxCapabilities *c;
	cleanup_world struct world w;

	world_init(&w);
	w.run.cap_drop = (struct actl_words){drop, 1};
	w.run.cap_add = (struct actl_words){add, 3};
	must_build(&w);
	c = w.spec.process->capabilities;
	CHECK_INT(c->n_bounding, 2);
	CHECK(has(c->bounding, 2, "CAP_KILL") && has(c->effective, 2, "CAP_NET_ADMIN"));
}

TEST(users_are_numbers_or_a_name)
{
	cleanup_world struct world w;

	world_init(&w);
	w.run.user = "7:8";
	must_build(&w);
	CHECK(w.spec.process->user->uid == 7 && w.spec.process->user->gid == 8);
	w.run.user = "daemon";
	must_build(&w);
	CHECK_STR(w.spec.process->user->username, "daemon");
	w.run.user = "7:x";
	CHECK_INT(build(&w), -EINVAL);
}

TEST(mounts_are_read_from_words)
{
	char bind[] = "src=/a,dst=/b,ro",
	     tmp[] = "type=tmpfs,source=t,target=/c,options=size=1m:ro";
	char *list[] = {bind, tmp};
	const Grpc__Mount *m;
	cleanup_world struct world w;

	world_init(&w);
	w.run.mounts = (struct actl_words){list, 2};
	must_build(&w);
	m = w.spec.mounts[w.spec.n_mounts - 2];
	CHECK_STR(m->type, "bind");
	CHECK_STR(m->source, "/a");
	CHECK_STR(m->destination, "/b");
	CHECK(has(m->options, m->n_options, "ro") && has(m->options, m->n_options, "rbind"));
	m = w.spec.mounts[w.spec.n_mounts - 1];
	CHECK_STR(m->type, "tmpfs");
	CHECK(has(m->options, m->n_options, "size=1m") && !has(m->options, m->n_options, "rbind"));
}

TEST(bad_options_are_refused_by_name)
{
	char mount[] = "src=/a", what[] = "dst=/a,nope=1", env[] = "NOVALUE";
	char *one[] = {mount}, *two[] = {what}, *three[] = {env};
	cleanup_world struct world w;

	world_init(&w);
	w.run.mounts = (struct actl_words){one, 1};
	CHECK(build(&w) == -EINVAL && strstr(w.e.msg, "has no dst") != NULL);
	w.run.mounts = (struct actl_words){two, 1};
	CHECK(build(&w) == -EINVAL && strstr(w.e.msg, "no such key 'nope'") != NULL);
	w.run.mounts.n = 0;
	w.run.env = (struct actl_words){three, 1};
	CHECK(build(&w) == -EINVAL && strstr(w.e.msg, "NOVALUE") != NULL);
	w.run.env.n = 0;
	w.run.args.n = 0;
	CHECK(build(&w) == -EINVAL);
}

TEST(no_seccomp_is_a_profile_that_allows_everything)
{
	cleanup_world struct world w;

	world_init(&w);
	w.run.no_seccomp = true;
	must_build(&w);
	CHECK_STR(w.spec.linux->seccomp->defaultaction, "SCMP_ACT_ALLOW");
	CHECK_INT(w.spec.linux->seccomp->n_syscalls, 0);
}

TEST(running_out_of_memory_is_an_error)
{
	cleanup_world struct world w;

	world_init(&w);
	for (size_t max = 0; max < 8000; max += 500) {
		arena_done(&w.arena);
		w.arena = ARENA_INIT(max);
		w.e = (struct err){0};
		CHECK(build(&w) == 0 || w.e.code == -ENOMEM);
	}
}

TEST(signals_have_names_in_any_spelling)
{
	static const char *const same[] = {"9", "KILL", "SIGKILL", "kill", "sigkill"};
	uint32_t sig;

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		sig = 0;
		CHECK_INT(actl_signal_parse(same[i], &sig), 0);
		CHECK_INT(sig, SIGKILL);
	}
	CHECK_INT(actl_signal_parse("0", &sig), 0);
	CHECK_INT(actl_signal_parse("65", &sig), -EINVAL);
	CHECK_INT(actl_signal_parse("SIG", &sig), -EINVAL);
	CHECK_INT(actl_signal_parse("", &sig), -EINVAL);
}
