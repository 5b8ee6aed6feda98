/* SPDX-License-Identifier: Apache-2.0 */
/* Options to struct vmm_config. Checks syntax and ranges, never whether a file exists. */
#include "vmm/config.h"

#include <getopt.h>
#include <limits.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/str.h"

#define MEMORY_MIN     (64ULL << 20)
#define MEMORY_MAX     (1ULL << 40)
#define MEMORY_DEFAULT (512ULL << 20)
#define TIMEOUT_S      120 /* ten times a boot under emulation on a busy machine */

enum {
	O_NAME = 256,
	O_ROOTFS,
	O_BUNDLE,
	O_IMAGE,
	O_LIMIT_MEMORY,
	O_LIMIT_CPUS,
	O_LIMIT_PIDS,
	O_SHARE,
	O_MEMORY,
	O_CPUS,
	O_KERNEL,
	O_INITRD,
	O_ACCEL,
	O_APPEND,
	O_SECCOMP,
	O_CGROUP,
	O_TIMEOUT,
	O_DEBUG_CONSOLE,
	O_JSON,
	O_ENV,
	O_USER,
	O_WORKDIR,
};

static const struct option long_options[] = {
	{"name", required_argument, NULL, O_NAME},
	{"rootfs", required_argument, NULL, O_ROOTFS},
	{"bundle", required_argument, NULL, O_BUNDLE},
	{"image", required_argument, NULL, O_IMAGE},
	{"limit-memory", required_argument, NULL, O_LIMIT_MEMORY},
	{"limit-cpus", required_argument, NULL, O_LIMIT_CPUS},
	{"limit-pids", required_argument, NULL, O_LIMIT_PIDS},
	{"share", required_argument, NULL, O_SHARE},
	{"memory", required_argument, NULL, O_MEMORY},
	{"cpus", required_argument, NULL, O_CPUS},
	{"kernel", required_argument, NULL, O_KERNEL},
	{"initrd", required_argument, NULL, O_INITRD},
	{"accel", required_argument, NULL, O_ACCEL},
	{"append", required_argument, NULL, O_APPEND},
	{"vmm-seccomp", required_argument, NULL, O_SECCOMP},
	{"cgroup", required_argument, NULL, O_CGROUP},
	{"timeout", required_argument, NULL, O_TIMEOUT},
	{"debug-console", no_argument, NULL, O_DEBUG_CONSOLE},
	{"json", no_argument, NULL, O_JSON},
	{"env", required_argument, NULL, O_ENV},
	{"user", required_argument, NULL, O_USER},
	{"workdir", required_argument, NULL, O_WORKDIR},
	{"help", no_argument, NULL, 'h'},
	{0},
};

void vmm_config_init(struct vmm_config *c)
{
	*c = (struct vmm_config){
		.memory = MEMORY_DEFAULT, .cpus = 1, .seccomp = true, .timeout_s = TIMEOUT_S};
}

void vmm_config_done(struct vmm_config *c)
{
	for (size_t i = 0; i < c->n_shares; i++) {
		free(c->share[i].host);
		free(c->share[i].guest);
	}
	c->n_shares = 0;
	free(c->root);
	c->root = NULL;
}

bool vmm_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n < VMM_NAME_MAX && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       n;
}

int vmm_share_parse(const char *text, struct vmm_share *ret, struct err *e)
{
	cleanup_free char *copy = strdup(text), *host = NULL, *guest = NULL;
	bool read_only = false;
	char *colon;

	if (copy == NULL)
		return err_set(e, -ENOMEM, "--share");
	if (str_ends(copy, ":ro") || str_ends(copy, ":rw")) {
		read_only = str_ends(copy, ":ro");
		copy[strlen(copy) - 3] = '\0';
	}
	colon = strchr(copy, ':');
	if (colon != NULL)
		*colon++ = '\0';
	if (copy[0] == '\0' || (colon != NULL && (colon[0] != '/' || strchr(colon, ':') != NULL)))
		return err_refuse(e, ERR_INVALID, "--share '%s' is not HOSTDIR[:/GUESTPATH][:ro]",
				  text);

	host = realpath(copy, NULL);
	if (host == NULL)
		return err_set(e, -errno, "--share '%s'", copy);
	/* The guest's path becomes part of a comma-separated list. */
	if (strchr(colon != NULL ? colon : host, ',') != NULL)
		return err_refuse(e, ERR_INVALID, "--share '%s': no comma is possible there", text);
	guest = strdup(colon != NULL ? colon : host);
	if (guest == NULL)
		return err_set(e, -ENOMEM, "--share");
	*ret = (struct vmm_share){
		.host = TAKE_PTR(host), .guest = TAKE_PTR(guest), .read_only = read_only};
	return 0;
}

static int choice(const char *option, const char *text, const char *const *words, struct err *e)
{
	for (int i = 0; words[i] != NULL; i++)
		if (streq(text, words[i]))
			return i;
	return err_refuse(e, ERR_INVALID, "--%s: unknown value '%s'", option, text);
}

static int number(const char *option, uint32_t min, uint32_t max, uint32_t *ret, struct err *e)
{
	if (parse_u32(optarg, ret) < 0 || *ret < min || *ret > max)
		return err_refuse(e, ERR_INVALID, "--%s: '%s' is not a number from %u to %u",
				  option, optarg, min, max);
	return 0;
}

static int set_memory(struct vmm_config *c, struct err *e)
{
	uint64_t v;

	/* A bare number is MiB, as everywhere with VMs. */
	if (parse_size(optarg, &v) < 0)
		return err_refuse(e, ERR_INVALID, "--memory: '%s' is not a size", optarg);
	if (optarg[strspn(optarg, "0123456789")] == '\0' && v < MEMORY_MIN)
		v <<= 20;
	if (v < MEMORY_MIN || v > MEMORY_MAX || v % (2U << 20) != 0)
		return err_refuse(e, ERR_INVALID,
				  "--memory: '%s' is not a multiple of 2m from 64m to 1t", optarg);
	c->memory = v;
	return 0;
}

/* Options of the machine. Return: 0, -errno, or 1 when @opt is none of them. */
static int set_machine(struct vmm_config *c, int opt, struct err *e)
{
	static const char *const accels[] = {"auto", "kvm", "tcg", NULL};
	static const char *const off_on[] = {"off", "on", NULL};
	static const char *const cgroups[] = {"v2", "v1", NULL};
	int r = 0;

	switch (opt) {
	case O_MEMORY:
		return set_memory(c, e);
	case O_CPUS:
		return number("cpus", 1, VMM_CPUS_MAX, &c->cpus, e);
	case O_TIMEOUT:
		return number("timeout", 1, 86400, &c->timeout_s, e);
	case O_ACCEL:
		r = choice("accel", optarg, accels, e);
		c->accel = r > 0 ? (enum vmm_accel)r : VMM_ACCEL_AUTO;
		break;
	case O_SECCOMP:
		r = choice("vmm-seccomp", optarg, off_on, e);
		c->seccomp = r != 0;
		break;
	case O_CGROUP:
		r = choice("cgroup", optarg, cgroups, e);
		c->cgroup_v1 = r == 1;
		break;
	case O_KERNEL:
		c->kernel = optarg;
		break;
	case O_INITRD:
		c->initrd = optarg;
		break;
	case O_APPEND:
		c->append = optarg;
		break;
	case O_DEBUG_CONSOLE:
		c->debug_console = true;
		break;
	case O_JSON:
		c->json = true;
		break;
	case O_NAME:
		if (!vmm_name_ok(optarg))
			return err_refuse(e, ERR_INVALID, "--name: '%s' is not a valid name",
					  optarg);
		c->name = optarg;
		break;
	default:
		return 1;
	}
	return r < 0 ? r : 0;
}

/* What the guest gets to see. */
static int set_content(struct vmm_config *c, int opt, struct err *e)
{
	int r;

	switch (opt) {
	case O_ROOTFS:
		c->rootfs = optarg;
		return 0;
	case O_SHARE:
		if (c->n_shares == VMM_SHARES_MAX)
			return err_refuse(e, ERR_LIMIT, "more than %d shares", VMM_SHARES_MAX);
		r = vmm_share_parse(optarg, &c->share[c->n_shares], e);
		if (r == 0)
			c->n_shares++;
		return r;
	default:
		return 1;
	}
}

static int set_limit(const char *option, bool ok, const char **ret, struct err *e)
{
	if (!ok)
		return err_refuse(e, ERR_INVALID, "--%s: '%s' is not a positive %s", option, optarg,
				  streq(option, "limit-memory") ? "size" : "number");
	*ret = optarg;
	return 0;
}

static bool is_positive(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	return end != text && *end == '\0' && v > 0 && v < 1e6;
}

/* Limits of the container inside the VM. Return: as set_machine. */
static int set_limits(struct vmm_config *c, int opt, struct err *e)
{
	uint64_t v = 0;

	switch (opt) {
	case O_LIMIT_MEMORY:
		return set_limit("limit-memory", parse_size(optarg, &v) == 0 && v > 0,
				 &c->limit_memory, e);
	case O_LIMIT_CPUS:
		return set_limit("limit-cpus", is_positive(optarg), &c->limit_cpus, e);
	case O_LIMIT_PIDS:
		return set_limit("limit-pids",
				 parse_u64(optarg, &v) == 0 && v > 0 && v <= INT32_MAX,
				 &c->limit_pids, e);
	default:
		return 1;
	}
}

static int set_process(struct vmm_config *c, int opt, struct err *e)
{
	switch (opt) {
	case 'i':
		c->interactive = true;
		return 0;
	case 't':
		c->tty = true;
		return 0;
	case O_BUNDLE:
		c->bundle = optarg;
		return 0;
	case O_IMAGE:
		return err_refuse(e, ERR_UNIMPLEMENTED,
				  "--image is not supported; unpack the image first, for "
				  "instance with 'umoci unpack', and give --bundle");
	case O_USER:
		c->user = optarg;
		return 0;
	case O_WORKDIR:
		c->workdir = optarg;
		return 0;
	case O_ENV:
		if (c->n_env == VMM_ENV_MAX)
			return err_refuse(e, ERR_LIMIT, "more than %d --env", VMM_ENV_MAX);
		if (strchr(optarg, '=') == NULL || optarg[0] == '=')
			return err_refuse(e, ERR_INVALID, "--env '%s' is not KEY=VALUE", optarg);
		c->env[c->n_env++] = optarg;
		return 0;
	default:
		return 1;
	}
}

/* @word is the option itself unless it is one of another command. */
static int refuse_option(const char *command, int opt, const char *word, struct err *e)
{
	for (const struct option *o = long_options; o->name != NULL; o++)
		if (o->val == opt)
			return err_refuse(e, ERR_INVALID, "--%s is not an option of %s", o->name,
					  command);
	return err_refuse(e, ERR_INVALID, "unknown option '%s'; see --help", word);
}

static int check_run(const struct vmm_config *c, struct err *e)
{
	if (c->bundle != NULL && c->rootfs != NULL)
		return err_refuse(e, ERR_INVALID, "--rootfs and --bundle: only one is possible");
	if (c->cmd == NULL && c->bundle == NULL)
		return err_refuse(e, ERR_INVALID, "no command given; see --help");
	if (c->json)
		return err_refuse(e, ERR_INVALID, "--json: the output of run is the command's");
	return 0;
}

int vmm_config_parse(struct vmm_config *c, int argc, char **argv, bool with_cmd, struct err *e)
{
	int opt, r;

	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, with_cmd ? "+:hit" : "+:h", long_options, NULL)) !=
	       -1) {
		if (opt == 'h')
			return 1;
		if (opt == ':')
			return err_refuse(e, ERR_INVALID, "option '%s' needs a value",
					  argv[optind - 1]);
		r = set_machine(c, opt, e);
		if (r == 1)
			r = set_content(c, opt, e);
		if (r == 1 && with_cmd)
			r = set_process(c, opt, e);
		if (r == 1 && with_cmd)
			r = set_limits(c, opt, e);
		if (r == 1)
			return refuse_option(argv[0], opt, argv[optind - 1], e);
		if (r < 0)
			return r;
	}

	if (optind < argc && !with_cmd)
		return err_refuse(e, ERR_INVALID, "unexpected argument '%s'", argv[optind]);
	c->cmd = optind < argc ? argv + optind : NULL;
	return with_cmd ? check_run(c, e) : 0;
}
