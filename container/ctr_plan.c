/* SPDX-License-Identifier: Apache-2.0 */
/* From a container to what plans are made of, and the parent's own part of a set-up. */
#define LOG_MODULE "container"
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "container/caps.h"
#include "container/cgroup.h"
#include "container/ctr_priv.h"
#include "container/plan_steps.h"

void ctr_plan_in(const struct ctr *c, const struct ctr_facts *f, struct plan_in *in)
{
	*in = (struct plan_in){
		.spec = c->spec,
		.process = c->spec->process,
		.id = c->id,
		.bundle = c->bundle,
		.is_agent = c->host->is_agent,
		.must_move_root = c->host->no_pivot,
		.may_move_root = c->host->is_agent && f->root_may_be_initramfs,
		.cgroup_v2 = ctr_cgroup_get_mode() == CTR_CGROUP_V2,
		.cgroup_path = ctr_cgroup_path(c->cgroup),
		.cgroup_v1 = f->cgroup_v1,
		.stdio = {-EBADF, -EBADF, -EBADF},
		.null_fd = c->host->null_fd,
		.in_userns = c->is_new[CTR_NS_USER] || c->join[CTR_NS_USER] >= 0,
		.own_dev = f->own_dev,
		.own_ino = f->own_ino,
		.boot_nofile_soft = c->host->boot_nofile.rlim_cur,
		.boot_nofile_hard = c->host->boot_nofile.rlim_max,
		.has_apparmor = f->has_apparmor,
		.bpf = c->bpf,
		.wants_console = true,
	};
	for (int i = 0; i < CTR_NS_COUNT; i++) {
		/* With a new user namespace the parent has entered all the others already. */
		bool by_child = i != CTR_NS_PID && !c->is_new[CTR_NS_USER];

		in->ns_fd[i] = by_child ? c->join[i] : -EBADF;
		in->ns_new[i] = c->is_new[i];
	}
	in->wants_hook_sync = c->spec->hooks[CTR_HOOK_PRESTART].n > 0 ||
			      c->spec->hooks[CTR_HOOK_CREATE_RUNTIME].n > 0 ||
			      c->spec->hooks[CTR_HOOK_CREATE_CONTAINER].n > 0;
}

static int check_labels(const struct ctr_process_spec *spec, bool is_agent, bool has_apparmor,
			struct err *e)
{
	if (!str_empty(spec->selinux_label))
		return err_refuse(e, ERR_INVALID,
				  "process.selinuxLabel \"%s\": SELinux is not enabled",
				  spec->selinux_label);
	if (str_empty(spec->apparmor_profile) || has_apparmor)
		return 0;
	if (!is_agent)
		return err_refuse(e, ERR_INVALID,
				  "process.apparmorProfile \"%s\": AppArmor is not enabled",
				  spec->apparmor_profile);
	log_warn("apparmor profile \"%s\" is ignored: AppArmor is not enabled",
		 spec->apparmor_profile);
	return 0;
}

int ctr_plan_process(const struct ctr *c, const struct ctr_process_spec *spec, struct plan_in *in,
		     struct err *e)
{
	bool is_init = spec == c->spec->process;

	in->process = spec;
	in->n_caps = ctr_cap_last() + 1;
	in->no_new_privs =
		spec->no_new_privs || (c->spec->process != NULL && c->spec->process->no_new_privs);
	for (int i = 0; i < CTR_CAP_SETS; i++) {
		char unknown[128] = "";

		in->caps[i] = spec->has_caps || is_init
				      ? ctr_cap_set_parse(&spec->caps[i], unknown, sizeof(unknown))
				      : c->caps[i];
		if (unknown[0] != '\0')
			log_warn("unknown capabilities are ignored: %s", unknown);
	}
	return check_labels(spec, c->host->is_agent, in->has_apparmor, e);
}

int ctr_plan_exec(const struct ctr *c, const struct ctr_process_spec *spec,
		  const int stdio[static 3], struct plan **ret, struct spawn_how *how,
		  struct err *e)
{
	const struct ctr_facts *f = ctr_facts_get(e);
	struct plan_in in;
	int r;

	if (f == NULL)
		return e->code;
	ctr_plan_in(c, f, &in);
	in.wants_console = false;
	for (int i = 0; i < CTR_NS_COUNT; i++) {
		in.ns_new[i] = false;
		in.ns_fd[i] = i == CTR_NS_PID ? -EBADF : c->ns[i];
	}
	memcpy(in.stdio, stdio, sizeof(in.stdio));
	r = ctr_plan_process(c, spec, &in, e);
	if (r == 0)
		r = plan_build_exec(&in, ret, e);
	if (r < 0)
		return r;
	*how = (struct spawn_how){
		.cgroup_fd = ctr_cgroup_clone_fd(c->cgroup),
		.is_agent = c->host->is_agent,
	};
	if (c->ns[CTR_NS_PID] >= 0)
		how->enter[how->n_enter++] = (struct spawn_enter){
			c->ns[CTR_NS_PID], f->own_ns[CTR_NS_PID], CLONE_NEWPID};
	return 0;
}

/* The child sets its limits late and perhaps without the right to raise; a hard limit is lifted here. */
static int lift_limit(pid_t pid, const char *type, uint64_t hard, struct err *e)
{
	int resource = plan_rlimit_number(type);
	struct rlimit now, want;

	if (prlimit(pid, (__rlimit_resource_t)resource, NULL, &now) < 0)
		return err_set(e, -errno, "read %s", type);
	if (hard <= now.rlim_max)
		return 0;
	want = (struct rlimit){.rlim_cur = now.rlim_cur, .rlim_max = hard};
	if (prlimit(pid, (__rlimit_resource_t)resource, &want, NULL) < 0)
		return err_set(e, -errno, "raise %s to %" PRIu64, type, hard);
	return 0;
}

static int lift_limits(const struct ctr_host *host, pid_t pid, const struct ctr_process_spec *spec,
		       struct err *e)
{
	bool has_nofile = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < spec->n_rlimits; i++) {
		has_nofile = has_nofile || streq(spec->rlimits[i].type, "RLIMIT_NOFILE");
		r = lift_limit(pid, spec->rlimits[i].type, spec->rlimits[i].hard, e);
	}
	if (r == 0 && !has_nofile && host->boot_nofile.rlim_max > 0)
		r = lift_limit(pid, "RLIMIT_NOFILE", host->boot_nofile.rlim_max, e);
	return r;
}

static int set_oom_score(const struct ctr_host *host, pid_t pid,
			 const struct ctr_process_spec *spec, struct err *e)
{
	char path[sizeof("/proc/-2147483648/oom_score_adj")], text[24];
	int64_t score = spec->oom_score_adj != CTR_UNSET ? spec->oom_score_adj
							 : host->default_oom_score_adj;
	int r;

	if (score == CTR_UNSET)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	(void)snprintf(text, sizeof(text), "%" PRId64, score);
	r = fd_write_str(AT_FDCWD, path, text);
	return r < 0 ? err_set(e, r, "set oom_score_adj to %" PRId64, score) : 0;
}

static int limit(struct ctr *c, struct spawn *s, const struct ctr_process_spec *spec, bool is_init,
		 struct err *e)
{
	pid_t pid = s->ref.pid;
	int r = s->in_cgroup ? 0 : ctr_cgroup_join(c->cgroup, pid, e);

	if (r == 0 && is_init)
		r = ctr_cgroup_apply(c->cgroup, c->spec->resources, true, e);
	if (r == 0)
		r = lift_limits(c->host, pid, spec, e);
	if (r == 0)
		r = set_oom_score(c->host, pid, spec, e);
	if (r == 0 && is_init && c->is_new[CTR_NS_USER])
		r = ctr_ns_write_maps(c->spec, pid, e);
	return r;
}

/* A child that is gone has its own reason, which its exit is about to tell. */
static bool is_gone(const struct spawn *s, int code)
{
	struct pollfd p = {.fd = s->ref.pidfd, .events = POLLIN};

	return code == -ESRCH || poll(&p, 1, 0) > 0;
}

int ctr_limit(struct ctr *c, struct spawn *s, const struct ctr_process_spec *spec, bool is_init,
	      struct err *e)
{
	int syncs = is_init && c->is_new[CTR_NS_USER] ? 2 : 1; /* idmap, go */
	int r = limit(c, s, spec, is_init, e);

	if (r < 0)
		return is_gone(s, r) ? 0 : r;
	/* EPIPE: it has closed the channel, so it has failed already and said why. */
	while (syncs-- > 0)
		(void)!ctr_spawn_go(s);
	return 0;
}
