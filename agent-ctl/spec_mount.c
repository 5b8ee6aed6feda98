/* SPDX-License-Identifier: Apache-2.0 */
/* Mount entries of a specification. The agent checks what they say; here only the words are read. */
#include "agent-ctl/spec_mount.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

#define OPTIONS_MAX 32

static const struct {
	const char *destination, *type, *source, *options;
} defaults[] = {
	{"/proc", "proc", "proc", "nosuid,noexec,nodev"},
	{"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
	{"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
	{"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"},
	{"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
	{"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
	{"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro"},
};

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "build the mounts");
}

/* "a,b,c" into the list of options. */
static int add_options(Grpc__Mount *m, struct arena *a, struct slice words, struct err *e)
{
	struct slice word;

	while (slice_cut(&words, ',', &word)) {
		if (word.n == 0)
			continue;
		if (m->n_options == OPTIONS_MAX)
			return err_refuse(e, ERR_INVALID, "more than %d options for mount '%s'",
					  OPTIONS_MAX, m->destination);
		m->options[m->n_options] = arena_dup_n(a, word.p, word.n);
		if (m->options[m->n_options++] == NULL)
			return no_memory(e);
	}
	return 0;
}

static Grpc__Mount *add_mount(Grpc__Spec *s, struct arena *a)
{
	Grpc__Mount *m = arena_alloc(a, sizeof(*m));

	if (m == NULL)
		return NULL;
	grpc__mount__init(m);
	m->options = arena_array(a, OPTIONS_MAX, sizeof(char *));
	if (m->options == NULL)
		return NULL;
	s->mounts[s->n_mounts++] = m;
	return m;
}

static int add_defaults(Grpc__Spec *s, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		Grpc__Mount *m = add_mount(s, a);
		int r;

		if (m == NULL)
			return no_memory(e);
		m->destination = arena_dup(a, defaults[i].destination);
		m->type = arena_dup(a, defaults[i].type);
		m->source = arena_dup(a, defaults[i].source);
		if (m->destination == NULL || m->type == NULL || m->source == NULL)
			return no_memory(e);
		r = add_options(m, a, slice_of(defaults[i].options), e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* @destination: with an optional ":ro". */
static int add_bind(Grpc__Spec *s, char *source, const char *destination, struct arena *a,
		    struct err *e)
{
	Grpc__Mount *m = add_mount(s, a);
	struct slice to = slice_of(destination);
	bool readonly = str_ends(destination, ":ro");

	if (m == NULL)
		return no_memory(e);
	m->source = source;
	m->type = arena_dup(a, "bind");
	m->destination = arena_dup_n(a, to.p, to.n - (readonly ? strlen(":ro") : 0));
	if (m->type == NULL || m->destination == NULL)
		return no_memory(e);
	return add_options(m, a, slice_of(readonly ? "rbind,rprivate,ro" : "rbind,rprivate"), e);
}

static bool is_key(struct slice key, const char *a, const char *b, const char *c)
{
	return slice_eq(key, a) || slice_eq(key, b) || slice_eq(key, c);
}

/* One KEY=VALUE of --mount, or the word ro. Return: 0, or -errno. */
static int set_word(Grpc__Mount *m, struct slice part, struct arena *a, struct err *e)
{
	struct slice key, value = part;
	char *copy;

	(void)slice_cut(&value, '=', &key);
	copy = arena_dup_n(a, value.p != NULL ? value.p : "", value.n);
	if (copy == NULL)
		return no_memory(e);
	if (is_key(key, "type", "type", "t")) {
		m->type = copy;
	} else if (is_key(key, "src", "source", "s")) {
		m->source = copy;
	} else if (is_key(key, "dst", "destination", "target")) {
		m->destination = copy;
	} else if (is_key(key, "options", "opt", "o")) {
		for (size_t i = 0; copy[i] != '\0'; i++)
			copy[i] = (char)(copy[i] == ':' ? ',' : copy[i]);
		return add_options(m, a, slice_of(copy), e);
	} else if (is_key(key, "ro", "readonly", "ro")) {
		return add_options(m, a, slice_of("ro"), e);
	} else {
		return err_refuse(e, ERR_INVALID, "--mount: no such key '%.*s'", (int)key.n, key.p);
	}
	return 0;
}

/* type=T,src=PATH,dst=PATH,options=a:b or the word ro. */
static int add_from_words(Grpc__Spec *s, const char *text, struct arena *a, struct err *e)
{
	struct slice rest = slice_of(text), part;
	Grpc__Mount *m = add_mount(s, a);

	if (m == NULL)
		return no_memory(e);
	while (slice_cut(&rest, ',', &part)) {
		int r = set_word(m, part, a, e);

		if (r < 0)
			return r;
	}
	if (m->destination[0] == '\0')
		return err_refuse(e, ERR_INVALID, "--mount '%s' has no dst", text);
	if (m->type[0] != '\0' && !streq(m->type, "bind"))
		return 0;
	m->type = arena_dup(a, "bind");
	return m->type == NULL ? no_memory(e) : add_options(m, a, slice_of("rbind,rprivate"), e);
}

int actl_spec_mounts(const struct actl_run *o, struct arena *a, Grpc__Spec *ret, struct err *e)
{
	size_t n = ARRAY_LEN(defaults) + o->mounts.n + o->binds.n / 2;
	int r;

	ret->mounts = arena_array(a, n, sizeof(void *));
	if (ret->mounts == NULL)
		return no_memory(e);
	r = add_defaults(ret, a, e);
	for (size_t i = 0; r == 0 && i + 1 < o->binds.n; i += 2)
		r = add_bind(ret, o->binds.p[i], o->binds.p[i + 1], a, e);
	for (size_t i = 0; r == 0 && i < o->mounts.n; i++)
		r = add_from_words(ret, o->mounts.p[i], a, e);
	return r;
}
