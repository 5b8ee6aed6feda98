/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled programs by content, in memory. The key is every byte of the profile, not a digest, so
 * no two profiles can collide; library, kernel and machine cannot change while a process lives.
 */
#include "container/seccomp.h"

#include <errno.h>
#include <linux/filter.h>

#include "base/list.h"
#include "base/str.h"
#include "container/spec.h"

#define ENTRIES_MAX 64
#define BYTES_MAX   ((size_t)1 << 20)

struct entry {
	struct list link; /* most recently used first */
	char *key;
	size_t key_n;
	uint64_t hash;
	struct ctr_bpf *bpf;
};

struct ctr_seccomp_cache {
	struct list entries;
	size_t n, bytes;
};

/* FNV-1a: only spares comparing whole keys. */
static uint64_t hash_of(const char *p, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static void key_add_u64(struct str *k, uint64_t v)
{
	(void)str_add_n(k, &v, sizeof(v));
}

/* Length first, so that no two lists of strings give the same bytes. Absent differs from empty. */
static void key_add_str(struct str *k, const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0;

	key_add_u64(k, s != NULL ? n : UINT64_MAX);
	(void)str_add_n(k, s != NULL ? s : "", n);
}

static void key_add_strv(struct str *k, const struct ctr_strv *v)
{
	key_add_u64(k, v->n);
	for (size_t i = 0; i < v->n; i++)
		key_add_str(k, v->v[i]);
}

static int key_build(const struct ctr_seccomp *s, struct str *k)
{
	key_add_str(k, s->default_action);
	key_add_u64(k, (uint64_t)s->default_errno_ret);
	key_add_strv(k, &s->architectures);
	key_add_u64(k, s->has_flags);
	key_add_strv(k, &s->flags);
	key_add_str(k, s->listener_path);
	key_add_str(k, s->listener_metadata);
	key_add_u64(k, s->n_rules);
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct ctr_seccomp_rule *rule = &s->rules[i];

		key_add_strv(k, &rule->names);
		key_add_str(k, rule->action);
		key_add_u64(k, (uint64_t)rule->errno_ret);
		key_add_u64(k, rule->n_args);
		for (size_t a = 0; a < rule->n_args; a++) {
			key_add_u64(k, rule->args[a].index);
			key_add_u64(k, rule->args[a].value);
			key_add_u64(k, rule->args[a].value_two);
			key_add_str(k, rule->args[a].op);
		}
	}
	return str_check(k);
}

static size_t entry_bytes(const struct entry *en)
{
	return sizeof(*en) + en->key_n + en->bpf->n * sizeof(struct sock_filter);
}

static void entry_drop(struct ctr_seccomp_cache *c, struct entry *en)
{
	list_del(&en->link);
	c->n--;
	c->bytes -= entry_bytes(en);
	ctr_bpf_unref(en->bpf);
	free(en->key);
	free(en);
}

static struct entry *find(struct ctr_seccomp_cache *c, const struct str *k)
{
	uint64_t hash = hash_of(str_text(k), k->n);

	list_for_each(it, &c->entries) {
		struct entry *en = list_entry(it, struct entry, link);

		if (en->hash == hash && en->key_n == k->n && memcmp(en->key, k->p, k->n) == 0)
			return en;
	}
	return NULL;
}

int ctr_seccomp_cache_new(struct ctr_seccomp_cache **ret)
{
	struct ctr_seccomp_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	list_init(&c->entries);
	*ret = c;
	return 0;
}

void ctr_seccomp_cache_free(struct ctr_seccomp_cache *c)
{
	if (c == NULL)
		return;
	list_for_each_safe(it, nx, &c->entries)
		entry_drop(c, list_entry(it, struct entry, link));
	free(c);
}

struct ctr_bpf *ctr_seccomp_cache_get(struct ctr_seccomp_cache *c, const struct ctr_seccomp *s)
{
	cleanup_str struct str k = STR_INIT(BYTES_MAX);
	struct entry *en;

	if (key_build(s, &k) < 0)
		return NULL;
	en = find(c, &k);
	if (en == NULL)
		return NULL;
	list_del(&en->link);
	list_add_head(&c->entries, &en->link);
	return ctr_bpf_ref(en->bpf);
}

int ctr_seccomp_cache_put(struct ctr_seccomp_cache *c, const struct ctr_seccomp *s,
			  struct ctr_bpf *b)
{
	cleanup_str struct str k = STR_INIT(BYTES_MAX);
	struct entry *en;
	int r;

	r = key_build(s, &k);
	if (r == -ENOBUFS)
		return 0; /* larger than the whole cache: compiled every time */
	if (r < 0)
		return r;
	if (k.n + b->n * sizeof(struct sock_filter) + sizeof(*en) > BYTES_MAX)
		return 0;
	if (find(c, &k) != NULL)
		return 0;

	en = calloc(1, sizeof(*en));
	if (en == NULL)
		return -ENOMEM;
	en->key_n = k.n;
	en->hash = hash_of(str_text(&k), k.n);
	en->key = str_take(&k);
	if (en->key == NULL) {
		free(en);
		return -ENOMEM;
	}
	en->bpf = ctr_bpf_ref(b);
	list_add_head(&c->entries, &en->link);
	c->n++;
	c->bytes += entry_bytes(en);

	while (c->n > ENTRIES_MAX || c->bytes > BYTES_MAX)
		entry_drop(c, list_entry(c->entries.prev, struct entry, link));
	return 0;
}
