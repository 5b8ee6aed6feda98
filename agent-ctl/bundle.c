/* SPDX-License-Identifier: Apache-2.0 */
/* Options are first built into a specification of their own, as without a bundle; its parts are then taken over. */
#include "agent-ctl/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent-ctl/oci.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#define FILE_MAX    ((size_t)4 << 20)
#define COMPARE_MAX 1024
#define OPTIONS_MAX ((size_t)1 << 20) /* memory of what the options make */

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "build the specification");
}

static const char *text_of(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s != NULL ? s : "";
}

/* The object @name in @j, made when it is not there. Return: borrowed from @j; NULL: no memory. */
static json_t *object_in(json_t *j, const char *name)
{
	json_t *o = json_object_get(j, name);

	if (o != NULL)
		return o;
	return json_object_set_new(j, name, json_object()) < 0 ? NULL : json_object_get(j, name);
}

static json_t *list_in(json_t *j, const char *name)
{
	json_t *l = json_object_get(j, name);

	if (l != NULL)
		return l;
	return json_object_set_new(j, name, json_array()) < 0 ? NULL : json_object_get(j, name);
}

static int take(json_t *to, const json_t *from, const char *name, bool wanted, struct err *e)
{
	if (!wanted)
		return 0;
	return json_object_set(to, name, json_object_get(from, name)) < 0 ? no_memory(e) : 0;
}

/* ---- what means nothing in the guest ---- */

static bool is_bind(const json_t *mount)
{
	size_t i;
	const json_t *o;

	json_array_foreach(json_object_get(mount, "options"), i, o)
	{
		if (streq(json_string_value(o), "bind") || streq(json_string_value(o), "rbind"))
			return true;
	}
	return streq(text_of(mount, "type"), "bind");
}

/* Cleaned only when not longer than paths are. */
static bool same_path(const char *a, const char *b)
{
	char x[COMPARE_MAX], y[COMPARE_MAX];

	if (strlen(a) + 2 > sizeof(x) || strlen(b) + 2 > sizeof(y) ||
	    path_clean(a, x, sizeof(x)) < 0 || path_clean(b, y, sizeof(y)) < 0)
		return streq(a, b);
	return streq(x, y);
}

/* The mount in @mounts for the place @destination. Return: its index, or their number for none. */
static size_t find_mount(const json_t *mounts, const char *destination)
{
	size_t i, n = json_array_size(mounts);
	const json_t *m;

	json_array_foreach(mounts, i, m)
	{
		if (same_path(text_of(m, "destination"), destination))
			return i;
	}
	return n;
}

static int check_binds(const json_t *spec, const json_t *ours, struct err *e)
{
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(spec, "Mounts"), i, m)
	{
		const char *to = text_of(m, "destination"), *from = text_of(m, "source");

		if (is_bind(m) && find_mount(ours, to) == json_array_size(ours))
			return err_refuse(e, ERR_UNIMPLEMENTED,
					  "mounts[%zu] binds '%s' of the host, which the guest "
					  "does not have; share it with --share %s:%s",
					  i, from, from, to);
	}
	return 0;
}

static int check_namespaces(const json_t *spec, struct err *e)
{
	const json_t *n;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(spec, "Linux"), "Namespaces"), i, n)
	{
		if (text_of(n, "Path")[0] != '\0')
			return err_refuse(e, ERR_UNIMPLEMENTED,
					  "linux.namespaces[%zu].path '%s' is a namespace of the "
					  "host, which a guest cannot join",
					  i, text_of(n, "Path"));
	}
	return 0;
}

/* Only the hook that runs in the container finds its program there. */
static int check_hooks(const json_t *spec, struct err *e)
{
	const char *name;
	json_t *list;

	json_object_foreach(json_object_get(spec, "Hooks"), name, list)
	{
		if (!streq(name, "StartContainer") && json_array_size(list) > 0)
			return err_refuse(e, ERR_UNIMPLEMENTED,
					  "hooks.%c%s: a program of the host, which the guest does "
					  "not have",
					  name[0] | 0x20, name + 1);
	}
	return 0;
}

/* ---- options ---- */

/* NAME=VALUE takes the place of another value of the name. */
static int set_env(json_t *list, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	size_t n = equals != NULL ? (size_t)(equals - word) + 1 : 0, i;
	const json_t *old;
	json_t *s;

	if (n < 2)
		return err_refuse(e, ERR_INVALID, "--env '%s' is not NAME=VALUE", word);
	json_array_foreach(list, i, old)
	{
		if (strncmp(json_string_value(old), word, n) == 0)
			break;
	}
	s = json_string(word);
	if (s == NULL)
		return err_refuse(e, ERR_INVALID, "--env '%.*s' is not UTF-8", (int)n, word);
	if (i < json_array_size(list))
		return json_array_set_new(list, i, s) < 0 ? no_memory(e) : 0;
	return json_array_append_new(list, s) < 0 ? no_memory(e) : 0;
}

static int apply_process(const struct actl_run *o, json_t *spec, const json_t *ours, struct err *e)
{
	json_t *p = json_object_get(spec, "Process"), *env = NULL;
	int r;

	if (p == NULL)
		return err_refuse(e, ERR_INVALID, "process is missing");
	r = take(p, ours, "Args", o->args.n > 0, e);
	if (r == 0)
		r = take(p, ours, "Cwd", o->cwd != NULL, e);
	if (r == 0)
		r = take(p, ours, "User", o->user != NULL, e);
	if (r == 0)
		r = take(p, ours, "Terminal", o->terminal, e);
	if (r == 0 && o->env.n > 0)
		env = list_in(p, "Env");
	for (size_t i = 0; r == 0 && i < o->env.n; i++)
		r = env != NULL ? set_env(env, o->env.p[i], e) : no_memory(e);
	if (r == 0 && json_array_size(json_object_get(p, "Args")) == 0)
		r = err_refuse(e, ERR_INVALID, "process.args is missing; give a command");
	return r;
}

static int apply_mounts(json_t *spec, const json_t *ours, struct err *e)
{
	json_t *list = list_in(spec, "Mounts"), *m;
	size_t i;

	if (list == NULL)
		return no_memory(e);
	json_array_foreach(ours, i, m)
	{
		size_t at = find_mount(list, text_of(m, "destination"));

		if ((at < json_array_size(list) ? json_array_set(list, at, m)
						: json_array_append(list, m)) < 0)
			return no_memory(e);
	}
	return 0;
}

/* Limits are members of members: those not given stay as they are. */
static int apply_linux(const struct actl_run *o, json_t *spec, const json_t *ours, struct err *e)
{
	static const char *const limits[] = {"Memory", "CPU", "Pids"};
	json_t *linux_ = object_in(spec, "Linux"), *res = NULL;
	const json_t *given = json_object_get(ours, "Resources");

	if (linux_ != NULL)
		res = object_in(linux_, "Resources");
	if (res == NULL)
		return no_memory(e);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		json_t *from = json_object_get(given, limits[i]), *to;

		if (from == NULL)
			continue;
		to = object_in(res, limits[i]);
		if (to == NULL || json_object_update(to, from) < 0)
			return no_memory(e);
	}
	return take(linux_, ours, "Seccomp", o->seccomp != NULL || o->no_seccomp, e);
}

static int apply_root(const struct actl_run *o, json_t *spec, struct err *e)
{
	json_t *root = object_in(spec, "Root");

	if (root == NULL ||
	    (o->rootfs != NULL && json_object_set_new(root, "Path", json_string(o->rootfs)) < 0) ||
	    (o->readonly && json_object_set_new(root, "Readonly", json_true()) < 0))
		return no_memory(e);
	return text_of(root, "Path")[0] == '\0'
		       ? err_refuse(e, ERR_INVALID, "root.path is missing; give --rootfs")
		       : 0;
}

/* What the options make, in the wire's names. The mounts alone in @ret_mounts. */
static int build_options(const struct actl_run *o, json_t **ret, json_t **ret_mounts, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT(OPTIONS_MAX);
	cleanup_json json_t *made = NULL, *mounts = json_array();
	static char none[] = "-";
	char *args[] = {none};
	struct actl_run run = *o;
	Grpc__Spec spec;
	size_t n = o->mounts.n + o->binds.n / 2;
	int r;

	if (run.args.n == 0)
		run.args = (struct actl_words){args, 1};
	r = actl_spec_build(&run, &a, &spec, e);
	if (r < 0)
		return r;
	made = actl_json_from_message(&spec.base, false);
	if (made == NULL)
		return no_memory(e);
	/* Behind the default mounts. */
	for (size_t i = spec.n_mounts - n; i < spec.n_mounts; i++) {
		json_t *m = json_array_get(json_object_get(made, "Mounts"), i);

		if (json_array_append(mounts, m) < 0)
			return no_memory(e);
	}
	*ret = TAKE_PTR(made);
	*ret_mounts = TAKE_PTR(mounts);
	return 0;
}

int actl_bundle_apply(const struct actl_run *o, json_t *spec, struct err *e)
{
	cleanup_json json_t *ours = NULL, *mounts = NULL;
	int r = build_options(o, &ours, &mounts, e);

	if (r == 0 && o->bundle != NULL)
		r = check_binds(spec, mounts, e);
	if (r == 0 && o->bundle != NULL)
		r = check_namespaces(spec, e);
	if (r == 0 && o->bundle != NULL)
		r = check_hooks(spec, e);
	if (r == 0)
		r = apply_process(o, spec, json_object_get(ours, "Process"), e);
	if (r == 0)
		r = apply_root(o, spec, e);
	if (r == 0)
		r = apply_mounts(spec, mounts, e);
	if (r == 0)
		r = take(spec, ours, "Hostname", o->hostname != NULL, e);
	return r < 0 ? r : apply_linux(o, spec, json_object_get(ours, "Linux"), e);
}

/* ---- the file ---- */

static json_t *read_config(const char *path, struct err *e)
{
	cleanup_free char *text = malloc(FILE_MAX);
	ssize_t n;

	if (text == NULL) {
		e->code = no_memory(e);
		return NULL;
	}
	n = fd_read_file(AT_FDCWD, path, text, FILE_MAX);
	if (n < 0) {
		e->code = err_set(e, (int)n, "read");
		return NULL;
	}
	return actl_oci_parse(text, (size_t)n, e);
}

int actl_bundle_load(const struct actl_run *o, ProtobufCMessage **ret, struct err *e)
{
	cleanup_json json_t *config = NULL, *spec = NULL;
	cleanup_str struct str path = STR_INIT(PATH_MAX);
	int r;

	r = o->bundle != NULL ? str_addf(&path, "%s/config.json", o->bundle)
			      : str_add(&path, o->spec);
	if (r < 0)
		return err_set(e, r, "name of the bundle");
	config = read_config(str_text(&path), e);
	r = e->code;
	if (config != NULL)
		r = actl_oci_convert(config, &spec, e);
	if (r == 0)
		r = actl_bundle_apply(o, spec, e);
	if (r == 0)
		r = actl_json_to_message(spec, &grpc__spec__descriptor, ret, e);
	return r < 0 ? err_wrap(e, "%s", str_text(&path)) : 0;
}
