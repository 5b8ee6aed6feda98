/* SPDX-License-Identifier: Apache-2.0 */
/* The mount options of a spec as flags and attributes: the table, and the rules to combine them. */
#include <string.h>
#include <sys/mount.h>

#include "base/str.h"
#include "container/plan_steps.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#	define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

enum opt_kind {
	OPT_ATTR,      /* attribute of this mount */
	OPT_ATTR_REC,  /* of the whole tree */
	OPT_ATIME,     /* one of the exclusive access time modes */
	OPT_ATIME_REC, /* */
	OPT_BIND,      /* PLAN_MNT_* */
	OPT_SUPER,     /* flag of the file system itself, by its own name */
	OPT_LEGACY,    /* MS_* that only mount(2) carries */
	OPT_PROPAGATION,
	OPT_NOTHING,
	OPT_REFUSED, /* promises something that no kernel or this program can keep */
};

struct opt {
	const char *name;
	enum opt_kind kind;
	bool clear;
	uint64_t bits;
};

#define SET(name, bit)                                                                             \
	{                                                                                          \
		name, OPT_ATTR, false, bit                                                         \
	}
#define CLEAR(name, bit)                                                                           \
	{                                                                                          \
		name, OPT_ATTR, true, bit                                                          \
	}
#define REC(name, bit)                                                                             \
	{                                                                                          \
		name, OPT_ATTR_REC, false, bit                                                     \
	}
#define REC_CLEAR(name, bit)                                                                       \
	{                                                                                          \
		name, OPT_ATTR_REC, true, bit                                                      \
	}
#define PROPAGATION(name, how)                                                                     \
	{                                                                                          \
		name, OPT_PROPAGATION, false, how                                                  \
	}

/* Sorted by name (a test checks it): util-linux and runc spellings, recursive forms since 5.12. */
static const struct opt options[] = {
	{"async", OPT_SUPER, true, 0},
	{"atime", OPT_ATIME, false, MOUNT_ATTR_RELATIME},
	{"bind", OPT_BIND, false, PLAN_MNT_BIND},
	{"defaults", OPT_NOTHING, false, 0},
	CLEAR("dev", MOUNT_ATTR_NODEV),
	CLEAR("diratime", MOUNT_ATTR_NODIRATIME),
	{"dirsync", OPT_SUPER, false, 0},
	CLEAR("exec", MOUNT_ATTR_NOEXEC),
	{"idmap", OPT_REFUSED, false, 0},
	{"iversion", OPT_LEGACY, false, MS_I_VERSION},
	{"lazytime", OPT_SUPER, false, 0},
	{"loud", OPT_NOTHING, false, 0},
	{"mand", OPT_SUPER, false, 0},
	{"noatime", OPT_ATIME, false, MOUNT_ATTR_NOATIME},
	SET("nodev", MOUNT_ATTR_NODEV),
	SET("nodiratime", MOUNT_ATTR_NODIRATIME),
	SET("noexec", MOUNT_ATTR_NOEXEC),
	{"noiversion", OPT_LEGACY, true, MS_I_VERSION},
	{"nolazytime", OPT_SUPER, true, 0},
	{"nomand", OPT_SUPER, true, 0},
	{"norelatime", OPT_ATIME, true, MOUNT_ATTR_RELATIME},
	{"nostrictatime", OPT_ATIME, true, MOUNT_ATTR_STRICTATIME},
	SET("nosuid", MOUNT_ATTR_NOSUID),
	SET("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	PROPAGATION("private", MS_PRIVATE),
	{"rasync", OPT_REFUSED, false, 0},
	{"ratime", OPT_ATIME_REC, false, MOUNT_ATTR_RELATIME},
	{"rbind", OPT_BIND, false, PLAN_MNT_BIND | PLAN_MNT_REC},
	REC_CLEAR("rdev", MOUNT_ATTR_NODEV),
	REC_CLEAR("rdiratime", MOUNT_ATTR_NODIRATIME),
	{"rdirsync", OPT_REFUSED, false, 0},
	{"relatime", OPT_ATIME, false, MOUNT_ATTR_RELATIME},
	{"remount", OPT_BIND, false, PLAN_MNT_REMOUNT},
	REC_CLEAR("rexec", MOUNT_ATTR_NOEXEC),
	{"ridmap", OPT_REFUSED, false, 0},
	{"rmand", OPT_REFUSED, false, 0},
	{"rnoatime", OPT_ATIME_REC, false, MOUNT_ATTR_NOATIME},
	REC("rnodev", MOUNT_ATTR_NODEV),
	REC("rnodiratime", MOUNT_ATTR_NODIRATIME),
	REC("rnoexec", MOUNT_ATTR_NOEXEC),
	{"rnomand", OPT_REFUSED, false, 0},
	{"rnorelatime", OPT_ATIME_REC, true, MOUNT_ATTR_RELATIME},
	{"rnostrictatime", OPT_ATIME_REC, true, MOUNT_ATTR_STRICTATIME},
	REC("rnosuid", MOUNT_ATTR_NOSUID),
	REC("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	SET("ro", MOUNT_ATTR_RDONLY),
	PROPAGATION("rprivate", MS_PRIVATE | MS_REC),
	{"rrelatime", OPT_ATIME_REC, false, MOUNT_ATTR_RELATIME},
	REC("rro", MOUNT_ATTR_RDONLY),
	REC_CLEAR("rrw", MOUNT_ATTR_RDONLY),
	PROPAGATION("rshared", MS_SHARED | MS_REC),
	PROPAGATION("rslave", MS_SLAVE | MS_REC),
	{"rstrictatime", OPT_ATIME_REC, false, MOUNT_ATTR_STRICTATIME},
	REC_CLEAR("rsuid", MOUNT_ATTR_NOSUID),
	REC_CLEAR("rsymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	{"rsync", OPT_REFUSED, false, 0},
	PROPAGATION("runbindable", MS_UNBINDABLE | MS_REC),
	CLEAR("rw", MOUNT_ATTR_RDONLY),
	PROPAGATION("shared", MS_SHARED),
	{"silent", OPT_NOTHING, false, 0},
	PROPAGATION("slave", MS_SLAVE),
	{"strictatime", OPT_ATIME, false, MOUNT_ATTR_STRICTATIME},
	CLEAR("suid", MOUNT_ATTR_NOSUID),
	CLEAR("symfollow", MOUNT_ATTR_NOSYMFOLLOW),
	{"sync", OPT_SUPER, false, 0},
	{"tmpcopyup", OPT_REFUSED, false, 0},
	PROPAGATION("unbindable", MS_UNBINDABLE),
};

static const struct opt *find(const char *name)
{
	size_t low = 0, high = ARRAY_LEN(options);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, options[mid].name);

		if (order == 0)
			return &options[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static void attr(uint64_t *set, uint64_t *clear, const struct opt *o)
{
	*set = o->clear ? *set & ~o->bits : *set | o->bits;
	*clear = o->clear ? *clear | o->bits : *clear & ~o->bits;
}

/* The kernel wants the whole field cleared whenever any mode of it changes, mount_setattr(2). */
static void atime(uint64_t *set, uint64_t *clear, const struct opt *o)
{
	if (o->clear && (*set & MOUNT_ATTR__ATIME) != o->bits)
		return; /* takes back a mode that is not chosen */
	*set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | (o->clear ? 0 : o->bits);
	*clear |= MOUNT_ATTR__ATIME;
}

static int add_data(struct plan *p, struct plan_mount *m, const char *option)
{
	struct plan_option *o = &m->options[m->n_options];
	const char *equals = strchr(option, '=');

	if (equals == NULL) {
		*o = (struct plan_option){option, NULL};
	} else {
		o->key = arena_dup_n(&p->arena, option, (size_t)(equals - option));
		o->value = equals + 1;
		if (o->key == NULL)
			return -ENOMEM;
		if (strlen(o->value) >= 256) /* strndup_user in fsconfig(2) */
			m->flags |= PLAN_MNT_LEGACY;
	}
	m->n_options++;
	return 0;
}

static int apply(struct plan *p, struct plan_mount *m, const char *option, struct err *e)
{
	const struct opt *o = find(option);

	if (o == NULL) {
		if (str_starts(option, "idmap=") || str_starts(option, "ridmap="))
			return err_refuse(e, ERR_INVALID,
					  "mount %s: option \"%s\" is not supported", m->target,
					  option);
		return add_data(p, m, option) < 0 ? plan_oom(e) : 0;
	}
	switch (o->kind) {
	case OPT_ATTR:
		attr(&m->attr_set, &m->attr_clear, o);
		return 0;
	case OPT_ATTR_REC:
		attr(&m->rec_attr_set, &m->rec_attr_clear, o);
		return 0;
	case OPT_ATIME:
		atime(&m->attr_set, &m->attr_clear, o);
		return 0;
	case OPT_ATIME_REC:
		atime(&m->rec_attr_set, &m->rec_attr_clear, o);
		return 0;
	case OPT_BIND:
		m->flags |= (uint32_t)o->bits;
		return 0;
	case OPT_SUPER:
		/* Of the file system, so it means nothing for a further view of an existing one. */
		m->options[m->n_options++] = (struct plan_option){o->name, NULL};
		return 0;
	case OPT_LEGACY:
		m->legacy_flags = o->clear ? m->legacy_flags & ~o->bits : m->legacy_flags | o->bits;
		if (!o->clear)
			m->flags |= PLAN_MNT_LEGACY;
		return 0;
	case OPT_PROPAGATION:
		m->propagation[m->n_propagation++] = o->bits;
		return 0;
	case OPT_NOTHING:
		return 0;
	case OPT_REFUSED:
		return err_refuse(e, ERR_INVALID, "mount %s: option \"%s\" is not supported",
				  m->target, option);
	}
	return 0;
}

/* One string for mount(2), in the order given; flags of the file system go by number there. */
static int join_data(struct plan *p, struct plan_mount *m)
{
	static const struct plan_option super[] = {
		{"dirsync", NULL}, {"lazytime", NULL}, {"mand", NULL}, {"sync", NULL}};
	static const uint64_t bits[] = {MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK, MS_SYNCHRONOUS};
	struct str s = STR_INIT(4095); /* one page with its NUL, mount(2) */

	for (size_t i = 0; i < m->n_options; i++) {
		const struct plan_option *o = &m->options[i];
		const struct opt *known = find(o->key);

		if (o->value == NULL && known != NULL && known->kind == OPT_SUPER) {
			for (size_t k = 0; k < ARRAY_LEN(super); k++) {
				if (streq(o->key, super[k].key))
					m->legacy_flags |= bits[k];
			}
			continue;
		}
		str_addf(&s, "%s%s%s%s", s.n > 0 ? "," : "", o->key, o->value == NULL ? "" : "=",
			 o->value == NULL ? "" : o->value);
	}
	if (str_check(&s) == 0 && s.n > 0)
		m->data = arena_dup(&p->arena, str_text(&s));
	else if (str_check(&s) == 0)
		m->data = NULL;
	else
		m->data = "";
	str_done(&s);
	return m->data != NULL && m->data[0] == '\0' ? -E2BIG : 0;
}

bool plan_mount_is_bind(const struct ctr_mount *m)
{
	for (size_t i = 0; i < m->options.n; i++) {
		if (streq(m->options.v[i], "bind") || streq(m->options.v[i], "rbind"))
			return true;
	}
	return m->type != NULL && streq(m->type, "bind");
}

bool plan_mount_is_late_ro(const struct ctr_mount *m, const char *target)
{
	bool ro = false, remount = false;

	for (size_t i = 0; i < m->options.n; i++) {
		if (streq(m->options.v[i], "ro"))
			ro = true;
		else if (streq(m->options.v[i], "rw"))
			ro = false;
		else if (streq(m->options.v[i], "remount"))
			remount = true;
	}
	if (!ro || remount)
		return false;
	return streq(target, "/dev") ||
	       (!plan_mount_is_bind(m) && m->type != NULL && streq(m->type, "tmpfs"));
}

int plan_mount_options(struct plan *p, const struct ctr_mount *in, struct plan_mount *out,
		       struct err *e)
{
	int r = 0;

	out->options = arena_array(&p->arena, in->options.n + 1, sizeof(*out->options));
	out->propagation = arena_array(&p->arena, in->options.n + 1, sizeof(*out->propagation));
	if (out->options == NULL || out->propagation == NULL)
		return plan_oom(e);
	for (size_t i = 0; r == 0 && i < in->options.n; i++)
		r = apply(p, out, in->options.v[i], e);
	if (r < 0)
		return r;
	if (plan_mount_is_bind(in)) {
		out->flags = (out->flags | PLAN_MNT_BIND) & ~(uint32_t)PLAN_MNT_LEGACY;
		for (size_t i = 0; i < out->n_options; i++) {
			const struct opt *o = find(out->options[i].key);

			if (o == NULL || o->kind != OPT_SUPER)
				return err_refuse(
					e, ERR_INVALID,
					"mount %s: a bind takes no file system data (\"%s\")",
					out->target, out->options[i].key);
		}
		out->n_options = 0;
		return 0;
	}
	if (out->flags & PLAN_MNT_LEGACY && join_data(p, out) < 0)
		return err_refuse(e, ERR_INVALID, "mount %s: the options exceed one page",
				  out->target);
	return 0;
}
