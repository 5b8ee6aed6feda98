/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden plans: a spec in, the printed plan out, compared with tests/data/plan/NAME.txt. With
 * PITH_GOLDEN=write the files are rewritten: read the difference before committing it.
 */
#include "tests/unit/plan_spec.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "container/plan_steps.h"
#include "container/seccomp.h"
#include "tests/torture.h"

static void compare(const char *name, const struct plan *p)
{
	static char want[65536];
	struct str text = STR_INIT(sizeof(want) - 1);
	char path[128];

	(void)snprintf(path, sizeof(path), "tests/data/plan/%s.txt", name);
	plan_print(p, &text);
	CHECK(str_check(&text) == 0);
	if (getenv("PITH_GOLDEN") != NULL) {
		FILE *f = fopen(path, "w");

		CHECK(f != NULL);
		(void)fputs(str_text(&text), f);
		(void)fclose(f);
	}
	CHECK(fd_read_file(AT_FDCWD, path, want, sizeof(want)) >= 0);
	CHECK_STR(str_text(&text), want);
	str_done(&text);
}

static void golden(const char *name, const struct plan_in *in)
{
	struct err e = {0};
	struct plan *p = NULL;

	CHECK_INT(plan_build_init(in, &p, &e), 0);
	compare(name, p);
	plan_free(p);
	arena_done(&spec_arena);
}

TEST(a_typical_container_has_this_plan)
{
	struct plan_in in = plan_in_typical(spec_typical());

	golden("typical", &in);
}

TEST(cgroup_v1_is_mounted_piece_by_piece)
{
	struct plan_in in = plan_in_typical(spec_typical());

	in.cgroup_v2 = false;
	golden("cgroup-v1", &in);
}

TEST(without_a_cgroup_namespace_only_the_own_group_is_shown)
{
	struct ctr_spec *s = spec_typical();
	struct plan_in in;

	s->n_namespaces--;
	in = plan_in_typical(s);
	golden("cgroup-v2-bind", &in);
	s = spec_typical();
	s->n_namespaces--;
	in = plan_in_typical(s);
	in.cgroup_v2 = false;
	golden("cgroup-v1-bind", &in);
}

TEST(a_terminal_and_a_user_have_this_plan)
{
	struct ctr_spec *s = spec_typical();
	static uint32_t gids[] = {10, 20};
	static struct ctr_rlimit limit = {"RLIMIT_NOFILE", 64, 128};
	static struct ctr_kv sysctl = {"net.ipv4.ip_forward", "1"};
	static struct ctr_device device = {"/dev/fuse", 'c', 10, 229, 0600, 7, 8};
	struct plan_in in;

	s->process->terminal = true;
	s->process->rows = 24;
	s->process->columns = 80;
	s->process->username = "joe";
	s->process->gids = gids;
	s->process->n_gids = 2;
	s->process->umask = 077;
	s->process->env = WORDS("HOME=/x", "A=1", "A=2", "PATH=/p");
	s->process->rlimits = &limit;
	s->process->n_rlimits = 1;
	s->sysctl = (struct ctr_kvs){&sysctl, 1};
	s->devices = &device;
	s->n_devices = 1;
	s->root_readonly = true;
	s->rootfs_propagation = "rshared";
	in = plan_in_typical(s);
	in.must_move_root = true;
	in.hide = WORDS("/proc", "/sys").v;
	in.wants_hook_sync = true;
	golden("terminal", &in);
}

TEST(a_user_namespace_has_this_plan)
{
	struct ctr_spec *s = spec_typical();
	struct plan_in in;

	spec_ns(s, CTR_NS_USER);
	spec_ns(s, CTR_NS_NET);
	in = plan_in_typical(s);
	in.in_userns = true;
	golden("userns", &in);
}

TEST(joined_namespaces_are_entered_the_mount_one_last_and_the_user_one_at_the_end)
{
	struct ctr_spec *s = spec_typical();
	struct plan_in in;
	struct err e = {0};
	struct plan *p = NULL;

	in = plan_in_typical(s);
	for (int i = 0; i < CTR_NS_COUNT; i++) {
		in.ns_new[i] = false;
		in.ns_fd[i] = i == CTR_NS_PID || i == CTR_NS_TIME ? -EBADF : 20 + i;
	}
	in.in_userns = true;
	in.wants_console = false;
	CHECK_INT(plan_build_exec(&in, &p, &e), 0);
	compare("exec", p);
	plan_free(p);
	arena_done(&spec_arena);
}

static struct plan *with_filter(bool nnp)
{
	static struct ctr_bpf bpf = {.n = 3};
	struct ctr_spec *s = spec_typical();
	struct plan_in in = plan_in_typical(s);
	struct err e = {0};
	struct plan *p = NULL;

	in.bpf = &bpf;
	in.no_new_privs = nnp;
	CHECK_INT(plan_build_init(&in, &p, &e), 0);
	return p;
}

static uint32_t position(const struct plan *p, enum plan_op_type type)
{
	for (uint32_t i = 0; i < p->n_ops; i++) {
		if (p->op[i].type == type)
			return i;
	}
	return UINT32_MAX;
}

TEST(seccomp_comes_last_with_no_new_privs_and_before_the_capabilities_go_without)
{
	struct plan *p = with_filter(true);

	CHECK(position(p, PLAN_SECCOMP) > position(p, PLAN_LOOKUP));
	CHECK(position(p, PLAN_SECCOMP) + 1 == p->n_ops - 3); /* ready, mark, exec */
	plan_free(p);
	p = with_filter(false);
	CHECK(position(p, PLAN_SECCOMP) < position(p, PLAN_BOUNDING));
	CHECK(position(p, PLAN_SECCOMP) > position(p, PLAN_PATH_MASK));
	CHECK(position(p, PLAN_NO_NEW_PRIVS) == UINT32_MAX);
	plan_free(p);
	arena_done(&spec_arena);
}

static void refused(struct ctr_spec *s, const char *words)
{
	struct plan_in in = plan_in_typical(s);
	struct err e = {0};
	struct plan *p = NULL;

	CHECK(plan_build_init(&in, &p, &e) < 0);
	CHECK(p == NULL);
	CHECK_STR(e.msg, words);
	CHECK_INT(e.kind, ERR_INVALID);
	arena_done(&spec_arena);
}

TEST(a_mount_that_cannot_be_meant_is_refused)
{
	struct ctr_spec *s = spec_typical();

	spec_mount(s, "tmpfs", "x", "/proc/sys", WORDS("ro"));
	refused(s, "mount /proc/sys: not allowed on proc");
	s = spec_typical();
	spec_mount(s, "bind", "/x", "/a/..//proc/./self", WORDS("bind"));
	refused(s, "mount /proc/self: not allowed on proc");
	s = spec_typical();
	spec_mount(s, NULL, "/x", "/y", WORDS("ro"));
	refused(s, "mount /y: no type");
	s = spec_typical();
	spec_mount(s, "bind", "", "/y", WORDS("bind"));
	refused(s, "mount /y: no source to bind");
	s = spec_typical();
	spec_mount(s, "tmpfs", "x", "/y", WORDS("rsync"));
	refused(s, "mount /y: option \"rsync\" is not supported");
	s = spec_typical();
	spec_mount(s, "tmpfs", "x", "/y", WORDS("idmap=uids=0-1-2"));
	refused(s, "mount /y: option \"idmap=uids=0-1-2\" is not supported");
}

static void sysctl_is(const char *key, bool agent, bool allowed)
{
	struct ctr_spec *s = spec_typical();
	struct plan_in in = plan_in_typical(s);
	struct err e = {0};
	char path[512];

	in.is_agent = agent;
	CHECK_INT(plan_sysctl_path(&in, key, path, sizeof(path), &e) == 0, allowed);
	arena_done(&spec_arena);
}

TEST(only_kernel_parameters_of_an_own_namespace_may_be_set)
{
	sysctl_is("kernel.msgmax", true, true);
	sysctl_is("kernel/sem", true, true);
	sysctl_is("fs.mqueue.msg_max", true, true);
	sysctl_is("kernel.domainname", true, true);
	sysctl_is("net.ipv4.ip_forward", true, true);
	sysctl_is("net.ipv4.ip_forward", false, false);
	sysctl_is("net/ipv4/conf/eth0.1/forwarding", true, true);
	sysctl_is("kernel.hostname", true, false);
	sysctl_is("kernel.core_pattern", true, false);
	sysctl_is("kernel/core_pattern", true, false);
	sysctl_is("vm.swappiness", true, false);
	sysctl_is("user.max_user_namespaces", true, false);
	sysctl_is("net/../kernel/core_pattern", true, false);
	sysctl_is("net.ipv4/../../kernel.x", true, false);
	sysctl_is("net..x", true, false);
	sysctl_is("", true, false);
	sysctl_is("/kernel/msgmax", true, false);
	sysctl_is("kernel.msgmax.", true, false);
}

TEST(a_variable_given_twice_keeps_its_place_and_its_last_value)
{
	struct ctr_spec *s = spec_typical();
	struct plan_in in;
	struct err e = {0};
	struct plan *p = NULL;

	s->process->env = WORDS("A=1", "B=2", "A=3", "HOME=", "C=");
	in = plan_in_typical(s);
	CHECK_INT(plan_build_init(&in, &p, &e), 0);
	CHECK_INT(p->n_env, 4);
	CHECK_STR(p->env[0], "A=3");
	CHECK_STR(p->env[1], "B=2");
	CHECK_STR(p->env[2], "HOME=/");
	CHECK_INT(p->home_at, 2);
	CHECK_STR(p->env[3], "C=");
	CHECK(p->env[4] == NULL);
	plan_free(p);
	arena_done(&spec_arena);
}

static int build_once(void *data)
{
	struct plan_in *in = data;
	struct err e = {0};
	struct plan *p = NULL;
	int r = plan_build_init(in, &p, &e);

	plan_free(p);
	return r;
}

TEST(running_out_of_memory_anywhere_is_an_error_and_leaks_nothing)
{
	struct ctr_spec *s = spec_typical();
	static struct ctr_kv sysctl = {"net.ipv4.ip_forward", "1"};
	struct plan_in in;

	s->sysctl = (struct ctr_kvs){&sysctl, 1};
	s->mount_label = "a:b:c:d";
	in = plan_in_typical(s);
	in.cgroup_v2 = false;
	CHECK(torture_each(build_once, &in) > 3);
	arena_done(&spec_arena);
}
