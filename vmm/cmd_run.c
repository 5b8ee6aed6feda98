/* SPDX-License-Identifier: Apache-2.0 */
/* `pith-vm run`: a VM for one command; and running pith-ctl. */
#include "vmm/cmd.h"

#include <fcntl.h>
#include <signal.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"
#include "vmm/bundle.h"
#include "vmm/ctl_args.h"
#include "vmm/ctl_run.h"
#include "vmm/launch.h"
#include "vmm/paths.h"

#define ARENA_MAX (1024U * 1024)
#define POWER_OFF_NS                                                                               \
	(15ULL * 1000000000) /* own grace periods of the guest's init, and a busy host */

/* Return: the command's exit code, or VMM_EXIT_USAGE. */
static int run_in(struct vmm_launch *l)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	const struct vmm_config *c = l->config;
	char **run = vmm_ctl_run(l->paths.ctl, l->vsock, c, false, &a);
	struct err e = {0};
	int code;

	if (run == NULL)
		code = err_set(&e, -ENOMEM, "arguments of pith-ctl");
	else
		code = vmm_ctl_execute(run, c->interactive || c->tty ? VMM_CTL_ALL : VMM_CTL_OUTPUT,
				       &e);
	if (code < 0)
		return vmm_cmd_fail(&e);
	/* The guest was asked to sync and power off by itself; if it cannot, it is switched off. When
	 * there was no container it was perhaps not asked, and has nothing to lose. */
	vmm_launch_end(l, code == VMM_EXIT_USAGE ? 0 : POWER_OFF_NS);
	return code;
}

/* A bundle is read, and what is wrong with it told, before anything is started. */
static int prepare(struct vmm_launch *l, struct vmm_config *c, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT(ARENA_MAX);
	char **check;
	int r;

	if (c->bundle == NULL)
		return 0;
	r = vmm_bundle_read(c, e);
	if (r == 0)
		r = vmm_paths_find(c, &l->paths, e);
	if (r < 0)
		return r;
	check = vmm_ctl_run(l->paths.ctl, "none", c, true, &a);
	if (check == NULL)
		return err_set(e, -ENOMEM, "arguments of pith-ctl");
	r = vmm_ctl_execute(check, VMM_CTL_SILENT, e);
	if (r > 0)
		return err_refuse(e, ERR_INVALID, "--bundle '%s' cannot be run", c->bundle);
	return r;
}

int vmm_cmd_run(int argc, char **argv)
{
	static struct vmm_launch l;
	struct vmm_config c;
	struct err e = {0};
	int code, r;

	vmm_config_init(&c);
	r = vmm_config_parse(&c, argc, argv, true, &e);
	if (r != 0) {
		vmm_config_done(&c);
		return r > 0 ? vmm_cmd_help() : vmm_cmd_fail(&e);
	}
	/* From here on a signal must not leave a VM: the keeper ends it when this process dies, and
	 * while pith-ctl runs signals are its own. */
	vmm_launch_init(&l, &c);
	r = prepare(&l, &c, &e);
	if (r == 0)
		r = vmm_launch(&l, &e);
	code = r < 0 ? vmm_cmd_fail(&e) : run_in(&l);
	vmm_launch_done(&l);
	vmm_config_done(&c);
	return code;
}
