/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the device program and swaps it in: never a moment without a filter. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/err.h"
#include "base/fd.h"
#include "container/cgroup_impl.h"
#include "container/devices.h"
#include "container/spec.h"

#define ATTACHED_MAX 64 /* BPF_CGROUP_MAX_PROGS */

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	int r = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

/* The last program, kept loaded: most containers get the same one, and verifying it costs more than
 * all else that the kernel does for a group. Its descriptor lives as long as the process. */
struct loaded {
	int fd;
	uint32_t id;
	struct bpf_insn *insns;
	size_t n;
};
static struct loaded last = {.fd = -EBADF};

static int load(const struct bpf_insn *insns, size_t n)
{
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uintptr_t)insns,
		.insn_cnt = (uint32_t)n,
		.license = (uintptr_t) "GPL",
	};

	return sys_bpf(BPF_PROG_LOAD, &a);
}

static int id_of(int prog, uint32_t *ret)
{
	struct bpf_prog_info info = {0};
	union bpf_attr a = {.info = {.bpf_fd = (uint32_t)prog,
				     .info_len = sizeof(info),
				     .info = (uintptr_t)&info}};
	int r = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &a);

	*ret = info.id;
	return r;
}

/* Takes *insns when it keeps them. Return: 0 and `last` is that program, or -errno. */
static int load_once(struct bpf_insn **insns, size_t n)
{
	cleanup_close int fd = -EBADF;
	uint32_t id;
	int r;

	if (last.fd >= 0 && last.n == n && memcmp(last.insns, *insns, n * sizeof(**insns)) == 0)
		return 0;
	fd = load(*insns, n);
	if (fd < 0)
		return fd;
	r = id_of(fd, &id);
	if (r < 0)
		return r;
	(void)fd_close(last.fd);
	free(last.insns);
	last = (struct loaded){TAKE_FD(fd), id, TAKE_PTR(*insns), n};
	return 0;
}

struct attached {
	uint32_t id[ATTACHED_MAX];
	uint32_t n;
};

static int query(int dir, struct attached *ret)
{
	union bpf_attr a = {.query = {.target_fd = (uint32_t)dir,
				      .attach_type = BPF_CGROUP_DEVICE,
				      .prog_ids = (uintptr_t)ret->id,
				      .prog_cnt = ATTACHED_MAX}};
	int r = sys_bpf(BPF_PROG_QUERY, &a);

	ret->n = r < 0 ? 0 : a.query.prog_cnt;
	return r;
}

static int fd_of(uint32_t id)
{
	union bpf_attr a = {.prog_id = id};

	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &a);
}

static int attach(int dir, int prog, int replace)
{
	union bpf_attr a = {
		.target_fd = (uint32_t)dir,
		.attach_bpf_fd = (uint32_t)prog,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI | (replace >= 0 ? BPF_F_REPLACE : 0U),
		.replace_bpf_fd = replace >= 0 ? (uint32_t)replace : 0,
	};

	return sys_bpf(BPF_PROG_ATTACH, &a);
}

static int detach(int dir, uint32_t id)
{
	cleanup_close int prog = fd_of(id);
	union bpf_attr a = {.target_fd = (uint32_t)dir,
			    .attach_bpf_fd = (uint32_t)prog,
			    .attach_type = BPF_CGROUP_DEVICE};

	return prog < 0 ? prog : sys_bpf(BPF_PROG_DETACH, &a);
}

/* Puts `last` in the place of whatever is attached. */
static int swap_in(int dir)
{
	cleanup_close int old = -EBADF;
	struct attached before = {0};
	bool is_there = false;
	int r;

	r = query(dir, &before);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < before.n; i++)
		is_there = is_there || before.id[i] == last.id;
	if (!is_there) {
		if (before.n == 1)
			old = fd_of(before.id[0]);
		r = attach(dir, last.fd, old);
		if (r < 0 || old >= 0)
			return r;
	}
	for (uint32_t i = 0; i < before.n; i++)
		if (before.id[i] != last.id)
			r = err_first(r, detach(dir, before.id[i]));
	return r;
}

int ctr_cg_v2_devices(struct ctr_cgroup *g, const struct ctr_resources *res, struct err *e)
{
	cleanup_free struct ctr_dev_rules *rules = malloc(sizeof(*rules));
	cleanup_free struct bpf_insn *insns = NULL;
	size_t n = 0;
	int r;

	if (rules == NULL)
		return err_set(e, -ENOMEM, "hold the device rules");
	r = ctr_dev_rules_build(res->devices, res->n_devices, rules, e);
	if (r < 0)
		return r;
	r = ctr_dev_bpf_build(rules, &insns, &n);
	if (r < 0)
		return err_set(e, r, "hold the device program");
	r = load_once(&insns, n);
	if (r < 0)
		return err_set(e, r, "load the device program");
	r = swap_in(g->dir[0]);
	return r < 0 ? err_set(e, r, "attach the device program") : 0;
}
