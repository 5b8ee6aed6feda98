/* SPDX-License-Identifier: Apache-2.0 */
/* Options of `run` to OCI messages. Tables of defaults at the top, one function for each section. */
#include "agent-ctl/spec.h"

#include <errno.h>
#include <string.h>

#include "agent-ctl/json.h"
#include "agent-ctl/spec_mount.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/str.h"

#define CPU_PERIOD_US 100000

static const char *const default_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

/* What containerd grants by default. */
static const char *const default_caps[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
	"CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
	"CAP_KILL",    "CAP_AUDIT_WRITE",
};

static const char *const masked_paths[] = {
	"/proc/acpi",       "/proc/asound",      "/proc/interrupts",
	"/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	"/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap",
};

static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* The guest is the sandbox's network, as Kata hosts have it: no network namespace by default. */
static const char *const namespaces[] = {"pid", "ipc", "uts", "mount", "cgroup", "network"};
#define N_NAMESPACES_SHARED_NET (ARRAY_LEN(namespaces) - 1)

static const struct {
	bool allow;
	const char *type;
	int64_t major, minor; /* -1: any */
	const char *access;
} device_rules[] = {
	{false, "a", -1, -1, "rwm"}, {true, "c", -1, -1, "m"},    {true, "b", -1, -1, "m"},
	{true, "c", 1, 3, "rwm"},    {true, "c", 1, 5, "rwm"},    {true, "c", 1, 7, "rwm"},
	{true, "c", 1, 8, "rwm"},    {true, "c", 1, 9, "rwm"},    {true, "c", 5, 0, "rwm"},
	{true, "c", 5, 1, "rwm"},    {true, "c", 136, -1, "rwm"}, {true, "c", 5, 2, "rwm"},
};

/* protobuf-c lists are not const; nothing that only packs a message writes through them. */
static char *borrow(const char *s)
{
	return (char *)(uintptr_t)s;
}

static char **list_of(struct arena *a, const char *const *words, size_t n)
{
	char **list = arena_array(a, n + 1, sizeof(char *));

	for (size_t i = 0; list != NULL && i < n; i++)
		list[i] = borrow(words[i]);
	return list;
}

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "build the specification");
}

/* ---- process ---- */

static int set_user(const char *text, struct arena *a, Grpc__User *u, struct err *e)
{
	struct slice rest, uid;
	uint64_t v;

	if (text == NULL)
		return 0;
	rest = slice_of(text);
	if (!slice_cut(&rest, ':', &uid))
		return err_refuse(e, ERR_INVALID, "--user is empty");
	if (parse_slice_u64(uid, &v) == 0 && v <= UINT32_MAX) {
		u->uid = (uint32_t)v;
	} else {
		u->username = arena_dup_n(a, uid.p, uid.n);
		if (u->username == NULL)
			return no_memory(e);
	}
	if (rest.p == NULL)
		return 0;
	if (parse_slice_u64(rest, &v) < 0 || v > UINT32_MAX)
		return err_refuse(e, ERR_INVALID, "the group of --user '%s' is not a number", text);
	u->gid = (uint32_t)v;
	return 0;
}

static int set_env(const struct actl_run *o, struct arena *a, Grpc__Process *p, struct err *e)
{
	size_t n = ARRAY_LEN(default_env) + 1 + o->env.n, used = 0;
	char **env = arena_array(a, n, sizeof(char *));

	if (env == NULL)
		return no_memory(e);
	for (size_t i = 0; i < ARRAY_LEN(default_env); i++)
		env[used++] = borrow(default_env[i]);
	if (o->terminal)
		env[used++] = borrow("TERM=xterm");
	for (size_t i = 0; i < o->env.n; i++) {
		if (strchr(o->env.p[i], '=') == NULL || o->env.p[i][0] == '=')
			return err_refuse(e, ERR_INVALID, "--env '%s' is not NAME=VALUE",
					  o->env.p[i]);
		env[used++] = o->env.p[i];
	}
	p->env = env;
	p->n_env = used;
	return 0;
}

int actl_spec_process(const struct actl_run *o, struct arena *a, Grpc__Process *ret, struct err *e)
{
	Grpc__User *u = arena_alloc(a, sizeof(*u));
	int r;

	if (u == NULL)
		return no_memory(e);
	if (o->args.n == 0)
		return err_refuse(e, ERR_INVALID, "no command to run");
	grpc__process__init(ret);
	grpc__user__init(u);
	ret->user = u;
	ret->terminal = o->terminal;
	ret->args = o->args.p;
	ret->n_args = o->args.n;
	ret->cwd = borrow(o->cwd != NULL ? o->cwd : "/");
	ret->nonewprivileges = true;
	r = set_user(o->user, a, u, e);
	return r < 0 ? r : set_env(o, a, ret, e);
}

/* ---- capabilities ---- */

/* "net_admin", "NET_ADMIN" and "CAP_NET_ADMIN" are the same; the agent judges the name. */
static char *cap_name(struct arena *a, const char *text)
{
	char *s = arena_printf(a, "CAP_%s", strncasecmp(text, "cap_", 4) == 0 ? text + 4 : text);

	for (char *p = s; s != NULL && *p != '\0'; p++)
		*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	return s;
}

static size_t list_find(char **list, size_t n, const char *s)
{
	size_t i = 0;

	while (i < n && !streq(list[i], s))
		i++;
	return i;
}

static int set_caps(const struct actl_run *o, struct arena *a, Grpc__Process *p, struct err *e)
{
	Grpc__LinuxCapabilities *c = arena_alloc(a, sizeof(*c));
	char **list = arena_array(a, ARRAY_LEN(default_caps) + o->cap_add.n, sizeof(char *));
	size_t n = 0;

	if (c == NULL || list == NULL)
		return no_memory(e);
	for (size_t i = 0; i < ARRAY_LEN(default_caps); i++)
		list[n++] = borrow(default_caps[i]);
	for (size_t i = 0; i < o->cap_drop.n; i++) {
		const char *name = cap_name(a, o->cap_drop.p[i]);
		size_t at;

		if (name == NULL)
			return no_memory(e);
		at = list_find(list, n, name);
		if (streq(name, "CAP_ALL"))
			n = 0;
		else if (at < n)
			list[at] = list[--n];
	}
	for (size_t i = 0; i < o->cap_add.n; i++) {
		char *name = cap_name(a, o->cap_add.p[i]);

		if (name == NULL)
			return no_memory(e);
		if (list_find(list, n, name) == n)
			list[n++] = name;
	}
	grpc__linux_capabilities__init(c);
	c->bounding = c->effective = c->permitted = list;
	c->n_bounding = c->n_effective = c->n_permitted = n;
	p->capabilities = c;
	return 0;
}

/* ---- linux ---- */

static int set_namespaces(const struct actl_run *o, struct arena *a, Grpc__Linux *l, struct err *e)
{
	size_t n = o->new_network ? ARRAY_LEN(namespaces) : N_NAMESPACES_SHARED_NET;
	Grpc__LinuxNamespace *ns = arena_array(a, n, sizeof(*ns));

	l->namespaces = arena_array(a, n, sizeof(void *));
	if (ns == NULL || l->namespaces == NULL)
		return no_memory(e);
	for (size_t i = 0; i < n; i++) {
		grpc__linux_namespace__init(&ns[i]);
		ns[i].type = borrow(namespaces[i]);
		l->namespaces[i] = &ns[i];
	}
	l->n_namespaces = n;
	return 0;
}

static int set_device_rules(struct arena *a, Grpc__LinuxResources *r, struct err *e)
{
	Grpc__LinuxDeviceCgroup *d = arena_array(a, ARRAY_LEN(device_rules), sizeof(*d));

	r->devices = arena_array(a, ARRAY_LEN(device_rules), sizeof(void *));
	if (d == NULL || r->devices == NULL)
		return no_memory(e);
	for (size_t i = 0; i < ARRAY_LEN(device_rules); i++) {
		grpc__linux_device_cgroup__init(&d[i]);
		d[i].allow = device_rules[i].allow;
		d[i].type = borrow(device_rules[i].type);
		d[i].major = device_rules[i].major;
		d[i].minor = device_rules[i].minor;
		d[i].access = borrow(device_rules[i].access);
		r->devices[i] = &d[i];
	}
	r->n_devices = ARRAY_LEN(device_rules);
	return 0;
}

static int set_resources(const struct actl_run *o, struct arena *a, Grpc__Linux *l, struct err *e)
{
	struct {
		Grpc__LinuxResources all;
		Grpc__LinuxMemory memory;
		Grpc__LinuxCPU cpu;
		Grpc__LinuxPids pids;
	} *r = arena_alloc(a, sizeof(*r));

	if (r == NULL)
		return no_memory(e);
	grpc__linux_resources__init(&r->all);
	l->resources = &r->all;
	if (o->memory > 0) {
		grpc__linux_memory__init(&r->memory);
		r->memory.limit = (int64_t)MIN(o->memory, (uint64_t)INT64_MAX);
		r->memory.swap = r->memory.limit; /* no swap on top */
		r->all.memory = &r->memory;
	}
	if (o->cpus > 0) {
		grpc__linux_cpu__init(&r->cpu);
		r->cpu.period = CPU_PERIOD_US;
		r->cpu.quota = (int64_t)(o->cpus * CPU_PERIOD_US + 0.5);
		r->all.cpu = &r->cpu;
	}
	if (o->pids > 0) {
		grpc__linux_pids__init(&r->pids);
		r->pids.limit = o->pids;
		r->all.pids = &r->pids;
	}
	return set_device_rules(a, &r->all, e);
}

static int load_seccomp(const char *path, Grpc__Linux *l, struct err *e)
{
	ProtobufCMessage *m;
	json_error_t at;
	cleanup_json json_t *j = json_load_file(path, 0, &at);
	int r;

	if (j == NULL)
		return err_refuse(e, ERR_INVALID, "--seccomp %s: line %d: %s", path, at.line,
				  at.text);
	r = actl_json_to_message(j, &grpc__linux_seccomp__descriptor, &m, e);
	if (r < 0)
		return err_wrap(e, "--seccomp %s", path);
	l->seccomp = (Grpc__LinuxSeccomp *)m; /* lives as long as the command */
	return 0;
}

static int set_seccomp(const struct actl_run *o, struct arena *a, Grpc__Linux *l, struct err *e)
{
	Grpc__LinuxSeccomp *s;

	if (o->seccomp != NULL)
		return load_seccomp(o->seccomp, l, e);
	if (!o->no_seccomp)
		return 0; /* the agent's default, whatever that is */
	s = arena_alloc(a, sizeof(*s));
	if (s == NULL)
		return no_memory(e);
	grpc__linux_seccomp__init(s);
	s->defaultaction = borrow("SCMP_ACT_ALLOW");
	l->seccomp = s;
	return 0;
}

static int build_linux(const struct actl_run *o, struct arena *a, Grpc__Linux *l, struct err *e)
{
	int r;

	grpc__linux__init(l);
	/* No cgroupsPath: the agent's own place for the id, without a parent that would stay. */
	if (!o->privileged_paths) {
		l->maskedpaths = list_of(a, masked_paths, ARRAY_LEN(masked_paths));
		l->readonlypaths = list_of(a, readonly_paths, ARRAY_LEN(readonly_paths));
		if (l->maskedpaths == NULL || l->readonlypaths == NULL)
			return no_memory(e);
		l->n_maskedpaths = ARRAY_LEN(masked_paths);
		l->n_readonlypaths = ARRAY_LEN(readonly_paths);
	}
	r = set_namespaces(o, a, l, e);
	if (r == 0)
		r = set_resources(o, a, l, e);
	return r < 0 ? r : set_seccomp(o, a, l, e);
}

int actl_spec_build(const struct actl_run *o, struct arena *a, Grpc__Spec *ret, struct err *e)
{
	struct {
		Grpc__Process process;
		Grpc__Root root;
		Grpc__Linux linux_;
	} *parts = arena_alloc(a, sizeof(*parts));
	int r;

	if (parts == NULL)
		return no_memory(e);
	grpc__spec__init(ret);
	grpc__root__init(&parts->root);
	ret->version = borrow("1.1.0");
	ret->hostname = borrow(o->hostname != NULL ? o->hostname : o->id);
	ret->process = &parts->process;
	ret->root = &parts->root;
	ret->linux = &parts->linux_;
	parts->root.path = borrow(o->rootfs);
	parts->root.readonly = o->readonly;
	r = actl_spec_process(o, a, &parts->process, e);
	if (r == 0)
		r = set_caps(o, a, &parts->process, e);
	if (r == 0)
		r = actl_spec_mounts(o, a, ret, e);
	return r < 0 ? r : build_linux(o, a, &parts->linux_, e);
}
