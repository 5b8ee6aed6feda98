/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's fds, by key. */
#include "init/fdstore.h"

#include "base/fd.h"
#include "base/str.h"

struct fdstore_entry {
	int fds[INIT_FDS_MAX];
	size_t n;
};

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)fd_close(fds[i]);
}

static void entry_free(struct fdstore_entry *en)
{
	if (en == NULL)
		return;
	close_all(en->fds, en->n);
	free(en);
}

void fdstore_done(struct fdstore *s)
{
	void *value;

	for (size_t it = 0; map_next(&s->entries, &it, &value) != NULL;)
		entry_free(value);
	map_done(&s->entries);
}

int fdstore_put_consume(struct fdstore *s, const char *key, const int *fds, size_t n)
{
	struct fdstore_entry *en;
	int r = 0;

	if (str_empty(key) || n == 0 || n > INIT_FDS_MAX)
		r = -EINVAL;
	else if (map_get(&s->entries, key) == NULL && s->entries.n >= INIT_STORE_KEYS)
		r = -ENOSPC;
	en = r < 0 ? NULL : malloc(sizeof(*en));
	if (en == NULL) {
		close_all(fds, n);
		return r < 0 ? r : -ENOMEM;
	}
	memcpy(en->fds, fds, n * sizeof(*fds));
	en->n = n;
	fdstore_del(s, key);
	r = map_put(&s->entries, key, en);
	if (r < 0)
		entry_free(en);
	return r;
}

void fdstore_del(struct fdstore *s, const char *key)
{
	entry_free(map_del(&s->entries, key));
}

size_t fdstore_count(const struct fdstore *s)
{
	return s->entries.n;
}

int fdstore_send_all(const struct fdstore *s, int sock)
{
	struct init_msg msg = {.type = INIT_MSG_FD_ENTRY};
	const char *key;
	void *value;
	ssize_t r;

	for (size_t it = 0; (key = map_next(&s->entries, &it, &value)) != NULL;) {
		const struct fdstore_entry *en = value;

		(void)str_copy(msg.key, sizeof(msg.key), key);
		r = fd_send(sock, &msg, sizeof(msg), en->fds, en->n);
		if (r < 0)
			return (int)r;
	}
	msg = (struct init_msg){.type = INIT_MSG_FD_END};
	r = fd_send(sock, &msg, sizeof(msg), NULL, 0);
	return r < 0 ? (int)r : 0;
}
