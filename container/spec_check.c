/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic checks of a spec, one function for each section. Touches nothing but memory. */
#include "container/spec_check.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "container/plan_steps.h"
#include "container/seccomp.h"

#define ID_MAX      128
#define MOUNTS_MAX  4096
#define ENV_MAX     65536
#define ARGS_MAX    4096
#define STRING_MAX  (128U << 10) /* MAX_ARG_STRLEN, execve(2) */
#define GROUPS_MAX  65536        /* NGROUPS_MAX, setgroups(2) */
#define PATHS_MAX   4096
#define IDMAPS_MAX  340 /* user_namespaces(7) */
#define SYSCTLS_MAX 1024
#define DEVICES_MAX 4096
#define HOOKS_MAX   256

static const char *const hook_names[CTR_HOOK_KINDS] = {
	[CTR_HOOK_PRESTART] = "prestart",
	[CTR_HOOK_CREATE_RUNTIME] = "createRuntime",
	[CTR_HOOK_CREATE_CONTAINER] = "createContainer",
	[CTR_HOOK_START_CONTAINER] = "startContainer",
	[CTR_HOOK_POSTSTART] = "poststart",
	[CTR_HOOK_POSTSTOP] = "poststop",
};

static const char *const ns_names[CTR_NS_COUNT] = {
	[CTR_NS_MOUNT] = "mount", [CTR_NS_PID] = "pid",   [CTR_NS_NET] = "network",
	[CTR_NS_IPC] = "ipc",     [CTR_NS_UTS] = "uts",   [CTR_NS_CGROUP] = "cgroup",
	[CTR_NS_USER] = "user",   [CTR_NS_TIME] = "time",
};

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int ctr_id_check(const char *id, struct err *e)
{
	size_t n = id == NULL ? 0 : strlen(id);
	bool good = n > 0 && n <= ID_MAX && is_alnum(id[0]);

	for (size_t i = 0; good && i < n; i++)
		good = is_alnum(id[i]) || strchr("_.-", id[i]) != NULL;
	if (good)
		return 0;
	return err_refuse(e, ERR_INVALID,
			  "id \"%.160s\": 1 to %d characters of [A-Za-z0-9_.-] wanted",
			  id == NULL ? "" : id, ID_MAX);
}

static int check_count(const char *what, size_t n, size_t max, struct err *e)
{
	return n <= max ? 0 : err_refuse(e, ERR_INVALID, "%s: more than %zu entries", what, max);
}

static int check_strings(const char *what, const struct ctr_strv *v, size_t max, struct err *e)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->v[i] == NULL || strlen(v->v[i]) >= STRING_MAX)
			return err_refuse(e, ERR_INVALID, "%s[%zu]: too long", what, i);
	}
	return check_count(what, v->n, max, e);
}

static int check_rlimits(const struct ctr_process_spec *p, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct ctr_rlimit *l = &p->rlimits[i];

		if (l->type == NULL || plan_rlimit_number(l->type) < 0)
			return err_refuse(e, ERR_INVALID, "process.rlimits: unknown type \"%s\"",
					  l->type == NULL ? "" : l->type);
		if (l->soft > l->hard)
			return err_refuse(e, ERR_INVALID,
					  "process.rlimits %s: soft %" PRIu64
					  " above hard %" PRIu64,
					  l->type, l->soft, l->hard);
		for (size_t k = 0; k < i; k++) {
			if (streq(p->rlimits[k].type, l->type))
				return err_refuse(e, ERR_INVALID,
						  "process.rlimits: %s is given twice", l->type);
		}
	}
	return 0;
}

static int check_user(const struct ctr_process_spec *p, struct err *e)
{
	if (p->uid == UINT32_MAX || p->gid == UINT32_MAX)
		return err_refuse(e, ERR_INVALID, "process.user: id 4294967295 is not a user");
	for (size_t i = 0; i < p->n_gids; i++) {
		if (p->gids[i] == UINT32_MAX)
			return err_refuse(e, ERR_INVALID,
					  "process.user.additionalGids: 4294967295 is not a group");
	}
	if (p->umask != CTR_UNSET && (p->umask < 0 || p->umask > 0777))
		return err_refuse(e, ERR_INVALID, "process.user.umask: not within 0..0777");
	return check_count("process.user.additionalGids", p->n_gids, GROUPS_MAX, e);
}

int ctr_process_check(const struct ctr_process_spec *p, struct err *e)
{
	int r;

	if (p == NULL)
		return err_refuse(e, ERR_INVALID, "process is missing");
	if (p->args.n == 0 || str_empty(p->args.v[0]))
		return err_refuse(e, ERR_INVALID, "process.args is empty");
	if (p->cwd == NULL || p->cwd[0] != '/')
		return err_refuse(e, ERR_INVALID, "process.cwd \"%s\" is not absolute",
				  p->cwd == NULL ? "" : p->cwd);
	if (strlen(p->cwd) >= PATH_MAX)
		return err_refuse(e, ERR_INVALID, "process.cwd is too long");
	if (p->oom_score_adj != CTR_UNSET && (p->oom_score_adj < -1000 || p->oom_score_adj > 1000))
		return err_refuse(e, ERR_INVALID,
				  "process.oomScoreAdj %" PRId64 " is not within -1000..1000",
				  p->oom_score_adj);
	if (p->rows > USHRT_MAX || p->columns > USHRT_MAX)
		return err_refuse(e, ERR_INVALID, "process.consoleSize is too large");
	r = check_strings("process.args", &p->args, ARGS_MAX, e);
	if (r == 0)
		r = check_strings("process.env", &p->env, ENV_MAX, e);
	for (size_t i = 0; r == 0 && i < p->env.n; i++) {
		const char *equals = strchr(p->env.v[i], '=');

		if (equals == NULL || equals == p->env.v[i])
			r = err_refuse(e, ERR_INVALID, "process.env[%zu]: not NAME=value", i);
	}
	if (r == 0)
		r = check_rlimits(p, e);
	return r < 0 ? r : check_user(p, e);
}

static int check_maps(const char *what, const struct ctr_idmaps *maps, bool wanted, struct err *e)
{
	uint64_t size = 0;

	for (size_t i = 0; i < maps->n; i++)
		size += maps->v[i].size;
	if (wanted && size == 0)
		return err_refuse(e, ERR_INVALID, "%s: a new user namespace needs an entry", what);
	if (!wanted && maps->n > 0)
		return err_refuse(e, ERR_INVALID, "%s without a new user namespace", what);
	return check_count(what, maps->n, IDMAPS_MAX, e);
}

static int check_namespaces(const struct ctr_spec *s, bool is_agent, struct err *e)
{
	const struct ctr_namespace *user = ctr_spec_namespace(s, CTR_NS_USER);
	bool new_user = user != NULL && user->path == NULL && user->fd < 0;
	bool seen[CTR_NS_COUNT] = {0};
	int r;

	for (size_t i = 0; i < s->n_namespaces; i++) {
		unsigned type = s->namespaces[i].type;

		if (type >= CTR_NS_COUNT)
			return err_refuse(e, ERR_INVALID, "linux.namespaces: unknown type");
		if (seen[type])
			return err_refuse(e, ERR_INVALID, "linux.namespaces: %s is given twice",
					  ns_names[type]);
		seen[type] = true;
	}
	if (seen[CTR_NS_TIME])
		return err_refuse(e, ERR_INVALID, "linux.namespaces: time is not supported");
	if (!seen[CTR_NS_MOUNT])
		return err_refuse(e, ERR_INVALID, "linux.namespaces: mount is missing");
	if (is_agent && !seen[CTR_NS_PID])
		return err_refuse(e, ERR_INVALID, "linux.namespaces: pid is missing");
	if (!seen[CTR_NS_UTS] && (!str_empty(s->hostname) || !str_empty(s->domainname)))
		return err_refuse(e, ERR_INVALID, "hostname without a uts namespace");
	r = check_maps("linux.uidMappings", &s->uid_maps, new_user, e);
	return r < 0 ? r : check_maps("linux.gidMappings", &s->gid_maps, new_user, e);
}

static int check_mounts(const struct ctr_spec *s, struct err *e)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct ctr_mount *m = &s->mounts[i];

		if (str_empty(m->destination))
			return err_refuse(e, ERR_INVALID, "mounts[%zu].destination is empty", i);
		if (strlen(m->destination) >= PATH_MAX - 1 ||
		    (m->source != NULL && strlen(m->source) >= PATH_MAX))
			return err_refuse(e, ERR_INVALID, "mounts[%zu]: a path is too long", i);
		if (m->uid_maps.n > 0 || m->gid_maps.n > 0)
			return err_refuse(e, ERR_INVALID,
					  "mounts[%zu] (%s): id-mapped mounts are not supported", i,
					  m->destination);
	}
	return check_count("mounts", s->n_mounts, MOUNTS_MAX, e);
}

static int check_hooks(const struct ctr_spec *s, struct err *e)
{
	for (int kind = 0; kind < CTR_HOOK_KINDS; kind++) {
		int r = check_count(hook_names[kind], s->hooks[kind].n, HOOKS_MAX, e);

		if (r < 0)
			return r;
		for (size_t i = 0; i < s->hooks[kind].n; i++) {
			const struct ctr_hook *h = &s->hooks[kind].v[i];

			if (h->path == NULL || h->path[0] != '/')
				return err_refuse(e, ERR_INVALID,
						  "hooks.%s[%zu].path is not absolute",
						  hook_names[kind], i);
			if (h->timeout_s != CTR_UNSET &&
			    (h->timeout_s <= 0 || h->timeout_s > INT_MAX))
				return err_refuse(e, ERR_INVALID,
						  "hooks.%s[%zu].timeout is not above 0",
						  hook_names[kind], i);
		}
	}
	return 0;
}

static int check_devices(const struct ctr_spec *s, struct err *e)
{
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct ctr_device *d = &s->devices[i];

		if (d->path == NULL || d->path[0] != '/' || strlen(d->path) >= PATH_MAX)
			return err_refuse(e, ERR_INVALID, "linux.devices[%zu].path is not absolute",
					  i);
		if (d->type == '\0' || strchr("bcup", d->type) == NULL)
			return err_refuse(e, ERR_INVALID, "linux.devices %s: unknown type",
					  d->path);
		if (d->type != 'p' &&
		    (d->major < 0 || d->major > 0xfff || d->minor < 0 || d->minor > 0xfffff))
			return err_refuse(e, ERR_INVALID, "linux.devices %s: bad device number",
					  d->path);
	}
	return check_count("linux.devices", s->n_devices, DEVICES_MAX, e);
}

static int check_paths(const char *what, const struct ctr_strv *v, struct err *e)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->v[i][0] != '/' || strlen(v->v[i]) >= PATH_MAX)
			return err_refuse(e, ERR_INVALID, "%s[%zu] \"%.128s\" is not absolute",
					  what, i, v->v[i]);
	}
	return check_count(what, v->n, PATHS_MAX, e);
}

static int check_root(const struct ctr_spec *s, struct err *e)
{
	char clean[PATH_MAX + 2];

	if (s->root_path == NULL || s->root_path[0] != '/')
		return err_refuse(e, ERR_INVALID, "root.path \"%s\" is not absolute",
				  s->root_path == NULL ? "" : s->root_path);
	if (path_clean(s->root_path, clean, sizeof(clean)) < 0)
		return err_refuse(e, ERR_INVALID, "root.path is too long");
	if (streq(clean, "/"))
		return err_refuse(e, ERR_INVALID, "root.path is the root of the system");
	return 0;
}

static int check_propagation(const char *word, struct err *e)
{
	static const char *const words[] = {"private", "rprivate", "slave",      "rslave",
					    "shared",  "rshared",  "unbindable", "runbindable"};

	if (str_empty(word))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (streq(word, words[i]))
			return 0;
	}
	return err_refuse(e, ERR_INVALID, "linux.rootfsPropagation \"%s\" is unknown", word);
}

static int check_version(const char *v, struct err *e)
{
	/* Semantic versions of major 1; the tail (-dev, -rc.1) does not matter. */
	if (v == NULL || (str_starts(v, "1.") && v[2] >= '0' && v[2] <= '9'))
		return 0;
	return err_refuse(e, ERR_INVALID, "ociVersion \"%.64s\" is not supported", v);
}

int ctr_spec_check(const struct ctr_spec *s, const char *id, bool is_agent, struct err *e)
{
	int r = ctr_id_check(id, e);

	if (r == 0)
		r = check_version(s->version, e);
	if (r == 0)
		r = check_root(s, e);
	if (r == 0)
		r = ctr_process_check(s->process, e);
	if (r == 0 && is_agent && !s->has_linux)
		r = err_refuse(e, ERR_INVALID, "linux is missing");
	if (r == 0)
		r = check_namespaces(s, is_agent, e);
	if (r == 0)
		r = check_mounts(s, e);
	if (r == 0)
		r = check_hooks(s, e);
	if (r == 0)
		r = check_devices(s, e);
	if (r == 0)
		r = check_paths("linux.maskedPaths", &s->masked_paths, e);
	if (r == 0)
		r = check_paths("linux.readonlyPaths", &s->readonly_paths, e);
	if (r == 0)
		r = check_propagation(s->rootfs_propagation, e);
	if (r == 0)
		r = check_count("linux.sysctl", s->sysctl.n, SYSCTLS_MAX, e);
	return r < 0 || s->seccomp == NULL ? r : ctr_seccomp_check(s->seccomp, e);
}
