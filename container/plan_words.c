/* SPDX-License-Identifier: Apache-2.0 */
/* A plan in words: one line per operation for golden tests, and the sentence for a failure. */
#include <inttypes.h>
#include <linux/filter.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "base/str.h"
#include "base/table.h"
#include "container/caps.h"
#include "container/plan_steps.h"

static const char *const names[PLAN_OP_TYPES] = {
	[PLAN_BEGIN] = "begin",
	[PLAN_SYNC] = "sync",
	[PLAN_SETNS] = "setns",
	[PLAN_UNSHARE] = "unshare",
	[PLAN_BECOME_ROOT] = "become-root",
	[PLAN_LOOPBACK] = "loopback",
	[PLAN_KEYRING] = "keyring",
	[PLAN_PROPAGATE] = "propagate",
	[PLAN_PARENT_PRIVATE] = "parent-private",
	[PLAN_ROOT_OPEN] = "root",
	[PLAN_PROC_OPEN] = "private-proc",
	[PLAN_MOUNT] = "mount",
	[PLAN_MKDIR] = "mkdir",
	[PLAN_DEVICE] = "device",
	[PLAN_SYMLINK] = "symlink",
	[PLAN_PIVOT] = "pivot",
	[PLAN_SESSION] = "session",
	[PLAN_CONSOLE] = "console",
	[PLAN_STDIO] = "stdio",
	[PLAN_READ_ONLY] = "read-only",
	[PLAN_HOSTNAME] = "hostname",
	[PLAN_DOMAINNAME] = "domainname",
	[PLAN_PROC_WRITE] = "proc-write",
	[PLAN_PATH_READ_ONLY] = "readonly-path",
	[PLAN_PATH_MASK] = "masked-path",
	[PLAN_NO_NEW_PRIVS] = "no-new-privs",
	[PLAN_SWEEP] = "sweep",
	[PLAN_RLIMIT] = "rlimit",
	[PLAN_USER] = "user",
	[PLAN_SECCOMP] = "seccomp",
	[PLAN_CHDIR] = "chdir",
	[PLAN_BOUNDING] = "bounding",
	[PLAN_STDIO_OWNER] = "stdio-owner",
	[PLAN_GROUPS] = "groups",
	[PLAN_IDS] = "ids",
	[PLAN_CWD] = "cwd",
	[PLAN_CAPS] = "caps",
	[PLAN_AMBIENT] = "ambient",
	[PLAN_UMASK] = "umask",
	[PLAN_LOOKUP] = "lookup",
	[PLAN_MARK] = "mark",
	[PLAN_EXEC] = "exec",
};

static const char *const syncs[] = {
	[PLAN_SYNC_IDMAP] = "idmap",
	[PLAN_SYNC_GO] = "go",
	[PLAN_SYNC_HOOKS] = "hooks",
	[PLAN_SYNC_READY] = "ready",
};

static const char *const pivots[] = {
	[PLAN_PIVOT_ONLY] = "pivot",
	[PLAN_PIVOT_OR_MOVE] = "pivot-or-move",
	[PLAN_MOVE] = "move",
};

static const struct table_entry mount_flags[] = {
	{"bind", PLAN_MNT_BIND},
	{"rec", PLAN_MNT_REC},
	{"remount", PLAN_MNT_REMOUNT},
	{"no-links", PLAN_MNT_NO_LINKS},
	{"inherit-mode", PLAN_MNT_INHERIT_MODE},
	{"proc-ok", PLAN_MNT_PROC_OK},
	{"legacy", PLAN_MNT_LEGACY},
	{"optional", PLAN_MNT_OPTIONAL},
	{"gid-fallback", PLAN_MNT_GID_FALLBACK},
	{"need-proc", PLAN_MNT_NEED_PROC},
};

static const struct table_entry ns_names[] = {
	{"mount", CLONE_NEWNS},  {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET},
	{"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP},
	{"user", CLONE_NEWUSER},
};

static void add_bits(struct str *out, const struct table_entry *t, size_t n, uint64_t bits)
{
	const char *sep = "";

	for (size_t i = 0; i < n; i++) {
		if (bits & t[i].value) {
			str_addf(out, "%s%s", sep, t[i].name);
			sep = ",";
		}
	}
}

static void print_mount(const struct plan_mount *m, struct str *out)
{
	str_addf(out, " %s", m->target);
	if (m->type != NULL)
		str_addf(out, " type=%s", m->type);
	if (m->source != NULL)
		str_addf(out, " source=%s", m->source);
	if (m->flags != 0) {
		str_add(out, " flags=");
		add_bits(out, mount_flags, ARRAY_LEN(mount_flags), m->flags);
	}
	if (m->attr_set != 0 || m->attr_clear != 0)
		str_addf(out, " attr=+%#" PRIx64 "-%#" PRIx64, m->attr_set, m->attr_clear);
	if (m->rec_attr_set != 0 || m->rec_attr_clear != 0)
		str_addf(out, " tree-attr=+%#" PRIx64 "-%#" PRIx64, m->rec_attr_set,
			 m->rec_attr_clear);
	for (size_t i = 0; i < m->n_options; i++)
		str_addf(out, "%s%s%s%s", i == 0 ? " data=" : ",", m->options[i].key,
			 m->options[i].value == NULL ? "" : "=",
			 m->options[i].value == NULL ? "" : m->options[i].value);
	for (size_t i = 0; i < m->n_propagation; i++)
		str_addf(out, " propagation=%#" PRIx64, m->propagation[i]);
	if (m->fallback != NULL)
		str_addf(out, " or-bind=%s", m->fallback);
}

static void print_strv(const char *const *v, struct str *out)
{
	for (; v != NULL && *v != NULL; v++) {
		str_add(out, " \"");
		str_add_json(out, *v, strlen(*v));
		str_add_char(out, '"');
	}
}

static void print_device(const struct plan_device *d, struct str *out)
{
	str_addf(out, " %s mode=%#o %u:%u owner=%u:%u", d->path, d->mode, major(d->rdev),
		 minor(d->rdev), d->uid, d->gid);
}

static void print_detail(const struct plan *p, const struct plan_op *op, struct str *out)
{
	switch ((int)op->type) {
	case PLAN_SYNC:
		str_addf(out, " %s", syncs[op->arg]);
		return;
	case PLAN_SETNS:
	case PLAN_UNSHARE:
		str_add_char(out, ' ');
		add_bits(out, ns_names, ARRAY_LEN(ns_names), op->arg);
		return;
	case PLAN_MOUNT:
		print_mount(op->mount, out);
		return;
	case PLAN_DEVICE:
		print_device(op->device, out);
		return;
	case PLAN_SYMLINK:
		str_addf(out, " %s -> %s%s", op->str, op->str2, op->arg ? " replace" : "");
		return;
	case PLAN_PIVOT:
		str_addf(out, " %s", pivots[op->arg]);
		print_strv(op->strv, out);
		return;
	case PLAN_PROC_WRITE:
		str_addf(out, " %s = %s", op->str, op->str2);
		return;
	case PLAN_CONSOLE:
		str_addf(out, " %" PRIu64 "x%" PRIu64 "%s", op->arg, op->arg2,
			 op->arg3 ? " bind" : "");
		return;
	case PLAN_STDIO:
		str_addf(out, " %" PRIu64 "%s", op->arg, op->fd < 0 ? " null" : "");
		return;
	case PLAN_RLIMIT:
		str_addf(out, " %s %" PRIu64 ":%" PRIu64, op->str, op->arg2, op->arg3);
		return;
	case PLAN_USER:
		str_addf(out, " %s%s", op->str == NULL ? "-" : op->str,
			 p->home_at == SIZE_MAX ? "" : " home");
		return;
	case PLAN_GROUPS:
		for (size_t i = 0; i < op->n; i++)
			str_addf(out, " %u", op->ids[i]);
		return;
	case PLAN_IDS:
		str_addf(out, " %u:%u", p->uid, p->gid);
		return;
	case PLAN_BOUNDING:
	case PLAN_AMBIENT:
		str_addf(out, " %#" PRIx64, op->arg);
		return;
	case PLAN_CAPS:
		str_addf(out, " e=%#" PRIx64 " p=%#" PRIx64 " i=%#" PRIx64, op->arg, op->arg2,
			 op->arg3);
		return;
	case PLAN_SECCOMP:
		str_addf(out, " %zu instructions flags=%#" PRIx64, op->n, op->arg);
		return;
	case PLAN_UMASK:
		str_addf(out, " %#" PRIo64, op->arg);
		return;
	case PLAN_KEYRING:
		str_addf(out, " %s %#" PRIx64, op->str, op->arg);
		return;
	case PLAN_PROPAGATE:
		str_addf(out, " %#" PRIx64, op->arg);
		return;
	case PLAN_ROOT_OPEN:
		str_addf(out, " %s%s%s", op->str, op->arg ? " mount" : "", op->arg2 ? " null" : "");
		return;
	case PLAN_LOOKUP:
	case PLAN_EXEC:
		str_addf(out, " %s", op->str);
		print_strv(op->strv, out);
		return;
	default:
		if (op->str != NULL)
			str_addf(out, " %s", op->str);
	}
}

void plan_print(const struct plan *p, struct str *out)
{
	for (uint32_t i = 0; i < p->n_ops; i++) {
		str_add(out, names[p->op[i].type]);
		print_detail(p, &p->op[i], out);
		str_add_char(out, '\n');
	}
	for (size_t i = 0; i < p->n_env; i++)
		str_addf(out, "env %s%s\n", p->env[i], i == p->home_at ? " (or from passwd)" : "");
}

static const char *ns_word(uint64_t flag)
{
	const char *s = table_name(ns_names, ARRAY_LEN(ns_names), flag);

	return s == NULL ? "new" : s;
}

void plan_op_words(const struct plan *p, uint32_t i, struct str *out)
{
	const struct plan_op *op = &p->op[i];

	switch ((int)op->type) {
	case PLAN_SETNS:
		str_addf(out, "join the %s namespace", ns_word(op->arg));
		return;
	case PLAN_UNSHARE:
		str_addf(out, "make the %s namespace", ns_word(op->arg));
		return;
	case PLAN_MOUNT:
		if (op->mount->flags & PLAN_MNT_REMOUNT)
			str_addf(out, "remount %s", op->mount->target);
		else if (op->mount->flags & PLAN_MNT_BIND)
			str_addf(out, "bind %s on %s", op->mount->source, op->mount->target);
		else
			str_addf(out, "mount %s on %s", op->mount->type, op->mount->target);
		return;
	case PLAN_DEVICE:
		str_addf(out, "make device %s", op->device->path);
		return;
	case PLAN_SYMLINK:
		str_addf(out, "link %s to %s", op->str, op->str2);
		return;
	case PLAN_ROOT_OPEN:
		str_addf(out, "open the root file system %s", op->str);
		return;
	case PLAN_PIVOT:
		str_add(out, "enter the root file system");
		return;
	case PLAN_CONSOLE:
		str_add(out, "make the terminal");
		return;
	case PLAN_READ_ONLY:
	case PLAN_PATH_READ_ONLY:
		str_addf(out, "make %s read-only", op->str);
		return;
	case PLAN_PATH_MASK:
		str_addf(out, "mask %s", op->str);
		return;
	case PLAN_PROC_WRITE:
		str_addf(out, "write \"%s\" to %s", op->str2, op->str);
		return;
	case PLAN_RLIMIT:
		str_addf(out, "set %s to %" PRIu64 ":%" PRIu64, op->str, op->arg2, op->arg3);
		return;
	case PLAN_CHDIR:
	case PLAN_CWD:
		str_addf(out, "chdir to cwd (\"%s\")", op->str);
		return;
	case PLAN_IDS:
		str_addf(out, "become user %u:%u", p->uid, p->gid);
		return;
	case PLAN_SECCOMP:
		str_add(out, "load the seccomp filter");
		return;
	case PLAN_CAPS:
		str_add(out, "set the capabilities");
		return;
	case PLAN_LOOKUP:
	case PLAN_EXEC:
		str_addf(out, "exec \"%s\"", op->str);
		return;
	default:
		str_addf(out, "set-up step \"%s%s%s\"", names[op->type],
			 op->type == PLAN_SYNC ? " " : "",
			 op->type == PLAN_SYNC ? syncs[op->arg] : "");
	}
}

static const char *const step_words[PLAN_STEPS] = {
	[PLAN_STEP_SOURCE] = "source",
	[PLAN_STEP_TARGET] = "target",
	[PLAN_STEP_ATTACH] = "attach",
	[PLAN_STEP_ATTRS] = "flags",
	[PLAN_STEP_PROPAGATION] = "propagation",
	[PLAN_STEP_RACED] = "the target changed meanwhile",
	[PLAN_STEP_PROTECTED] = "not allowed on proc",
	[PLAN_STEP_OUTSIDE] =
		"current working directory is outside of container mount namespace root",
	[PLAN_STEP_LEFT_ALONE] = "something else is there",
};

/* Callers match these sentences word for word: podman and containerd choose their exit code by them. */
static int exec_failure(const struct plan_op *op, uint32_t step, int code, bool is_agent,
			struct err *e)
{
	const char *name = op->str;

	if (step == PLAN_STEP_NOT_IN_PATH)
		return err_refuse(e, ERR_INTERNAL,
				  "%s%s%sexec: \"%s\": executable file not found in $PATH",
				  is_agent ? "the file " : "", is_agent ? name : "",
				  is_agent ? " was not found: " : "", name);
	if (code == -ENOENT && op->type == PLAN_LOOKUP)
		return err_refuse(e, ERR_INTERNAL,
				  "%s%s%sexec: \"%s\": stat %s: no such file or directory",
				  is_agent ? "the file " : "", is_agent ? name : "",
				  is_agent ? " was not found: " : "", name, name);
	if (code == -EISDIR)
		return err_refuse(e, ERR_INTERNAL, "exec: \"%s\": is a directory", name);
	if (code == -ENOEXEC)
		return err_refuse(e, ERR_INTERNAL, "exec: \"%s\": exec format error", name);
	if (code == -EACCES)
		return err_refuse(e, ERR_INTERNAL, "exec: \"%s\": permission denied", name);
	return err_set(e, code, "exec: \"%s\"", name);
}

int plan_failure(const struct plan *p, uint32_t i, uint32_t step, uint32_t detail, int code,
		 bool is_agent, struct err *e)
{
	struct str words = STR_INIT(ERR_MSG_MAX);
	const struct plan_op *op;
	const char *part;

	if (i >= p->n_ops)
		return err_set(e, -EPROTO, "the child reported operation %u of %u", i, p->n_ops);
	op = &p->op[i];
	if (op->type == PLAN_LOOKUP || op->type == PLAN_EXEC)
		return exec_failure(op, step, code, is_agent, e);
	if (step == PLAN_STEP_NO_USER)
		return err_refuse(e, ERR_INVALID, "user \"%s\" is not in the container's passwd",
				  op->str);
	plan_op_words(p, i, &words);
	part = step < PLAN_STEPS ? step_words[step] : NULL;
	if (step == PLAN_STEP_OPTION && op->type == PLAN_MOUNT && detail < op->mount->n_options)
		str_addf(&words, ": option \"%s\"", op->mount->options[detail].key);
	else if (part != NULL)
		str_addf(&words, ": %s", part);
	if (op->type == PLAN_AMBIENT && ctr_cap_name(detail) != NULL)
		str_addf(&words, ": %s", ctr_cap_name(detail));
	code = err_set(e, code, "%s", str_text(&words));
	str_done(&words);
	return code;
}
