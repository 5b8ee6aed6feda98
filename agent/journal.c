/* SPDX-License-Identifier: Apache-2.0 */
/* Records and fds to init's store. A failure costs only what a restarted agent could have adopted. */
#define LOG_MODULE "journal"

#include "agent/journal.h"

#include <assert.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/init_link.h"
#include "agent/process.h"
#include "agent/sandbox.h"
#include "base/fd.h"
#include "base/init_proto.h"
#include "base/log.h"
#include "base/str.h"

#define SANDBOX_KEY "/sandbox" /* no container's: an id does not begin so */

static int record_fd(const struct journal_record *rec)
{
	int fd = memfd_create("pith-journal", MFD_CLOEXEC);

	if (fd >= 0 && fd_write_full(fd, rec, sizeof(*rec)) != (ssize_t)sizeof(*rec))
		fd = fd_close(fd);
	if (fd < 0)
		log_warn("no memory for a journal record");
	return fd;
}

static void put(struct agent *a, const char *key, const int *fds, size_t n)
{
	int have[INIT_FDS_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n && k < INIT_FDS_MAX; i++) {
		if (fds[i] >= 0)
			have[k++] = fds[i];
	}
	if (k > 0)
		init_link_put(a->init, key, have, k);
}

void journal_sandbox(struct agent *a)
{
	struct journal_record rec = {.magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION};
	const struct sandbox *s = a->sandbox;
	cleanup_close int fd = -EBADF;

	if (a->init == NULL)
		return;
	if (s->id != NULL && str_copy(rec.id, sizeof(rec.id), s->id) < 0)
		log_warn("the sandbox has too long a name to be kept");
	fd = record_fd(&rec);
	if (fd >= 0)
		put(a, SANDBOX_KEY, (int[]){fd, s->ipc_fd, s->uts_fd}, 3);
}

void journal_forget_sandbox(struct agent *a)
{
	init_link_del(a->init, SANDBOX_KEY);
}

static int ns_key(const struct container *c, size_t part, char *key, size_t size)
{
	int n = snprintf(key, size, "%s//ns%zu", c->id, part);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static void put_namespaces(struct container *c)
{
	int fds[CTR_NS_COUNT];
	char key[INIT_KEY_MAX];
	size_t n = 0;

	for (int i = 0; i < CTR_NS_COUNT; i++) {
		int fd = ctr_ns_fd(c->ctr, (enum ctr_ns_type)i);

		if (fd >= 0)
			fds[n++] = fd;
	}
	for (size_t i = 0; i < n; i += INIT_FDS_MAX) {
		if (ns_key(c, i / INIT_FDS_MAX, key, sizeof(key)) == 0)
			put(c->a, key, fds + i, MIN(n - i, (size_t)INIT_FDS_MAX));
	}
}

void journal_container(struct container *c)
{
	struct journal_record rec = {.magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION};

	if (c->a->init == NULL)
		return;
	(void)str_copy(rec.id, sizeof(rec.id), c->id);
	rec.state = ctr_get_state(c->ctr);
	for (int i = 0; i < CTR_NS_COUNT; i++) {
		if (ctr_ns_fd(c->ctr, (enum ctr_ns_type)i) >= 0)
			rec.ns |= 1U << i;
	}
	c->journal_fd = record_fd(&rec);
	if (c->journal_fd < 0)
		return;
	put(c->a, c->id, &c->journal_fd, 1);
	put_namespaces(c);
	if (c->init != NULL)
		journal_process(c->init);
}

static void update(int fd, const void *field, size_t n, size_t at)
{
	if (fd >= 0 && pwrite(fd, field, n, (off_t)at) != (ssize_t)n)
		log_warn("a journal record is out of date");
}

void journal_container_state(struct container *c)
{
	uint32_t state;

	if (c->journal_fd < 0 || c->ctr == NULL)
		return;
	state = ctr_get_state(c->ctr);
	update(c->journal_fd, &state, sizeof(state), offsetof(struct journal_record, state));
}

void journal_process_exited(struct process *p)
{
	const int32_t end[2] = {1, ctr_process_exit_code(p->p)};

	static_assert(offsetof(struct journal_record, exit_code) ==
			      offsetof(struct journal_record, has_exited) + sizeof(int32_t),
		      "written as one");
	update(p->journal_fd, end, sizeof(end), offsetof(struct journal_record, has_exited));
	if (p->is_init)
		journal_container_state(p->c);
}

static int process_key(const struct process *p, const char *suffix, char *key, size_t size)
{
	int n = snprintf(key, size, "%s/%s%s", p->c->id, p->exec_id, suffix);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

void journal_process(struct process *p)
{
	struct journal_record rec = {.magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION};
	const struct pidref *ref = ctr_process_pid(p->p);
	struct agent *a = p->c->a;
	char key[INIT_KEY_MAX];

	if (a->init == NULL)
		return;
	(void)str_copy(rec.id, sizeof(rec.id), p->c->id);
	(void)str_copy(rec.exec_id, sizeof(rec.exec_id), p->exec_id);
	rec.pid = ref->pid;
	rec.has_tty = p->has_tty;
	rec.is_init = p->is_init;
	rec.has_exited = process_has_exited(p);
	rec.exit_code = rec.has_exited != 0 ? ctr_process_exit_code(p->p) : 0;
	if (process_key(p, "", key, sizeof(key)) < 0) {
		log_warn("process '%s' has too long a name to be kept", p->exec_id);
		return;
	}
	p->journal_fd = record_fd(&rec);
	if (p->journal_fd < 0)
		return;
	put(a, key, (int[]){p->journal_fd, ref->pidfd, p->has_tty ? p->tty : -EBADF, p->out.fd}, 4);
	if (!p->has_tty && p->in.fd >= 0 && process_key(p, "/in", key, sizeof(key)) == 0)
		put(a, key, &p->in.fd, 1);
	if (p->err.fd >= 0 && process_key(p, "/err", key, sizeof(key)) == 0)
		put(a, key, &p->err.fd, 1);
	journal_rings(p);
}

static void put_ring(struct process *p, const char *suffix, const struct ring *r)
{
	char key[INIT_KEY_MAX];

	if (r->fd >= 0 && process_key(p, suffix, key, sizeof(key)) == 0)
		put(p->c->a, key, &r->fd, 1);
}

void journal_rings(struct process *p)
{
	/* Before its record is kept nobody could tell whose they are. */
	if (p->journal_fd < 0)
		return;
	put_ring(p, "/out-ring", &p->out.ring);
	put_ring(p, "/err-ring", &p->err.ring);
}

void journal_forget_stdin(struct process *p)
{
	char key[INIT_KEY_MAX];

	if (p->journal_fd < 0)
		return;
	if (process_key(p, "/in", key, sizeof(key)) == 0)
		init_link_del(p->c->a->init, key);
}

void journal_forget_container(struct container *c)
{
	char key[INIT_KEY_MAX];

	if (c->journal_fd < 0)
		return;
	for (size_t i = 0; i * INIT_FDS_MAX < CTR_NS_COUNT; i++) {
		if (ns_key(c, i, key, sizeof(key)) == 0)
			init_link_del(c->a->init, key);
	}
	init_link_del(c->a->init, c->id);
	c->journal_fd = fd_close(c->journal_fd);
}

void journal_forget_process(struct process *p)
{
	static const char *const suffixes[] = {"", "/in", "/err", "/out-ring", "/err-ring"};
	char key[INIT_KEY_MAX];

	if (p->journal_fd < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (process_key(p, suffixes[i], key, sizeof(key)) == 0)
			init_link_del(p->c->a->init, key);
	}
	p->journal_fd = fd_close(p->journal_fd);
}
