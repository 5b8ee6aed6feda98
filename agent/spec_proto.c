/* SPDX-License-Identifier: Apache-2.0 */
/* The spec but its resources, which are spec_proto_res.c. One function for each message. */
#define LOG_MODULE "spec"

#include "agent/spec_proto.h"

#include <string.h>

#include "agent/spec_proto_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

int spec_no_room(struct err *e)
{
	return err_refuse(e, ERR_LIMIT, "OCI: the spec is too large");
}

int spec_text(struct arena *a, const char *s, const char **ret)
{
	if (str_empty(s))
		return 0;
	*ret = arena_dup(a, s);
	return *ret != NULL ? 0 : -ENOMEM;
}

static int strv(struct arena *a, char *const *v, size_t n, struct ctr_strv *ret)
{
	if (n == 0)
		return 0;
	ret->v = arena_array(a, n + 1, sizeof(*ret->v));
	if (ret->v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		ret->v[i] = arena_dup(a, v[i]);
		if (ret->v[i] == NULL)
			return -ENOMEM;
	}
	ret->n = n;
	return 0;
}

/* Kata skips what is not NAME=value; a container must not fail for one bad variable. */
static int environment(struct arena *a, char *const *v, size_t n, struct ctr_strv *ret)
{
	struct ctr_strv all = {0};
	size_t kept = 0;

	if (strv(a, v, n, &all) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < all.n; i++) {
		const char *eq = strchr(all.v[i], '=');

		if (eq == NULL || eq == all.v[i])
			log_warn("an environment entry without a name or '=' is skipped");
		else
			all.v[kept++] = all.v[i];
	}
	all.n = kept;
	if (all.v != NULL)
		all.v[kept] = NULL;
	*ret = all;
	return 0;
}

/* Every generated map entry has the same layout but a type of its own. */
#define MAP_TO_KVS(a, entries, n_entries, out)                                                     \
	({                                                                                         \
		int map_r_ = 0;                                                                    \
		(out)->v = (n_entries) > 0 ? arena_array(a, n_entries, sizeof(*(out)->v)) : NULL;  \
		if ((n_entries) > 0 && (out)->v == NULL)                                           \
			map_r_ = -ENOMEM;                                                          \
		for (size_t map_i_ = 0; map_r_ == 0 && map_i_ < (n_entries); map_i_++) {           \
			(out)->v[map_i_].key = arena_dup(a, (entries)[map_i_]->key);               \
			(out)->v[map_i_].value = arena_dup(a, (entries)[map_i_]->value);           \
			if ((out)->v[map_i_].key == NULL || (out)->v[map_i_].value == NULL)        \
				map_r_ = -ENOMEM;                                                  \
			(out)->n = map_i_ + 1;                                                     \
		}                                                                                  \
		map_r_;                                                                            \
	})

static int user(struct arena *a, const Grpc__User *in, struct ctr_process_spec *p)
{
	if (in == NULL)
		return 0;
	p->uid = in->uid;
	p->gid = in->gid;
	if (in->n_additionalgids > 0) {
		p->gids = arena_array(a, in->n_additionalgids, sizeof(*p->gids));
		if (p->gids == NULL)
			return -ENOMEM;
		memcpy(p->gids, in->additionalgids, in->n_additionalgids * sizeof(*p->gids));
		p->n_gids = in->n_additionalgids;
	}
	return spec_text(a, in->username, &p->username);
}

static int capabilities(struct arena *a, const Grpc__LinuxCapabilities *in,
			struct ctr_process_spec *p)
{
	if (in == NULL)
		return 0;
	p->has_caps = true;
	if (strv(a, in->bounding, in->n_bounding, &p->caps[CTR_CAP_BOUNDING]) < 0 ||
	    strv(a, in->effective, in->n_effective, &p->caps[CTR_CAP_EFFECTIVE]) < 0 ||
	    strv(a, in->inheritable, in->n_inheritable, &p->caps[CTR_CAP_INHERITABLE]) < 0 ||
	    strv(a, in->permitted, in->n_permitted, &p->caps[CTR_CAP_PERMITTED]) < 0 ||
	    strv(a, in->ambient, in->n_ambient, &p->caps[CTR_CAP_AMBIENT]) < 0)
		return -ENOMEM;
	return 0;
}

static int rlimits(struct arena *a, const Grpc__Process *in, struct ctr_process_spec *p)
{
	if (in->n_rlimits == 0)
		return 0;
	p->rlimits = arena_array(a, in->n_rlimits, sizeof(*p->rlimits));
	if (p->rlimits == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->n_rlimits; i++) {
		p->rlimits[i].type = arena_dup(a, in->rlimits[i]->type);
		p->rlimits[i].soft = in->rlimits[i]->soft;
		p->rlimits[i].hard = in->rlimits[i]->hard;
		if (p->rlimits[i].type == NULL)
			return -ENOMEM;
	}
	p->n_rlimits = in->n_rlimits;
	return 0;
}

int spec_process_from_proto(const Grpc__Process *in, struct arena *a, struct ctr_process_spec **ret,
			    struct err *e)
{
	struct ctr_process_spec *p = arena_alloc(a, sizeof(*p));

	if (in->n_args == 0)
		return err_refuse(e, ERR_INVALID, "process.args is empty");
	if (p == NULL)
		return spec_no_room(e);
	ctr_process_spec_init(p);
	p->terminal = in->terminal != 0;
	if (in->consolesize != NULL) {
		p->rows = in->consolesize->height;
		p->columns = in->consolesize->width;
	}
	p->no_new_privs = in->nonewprivileges != 0;
	if (in->oomscoreadj != 0)
		p->oom_score_adj = in->oomscoreadj;
	if (user(a, in->user, p) < 0 || strv(a, in->args, in->n_args, &p->args) < 0 ||
	    environment(a, in->env, in->n_env, &p->env) < 0 || spec_text(a, in->cwd, &p->cwd) < 0 ||
	    capabilities(a, in->capabilities, p) < 0 || rlimits(a, in, p) < 0 ||
	    spec_text(a, in->apparmorprofile, &p->apparmor_profile) < 0 ||
	    spec_text(a, in->selinuxlabel, &p->selinux_label) < 0)
		return spec_no_room(e);
	*ret = p;
	return 0;
}

static int mounts(struct arena *a, const Grpc__Spec *in, struct ctr_spec *s)
{
	if (in->n_mounts == 0)
		return 0;
	s->mounts = arena_array(a, in->n_mounts, sizeof(*s->mounts));
	if (s->mounts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->n_mounts; i++) {
		const Grpc__Mount *m = in->mounts[i];

		s->mounts[i].destination = arena_dup(a, m->destination);
		if (s->mounts[i].destination == NULL ||
		    spec_text(a, m->source, &s->mounts[i].source) < 0 ||
		    spec_text(a, m->type, &s->mounts[i].type) < 0 ||
		    strv(a, m->options, m->n_options, &s->mounts[i].options) < 0)
			return -ENOMEM;
	}
	s->n_mounts = in->n_mounts;
	return 0;
}

static int hook_list(struct arena *a, Grpc__Hook *const *in, size_t n, struct ctr_hooks *ret)
{
	if (n == 0)
		return 0;
	ret->v = arena_array(a, n, sizeof(*ret->v));
	if (ret->v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct ctr_hook *h = &ret->v[i];

		h->path = arena_dup(a, in[i]->path);
		h->has_env = in[i]->n_env > 0;
		h->timeout_s = in[i]->timeout != 0 ? in[i]->timeout : CTR_UNSET;
		if (h->path == NULL || strv(a, in[i]->args, in[i]->n_args, &h->args) < 0 ||
		    strv(a, in[i]->env, in[i]->n_env, &h->env) < 0)
			return -ENOMEM;
	}
	ret->n = n;
	return 0;
}

static int hooks(struct arena *a, const Grpc__Hooks *in, struct ctr_spec *s)
{
	if (in == NULL)
		return 0;
	if (hook_list(a, in->prestart, in->n_prestart, &s->hooks[CTR_HOOK_PRESTART]) < 0 ||
	    hook_list(a, in->createruntime, in->n_createruntime,
		      &s->hooks[CTR_HOOK_CREATE_RUNTIME]) < 0 ||
	    hook_list(a, in->createcontainer, in->n_createcontainer,
		      &s->hooks[CTR_HOOK_CREATE_CONTAINER]) < 0 ||
	    hook_list(a, in->startcontainer, in->n_startcontainer,
		      &s->hooks[CTR_HOOK_START_CONTAINER]) < 0 ||
	    hook_list(a, in->poststart, in->n_poststart, &s->hooks[CTR_HOOK_POSTSTART]) < 0 ||
	    hook_list(a, in->poststop, in->n_poststop, &s->hooks[CTR_HOOK_POSTSTOP]) < 0)
		return -ENOMEM;
	return 0;
}

static int idmaps(struct arena *a, Grpc__LinuxIDMapping *const *in, size_t n,
		  struct ctr_idmaps *ret)
{
	if (n == 0)
		return 0;
	ret->v = arena_array(a, n, sizeof(*ret->v));
	if (ret->v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ret->v[i] = (struct ctr_idmap){.container_id = in[i]->containerid,
					       .host_id = in[i]->hostid,
					       .size = in[i]->size};
	ret->n = n;
	return 0;
}

static int namespaces(struct arena *a, const Grpc__Linux *in, struct ctr_spec *s, struct err *e)
{
	static const char *const words[CTR_NS_COUNT] = {
		[CTR_NS_MOUNT] = "mount", [CTR_NS_PID] = "pid",   [CTR_NS_NET] = "network",
		[CTR_NS_IPC] = "ipc",     [CTR_NS_UTS] = "uts",   [CTR_NS_CGROUP] = "cgroup",
		[CTR_NS_USER] = "user",   [CTR_NS_TIME] = "time",
	};

	/* Room for a pid entry that the sandbox may have to add. */
	s->namespaces = arena_array(a, in->n_namespaces + 1, sizeof(*s->namespaces));
	if (s->namespaces == NULL)
		return spec_no_room(e);
	for (size_t i = 0; i < in->n_namespaces; i++) {
		struct ctr_namespace *ns = &s->namespaces[i];
		unsigned t = 0;

		while (t < CTR_NS_COUNT && !streq(words[t], in->namespaces[i]->type))
			t++;
		if (t == CTR_NS_COUNT)
			return err_refuse(e, ERR_INVALID,
					  "linux.namespaces[%zu].type '%s' is unknown", i,
					  in->namespaces[i]->type);
		ns->type = (enum ctr_ns_type)t;
		ns->fd = -EBADF;
		if (spec_text(a, in->namespaces[i]->path, &ns->path) < 0)
			return spec_no_room(e);
	}
	s->n_namespaces = in->n_namespaces;
	return 0;
}

static int devices(struct arena *a, const Grpc__Linux *in, struct ctr_spec *s, struct err *e)
{
	if (in->n_devices == 0)
		return 0;
	s->devices = arena_array(a, in->n_devices, sizeof(*s->devices));
	if (s->devices == NULL)
		return spec_no_room(e);
	for (size_t i = 0; i < in->n_devices; i++) {
		const Grpc__LinuxDevice *d = in->devices[i];

		if (strlen(d->type) != 1 || strchr("bcup", d->type[0]) == NULL)
			return err_refuse(e, ERR_INVALID, "linux.devices[%zu].type '%s' is unknown",
					  i, d->type);
		s->devices[i] = (struct ctr_device){
			.path = arena_dup(a, d->path),
			.type = d->type[0],
			.major = d->major,
			.minor = d->minor,
			.mode = d->filemode != 0 ? (int64_t)d->filemode : CTR_UNSET,
			.uid = d->uid,
			.gid = d->gid,
		};
		if (s->devices[i].path == NULL)
			return spec_no_room(e);
	}
	s->n_devices = in->n_devices;
	return 0;
}

static int syscall_args(struct arena *a, const Grpc__LinuxSyscall *in, struct ctr_seccomp_rule *r)
{
	if (in->n_args == 0)
		return 0;
	r->args = arena_array(a, in->n_args, sizeof(*r->args));
	if (r->args == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->n_args; i++) {
		r->args[i] = (struct ctr_seccomp_arg){.index = in->args[i]->index,
						      .value = in->args[i]->value,
						      .value_two = in->args[i]->valuetwo,
						      .op = arena_dup(a, in->args[i]->op)};
		if (r->args[i].op == NULL)
			return -ENOMEM;
	}
	r->n_args = in->n_args;
	return 0;
}

static int seccomp(struct arena *a, const Grpc__LinuxSeccomp *in, struct ctr_spec *s)
{
	struct ctr_seccomp *c;

	if (in == NULL)
		return 0;
	c = arena_alloc(a, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->default_errno_ret = CTR_UNSET; /* the message has no such field */
	c->default_action = arena_dup(a, in->defaultaction);
	c->has_flags = in->n_flags > 0;
	if (c->default_action == NULL ||
	    strv(a, in->architectures, in->n_architectures, &c->architectures) < 0 ||
	    strv(a, in->flags, in->n_flags, &c->flags) < 0)
		return -ENOMEM;
	if (in->n_syscalls > 0) {
		c->rules = arena_array(a, in->n_syscalls, sizeof(*c->rules));
		if (c->rules == NULL)
			return -ENOMEM;
	}
	for (size_t i = 0; i < in->n_syscalls; i++) {
		const Grpc__LinuxSyscall *sc = in->syscalls[i];
		struct ctr_seccomp_rule *r = &c->rules[i];

		r->errno_ret = CTR_UNSET;
		if (sc->errno_ret_case == GRPC__LINUX_SYSCALL__ERRNO_RET_ERRNORET)
			r->errno_ret = sc->errnoret;
		r->action = arena_dup(a, sc->action);
		if (r->action == NULL || strv(a, sc->names, sc->n_names, &r->names) < 0 ||
		    syscall_args(a, sc, r) < 0)
			return -ENOMEM;
	}
	c->n_rules = in->n_syscalls;
	s->seccomp = c;
	return 0;
}

static int linux_section(struct arena *a, const Grpc__Linux *in, struct ctr_spec *s, struct err *e)
{
	int r;

	s->has_linux = true;
	if (idmaps(a, in->uidmappings, in->n_uidmappings, &s->uid_maps) < 0 ||
	    idmaps(a, in->gidmappings, in->n_gidmappings, &s->gid_maps) < 0 ||
	    MAP_TO_KVS(a, in->sysctl, in->n_sysctl, &s->sysctl) < 0 ||
	    spec_text(a, in->cgroupspath, &s->cgroups_path) < 0 || seccomp(a, in->seccomp, s) < 0 ||
	    spec_text(a, in->rootfspropagation, &s->rootfs_propagation) < 0 ||
	    strv(a, in->maskedpaths, in->n_maskedpaths, &s->masked_paths) < 0 ||
	    strv(a, in->readonlypaths, in->n_readonlypaths, &s->readonly_paths) < 0 ||
	    spec_text(a, in->mountlabel, &s->mount_label) < 0)
		return spec_no_room(e);
	r = namespaces(a, in, s, e);
	if (r == 0)
		r = devices(a, in, s, e);
	if (r == 0)
		r = spec_resources_from_proto(in->resources, a, &s->resources, e);
	return r;
}

int spec_from_proto(const Grpc__Spec *in, struct arena *a, struct ctr_spec **ret, struct err *e)
{
	struct ctr_spec *s;
	int r;

	if (in->process == NULL)
		return err_refuse(e, ERR_INVALID, "OCI.process is missing");
	if (in->root == NULL)
		return err_refuse(e, ERR_INVALID, "OCI.root is missing");
	if (in->linux == NULL)
		return err_refuse(e, ERR_INVALID, "OCI.linux is missing");

	s = arena_alloc(a, sizeof(*s));
	if (s == NULL)
		return spec_no_room(e);
	ctr_spec_init(s);
	s->root_readonly = in->root->readonly != 0;
	if (spec_text(a, in->version, &s->version) < 0 ||
	    spec_text(a, in->hostname, &s->hostname) < 0 ||
	    spec_text(a, in->root->path, &s->root_path) < 0 || mounts(a, in, s) < 0 ||
	    hooks(a, in->hooks, s) < 0 ||
	    MAP_TO_KVS(a, in->annotations, in->n_annotations, &s->annotations) < 0)
		return spec_no_room(e);
	r = spec_process_from_proto(in->process, a, &s->process, e);
	if (r == 0)
		r = linux_section(a, in->linux, s, e);
	if (r == 0)
		*ret = s;
	return r;
}
