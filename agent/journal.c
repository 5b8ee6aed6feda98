/* SPDX-License-Identifier: Apache-2.0 */
/* Records and fds to init's store. A failure costs only what a restarted agent could have adopted. */
#define LOG_MODULE "journal"

#include "agent/journal.h"

#include <sys/mman.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/init_link.h"
#include "agent/process.h"
#include "base/fd.h"
#include "base/init_proto.h"
#include "base/log.h"
#include "base/str.h"

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

void journal_container(struct container *c)
{
	struct journal_record rec = {.magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION};
	cleanup_close int fd = -EBADF;

	if (c->a->init == NULL)
		return;
	(void)str_copy(rec.id, sizeof(rec.id), c->id);
	rec.state = ctr_get_state(c->ctr);
	fd = record_fd(&rec);
	if (fd < 0)
		return;
	put(c->a, c->id, (int[]){fd, ctr_ns_fd(c->ctr, CTR_NS_PID)}, 2);
	if (c->init != NULL)
		journal_process(c->init);
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
	cleanup_close int fd = -EBADF;
	char key[INIT_KEY_MAX];

	if (a->init == NULL)
		return;
	(void)str_copy(rec.id, sizeof(rec.id), p->c->id);
	(void)str_copy(rec.exec_id, sizeof(rec.exec_id), p->exec_id);
	rec.pid = ref->pid;
	rec.has_tty = p->has_tty;
	rec.is_init = p->is_init;
	fd = record_fd(&rec);
	if (fd < 0)
		return;
	if (process_key(p, "", key, sizeof(key)) < 0) {
		log_warn("process '%s' has too long a name to be kept", p->exec_id);
		return;
	}
	put(a, key, (int[]){fd, ref->pidfd, p->has_tty ? p->tty : -EBADF, p->out.fd}, 4);
	if (!p->has_tty && p->in.fd >= 0 && process_key(p, "/in", key, sizeof(key)) == 0)
		put(a, key, &p->in.fd, 1);
	if (p->err.fd >= 0 && process_key(p, "/err", key, sizeof(key)) == 0)
		put(a, key, &p->err.fd, 1);
}

void journal_forget_stdin(struct process *p)
{
	char key[INIT_KEY_MAX];

	if (p->c->a->init == NULL || !p->is_published)
		return;
	if (process_key(p, "/in", key, sizeof(key)) == 0)
		init_link_del(p->c->a->init, key);
}

void journal_forget_container(struct container *c)
{
	init_link_del(c->a->init, c->id);
}

void journal_forget_process(struct process *p)
{
	char key[INIT_KEY_MAX];

	if (p->c->a->init == NULL || !p->is_published)
		return;
	journal_forget_stdin(p);
	if (process_key(p, "", key, sizeof(key)) == 0)
		init_link_del(p->c->a->init, key);
	if (!p->has_tty && process_key(p, "/err", key, sizeof(key)) == 0)
		init_link_del(p->c->a->init, key);
}
