/* SPDX-License-Identifier: Apache-2.0 */
/* pith-vm: subcommands and help. */
#include <signal.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "vmm/cmd.h"

static const char usage[] =
	"usage: pith-vm run [option...] [-i] [-t] -- CMD [ARG...]\n"
	"       pith-vm start [option...]\n"
	"       pith-vm stop [--force] NAME\n"
	"       pith-vm ls [--json] | info [--json] NAME | console [--follow] NAME\n"
	"\n"
	"run boots a VM, runs one confined container in it, passes its exit code on and powers off.\n"
	"\n"
	"  --rootfs DIR             the container's root (default: one of Debian's busybox)\n"
	"  --bundle DIR             an OCI bundle: config.json and a root; CMD may be left out\n"
	"  --share DIR[:PATH][:ro]  a folder of the host in the container (repeatable)\n"
	"  --env K=V, --user UID[:GID], --workdir DIR\n"
	"  --limit-memory SIZE, --limit-cpus N, --limit-pids N   of the container\n"
	"  -i, -t                   pass standard input; with a terminal\n"
	"  --memory SIZE            default 512m      --cpus N      default 1\n"
	"  --kernel F, --initrd F   default: see pith-vm(1)\n"
	"  --append WORDS           more kernel parameters\n"
	"  --accel auto|kvm|tcg     default auto: KVM if a kernel really boots on it\n"
	"  --cgroup v2|v1           the guest's cgroup version\n"
	"  --vmm-seccomp on|off     QEMU's system call filter, default on\n"
	"  --name NAME, --timeout S, --debug-console, --json\n"
	"\n"
	"Exit code: the command's; 125 when the VM or the container could not be had.\n";

int vmm_cmd_help(void)
{
	(void)fputs(usage, stdout);
	return 0;
}

int vmm_cmd_fail(const struct err *e)
{
	char text[ERR_TEXT_MAX];

	(void)fprintf(stderr, "pith-vm: %s\n", err_text(e, text, sizeof(text)));
	return VMM_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(int argc, char **argv);
	} commands[] = {
		{"run", vmm_cmd_run}, {"start", vmm_cmd_start}, {"stop", vmm_cmd_stop},
		{"ls", vmm_cmd_ls},   {"info", vmm_cmd_info},   {"console", vmm_cmd_console},
	};

	log_setup("pith-vm", "vm", LOG_PLAIN);
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (streq(argv[1], commands[i].name))
			return commands[i].fn(argc - 1, argv + 1);
	if (argc > 1 &&
	    (streq(argv[1], "--help") || streq(argv[1], "-h") || streq(argv[1], "help")))
		return vmm_cmd_help();
	if (argc > 1 && streq(argv[1], "--version"))
		return puts("pith-vm " PITH_VERSION) < 0;
	(void)fputs(usage, stderr);
	return VMM_EXIT_USAGE;
}
