/* SPDX-License-Identifier: Apache-2.0 */
/* A spec like the one that containerd sends, built without root, for the test_plan programs. */
#pragma once

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "container/plan.h"

static struct arena spec_arena = {.max = 1U << 20};

static void *spec_array(const void *from, size_t n, size_t size)
{
	void *p = arena_array(&spec_arena, n + 1, size);

	if (p == NULL)
		abort();
	if (n > 0)
		memcpy(p, from, n * size);
	return p;
}

#define WORDS(...)                                                                                 \
	((struct ctr_strv){spec_array((const char *[]){__VA_ARGS__},                               \
				      sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),      \
				      sizeof(char *)),                                             \
			   sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)})

static void spec_mount(struct ctr_spec *s, const char *type, const char *source, const char *to,
		       struct ctr_strv options)
{
	struct ctr_mount m = {
		.destination = to, .source = source, .type = type, .options = options};
	struct ctr_mount *v = spec_array(s->mounts, s->n_mounts, sizeof(m));

	v[s->n_mounts++] = m;
	s->mounts = v;
}

static void spec_ns(struct ctr_spec *s, enum ctr_ns_type type)
{
	struct ctr_namespace ns = {.type = type, .fd = -EBADF};
	struct ctr_namespace *v = spec_array(s->namespaces, s->n_namespaces, sizeof(ns));

	v[s->n_namespaces++] = ns;
	s->namespaces = v;
}

unused_arg static struct ctr_spec *spec_typical(void)
{
	struct ctr_spec *s;
	struct ctr_process_spec *p;

	arena_done(&spec_arena);
	spec_arena = ARENA_INIT(1U << 20);
	s = arena_alloc(&spec_arena, sizeof(*s));
	p = arena_alloc(&spec_arena, sizeof(*p));
	if (s == NULL || p == NULL)
		abort();
	ctr_spec_init(s);
	ctr_process_spec_init(p);
	s->version = "1.1.0";
	s->has_linux = true;
	s->process = p;
	s->root_path = "/run/c1/rootfs";
	s->hostname = "box";
	p->args = WORDS("sh", "-c", "true");
	p->env = WORDS("PATH=/usr/bin::/bin", "TERM=xterm");
	p->cwd = "/work";
	p->no_new_privs = true;
	spec_ns(s, CTR_NS_MOUNT);
	spec_ns(s, CTR_NS_PID);
	spec_ns(s, CTR_NS_IPC);
	spec_ns(s, CTR_NS_UTS);
	spec_ns(s, CTR_NS_CGROUP);
	spec_mount(s, "proc", "proc", "/proc", WORDS("nosuid", "noexec", "nodev"));
	spec_mount(s, "tmpfs", "tmpfs", "/dev", WORDS("nosuid", "strictatime", "mode=755"));
	spec_mount(s, "devpts", "devpts", "/dev/pts",
		   WORDS("nosuid", "noexec", "newinstance", "gid=5"));
	spec_mount(s, "sysfs", "sysfs", "/sys", WORDS("nosuid", "noexec", "nodev", "ro"));
	spec_mount(s, "cgroup", "cgroup", "/sys/fs/cgroup", WORDS("nosuid", "ro"));
	spec_mount(s, "bind", "/host/etc/hosts", "/etc/hosts", WORDS("rbind", "rprivate", "ro"));
	s->masked_paths = WORDS("/proc/kcore", "/sys/firmware");
	s->readonly_paths = WORDS("/proc/sys");
	return s;
}

unused_arg static struct plan_in plan_in_typical(struct ctr_spec *s)
{
	static const char *const v1[] = {"cpu,cpuacct", "name=systemd", NULL};
	struct plan_in in = {
		.spec = s,
		.process = s->process,
		.id = "c1",
		.bundle = "/run/c1",
		.is_agent = true,
		.cgroup_v2 = true,
		.cgroup_path = "/pod/c1",
		.cgroup_v1 = v1,
		.stdio = {10, 11, 12},
		.null_fd = 9,
		.own_dev = 1,
		.own_ino = 2,
		.boot_nofile_soft = 1024,
		.boot_nofile_hard = 4096,
		.n_caps = 41,
		.caps = {0xe1, 0xe1, 0, 0xe1, 0},
		.no_new_privs = s->process->no_new_privs,
		.wants_console = true,
	};

	for (int i = 0; i < CTR_NS_COUNT; i++) {
		in.ns_fd[i] = -EBADF;
		in.ns_new[i] = ctr_spec_namespace(s, (enum ctr_ns_type)i) != NULL;
	}
	return in;
}
