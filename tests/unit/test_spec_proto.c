/* SPDX-License-Identifier: Apache-2.0 */
/* Kata's OCI messages as our spec: what zero means, what is kept, what is refused. */
#include <string.h>

#include "agent/spec_proto.h"
#include "base/arena.h"
#include "base/err.h"
#include "tests/test.h"

struct fixture {
	struct arena arena;
	struct err e;
	Grpc__Spec spec;
	Grpc__Process process;
	Grpc__Root root;
	Grpc__Linux linux_;
	Grpc__LinuxResources res;
	struct ctr_spec *out;
};

static char *arg0[] = {(char[]){"/bin/true"}};

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->arena = ARENA_INIT(1u << 20);
	grpc__spec__init(&f->spec);
	grpc__process__init(&f->process);
	grpc__root__init(&f->root);
	grpc__linux__init(&f->linux_);
	grpc__linux_resources__init(&f->res);
	f->spec.process = &f->process;
	f->spec.root = &f->root;
	f->spec.linux = &f->linux_;
	f->process.args = arg0;
	f->process.n_args = 1;
}

static int convert(struct fixture *f)
{
	return spec_from_proto(&f->spec, &f->arena, &f->out, &f->e);
}

TEST(smallest_spec_leaves_everything_else_unset)
{
	struct fixture f;

	setup(&f);
	CHECK(convert(&f) == 0);
	CHECK(f.out->has_linux && f.out->resources == NULL && f.out->seccomp == NULL);
	CHECK(f.out->hostname == NULL && f.out->n_mounts == 0 && f.out->root_path == NULL);
	CHECK(f.out->process->oom_score_adj == CTR_UNSET && f.out->process->umask == CTR_UNSET);
	CHECK(!f.out->process->has_caps && f.out->process->args.v[1] == NULL);
	arena_done(&f.arena);
}

TEST(result_does_not_lean_on_the_message)
{
	struct fixture f;
	char arg[] = "/bin/sh", *args[] = {arg};

	setup(&f);
	f.process.args = args;
	CHECK(convert(&f) == 0);
	memset(arg, 'x', sizeof(arg) - 1);
	CHECK_STR(f.out->process->args.v[0], "/bin/sh");
	arena_done(&f.arena);
}

TEST(missing_parts_are_refused_by_name)
{
	struct fixture f;

	setup(&f);
	f.spec.process = NULL;
	CHECK(convert(&f) == -EINVAL && strstr(f.e.msg, "process") != NULL);
	setup(&f);
	f.spec.root = NULL;
	CHECK(convert(&f) == -EINVAL && strstr(f.e.msg, "root") != NULL);
	setup(&f);
	f.spec.linux = NULL;
	CHECK(convert(&f) == -EINVAL && strstr(f.e.msg, "linux") != NULL);
	setup(&f);
	f.process.n_args = 0;
	CHECK(convert(&f) == -EINVAL && strstr(f.e.msg, "args") != NULL);
	arena_done(&f.arena);
}

TEST(environment_entries_without_a_name_are_skipped)
{
	char *env[] = {(char[]){"A=1"}, (char[]){"=x"}, (char[]){"noise"}, (char[]){"B="}};
	struct fixture f;

	setup(&f);
	f.process.env = env;
	f.process.n_env = 4;
	CHECK(convert(&f) == 0);
	CHECK(f.out->process->env.n == 2 && f.out->process->env.v[2] == NULL);
	CHECK_STR(f.out->process->env.v[1], "B=");
	arena_done(&f.arena);
}

TEST(zero_is_absent_and_minus_one_is_no_limit)
{
	Grpc__LinuxMemory mem = GRPC__LINUX_MEMORY__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;
	struct fixture f;

	setup(&f);
	mem.swap = -1;
	cpu.quota = -5;
	cpu.shares = 1024;
	f.res.memory = &mem;
	f.res.cpu = &cpu;
	f.linux_.resources = &f.res;
	CHECK(convert(&f) == 0);
	CHECK(f.out->resources->memory.limit == CTR_UNSET);
	CHECK(f.out->resources->memory.swap == -1);
	CHECK(f.out->resources->memory.swappiness == CTR_UNSET);
	CHECK(f.out->resources->cpu.quota == -1 && f.out->resources->cpu.shares == 1024);
	CHECK(f.out->resources->cpu.period == CTR_UNSET && f.out->resources->cpu.cpus == NULL);
	arena_done(&f.arena);
}

TEST(pids_present_and_not_positive_is_unlimited_absent_is_untouched)
{
	Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;
	struct fixture f;

	setup(&f);
	f.linux_.resources = &f.res;
	CHECK(convert(&f) == 0);
	CHECK(f.out->resources->pids_limit == CTR_UNSET);
	f.res.pids = &pids;
	CHECK(convert(&f) == 0);
	CHECK(f.out->resources->pids_limit == -1);
	pids.limit = 7;
	CHECK(convert(&f) == 0);
	CHECK(f.out->resources->pids_limit == 7);
	arena_done(&f.arena);
}

TEST(device_rule_without_a_type_means_all_devices)
{
	Grpc__LinuxDeviceCgroup d = GRPC__LINUX_DEVICE_CGROUP__INIT, *list[] = {&d};
	struct fixture f;

	setup(&f);
	f.res.devices = list;
	f.res.n_devices = 1;
	f.linux_.resources = &f.res;
	CHECK(convert(&f) == 0);
	CHECK(f.out->resources->devices[0].type == 'a');
	CHECK(f.out->resources->devices[0].major == -1 && !f.out->resources->devices[0].allow);
	d.type = (char[]){"cb"};
	CHECK(convert(&f) == -EINVAL && strstr(f.e.msg, "devices[0]") != NULL);
	arena_done(&f.arena);
}

TEST(errno_of_a_syscall_rule_is_kept_apart_from_none)
{
	Grpc__LinuxSeccomp sec = GRPC__LINUX_SECCOMP__INIT;
	Grpc__LinuxSyscall a = GRPC__LINUX_SYSCALL__INIT, b = GRPC__LINUX_SYSCALL__INIT;
	Grpc__LinuxSyscall *list[] = {&a, &b};
	struct fixture f;

	setup(&f);
	b.errno_ret_case = GRPC__LINUX_SYSCALL__ERRNO_RET_ERRNORET;
	b.errnoret = 0;
	sec.syscalls = list;
	sec.n_syscalls = 2;
	f.linux_.seccomp = &sec;
	CHECK(convert(&f) == 0);
	CHECK(f.out->seccomp->rules[0].errno_ret == CTR_UNSET);
	CHECK(f.out->seccomp->rules[1].errno_ret == 0 && !f.out->seccomp->has_flags);
	arena_done(&f.arena);
}

TEST(namespace_types_are_words_and_one_entry_more_has_room)
{
	Grpc__LinuxNamespace a = GRPC__LINUX_NAMESPACE__INIT, *list[] = {&a};
	struct fixture f;

	setup(&f);
	a.type = (char[]){"network"};
	f.linux_.namespaces = list;
	f.linux_.n_namespaces = 1;
	CHECK(convert(&f) == 0);
	CHECK(f.out->n_namespaces == 1 && f.out->namespaces[0].type == CTR_NS_NET);
	CHECK(f.out->namespaces[0].fd == -EBADF && f.out->namespaces[0].path == NULL);
	f.out->namespaces[1].type = CTR_NS_PID;
	a.type = (char[]){"colour"};
	CHECK(convert(&f) == -EINVAL && strstr(f.e.msg, "colour") != NULL);
	arena_done(&f.arena);
}

TEST(spec_over_the_arena_is_a_limit)
{
	struct fixture f;

	setup(&f);
	f.arena.max = 64;
	CHECK(convert(&f) < 0 && f.e.kind == ERR_LIMIT);
	arena_done(&f.arena);
}
