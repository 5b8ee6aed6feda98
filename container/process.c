/* SPDX-License-Identifier: Apache-2.0 */
/* One process of a container: its exit status, its signals, its life as an object. */
#include "container/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/str.h"
#include "container/ctr_priv.h"

int ctr_process_new(struct ctr *c, bool is_init, struct ctr_process **ret)
{
	struct ctr_process *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->ctr = c;
	p->loop = c->host->loop;
	p->spawn = SPAWN_INIT;
	p->master = -EBADF;
	p->is_init = is_init;
	list_init(&p->link);
	*ret = p;
	return 0;
}

void ctr_process_drop(struct ctr_process *p)
{
	if (p == NULL)
		return;
	list_del(&p->link);
	loop_idle_del(&p->idle);
	ctr_spawn_done(&p->spawn);
	(void)fd_close(p->master);
	arena_done(&p->arena);
	free(p);
}

static void tell_exit(struct loop_idle *idle)
{
	struct ctr_process *p = container_of(idle, struct ctr_process, idle);

	if (p->exit_fn != NULL)
		p->exit_fn(p->exit_data, p);
}

void ctr_process_exited(struct ctr_process *p, const siginfo_t *info)
{
	p->has_exited = true;
	p->exit_code = pidref_exit_code(info->si_code, info->si_status);
	p->exit_ns = loop_now_ns();
	if (p->is_reported && p->exit_fn != NULL)
		loop_idle_add(p->loop, &p->idle, tell_exit);
}

void ctr_process_on_exit(struct ctr_process *p, ctr_exit_fn fn, void *data)
{
	p->exit_fn = fn;
	p->exit_data = data;
	if (p->has_exited && fn != NULL)
		loop_idle_add(p->loop, &p->idle, tell_exit);
}

bool ctr_process_has_exited(const struct ctr_process *p)
{
	return p->has_exited;
}

int ctr_process_exit_code(const struct ctr_process *p)
{
	return p->exit_code;
}

uint64_t ctr_process_exit_ns(const struct ctr_process *p)
{
	return p->exit_ns;
}

const struct pidref *ctr_process_pid(const struct ctr_process *p)
{
	return &p->spawn.ref;
}

int ctr_process_take_master(struct ctr_process *p)
{
	return TAKE_FD(p->spawn.master);
}

static bool has_bit(const char *status, const char *name, unsigned bit)
{
	const char *line = strstr(status, name);
	char digits[17];
	uint64_t mask;

	if (line == NULL || strlen(line) < strlen(name) + 16)
		return false;
	memcpy(digits, line + strlen(name), 16);
	digits[16] = '\0';
	return parse_hex64(digits, &mask) == 0 && (mask >> bit & 1) != 0;
}

bool ctr_process_term_is_lost(const char *status)
{
	const unsigned bit = SIGTERM - 1;

	return !has_bit(status, "\nSigCgt:\t", bit) && !has_bit(status, "\nSigIgn:\t", bit) &&
	       !has_bit(status, "\nSigBlk:\t", bit);
}

static int effective_signal(const struct ctr_process *p, int sig)
{
	char path[sizeof("/proc/-2147483648/status")], status[4096];

	if (sig != SIGTERM || !p->is_init)
		return sig;
	/* Not reaped, so the number is still its own. */
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)p->spawn.ref.pid);
	if (fd_read_file(AT_FDCWD, path, status, sizeof(status)) < 0)
		return sig;
	return ctr_process_term_is_lost(status) ? SIGKILL : sig;
}

int ctr_process_signal(struct ctr_process *p, int sig, struct err *e)
{
	int r;

	if (sig < 0 || sig > SIGRTMAX)
		return err_refuse(e, ERR_INVALID, "unknown signal \"%d\"", sig);
	if (p->has_exited)
		return 0;
	r = pidref_kill(&p->spawn.ref, effective_signal(p, sig));
	if (r == 0 || r == -ESRCH)
		return 0;
	return err_set(e, r, "signal %d to process %d", sig, (int)p->spawn.ref.pid);
}

void ctr_process_free(struct ctr_process *p)
{
	if (p == NULL)
		return;
	p->exit_fn = NULL;
	p->done = NULL;
	if (pidref_is_set(&p->spawn.ref) && !p->has_exited) {
		/* It is reaped by the loop and dropped then. */
		ctr_spawn_kill(&p->spawn, NULL);
		p->is_orphan = true;
		return;
	}
	ctr_process_drop(p);
}
