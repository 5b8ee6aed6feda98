/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options; lists share one block, as no list is longer than the command line. */
#include "agent-ctl/run_options.h"

#include <getopt.h>
#include <stdlib.h>

#include "agent-ctl/cmd.h"
#include "agent-ctl/ctl.h"
#include "base/parse.h"

enum {
	OPT_MEMORY = 256,
	OPT_CPUS,
	OPT_PIDS,
	OPT_ENV,
	OPT_CAP_ADD,
	OPT_CAP_DROP,
	OPT_MOUNT,
	OPT_SECCOMP,
	OPT_NO_SECCOMP,
	OPT_PRIVILEGED_PATHS,
	OPT_READ_ONLY,
	OPT_NET,
	OPT_SHARE,
	OPT_ROOTFS,
	OPT_HOSTNAME,
	OPT_DESTROY,
	OPT_ID,
	OPT_CWD,
	OPT_USER,
	OPT_BUNDLE,
	OPT_SPEC,
	OPT_DRY_RUN,
};

#define COMMON                                                                                     \
	{"interactive", no_argument, NULL, 'i'}, {"tty", no_argument, NULL, 't'},                  \
		{"detach", no_argument, NULL, 'd'}, {"env", required_argument, NULL, OPT_ENV},     \
		{"user", required_argument, NULL, OPT_USER},                                       \
		{"cwd", required_argument, NULL, OPT_CWD},                                         \
	{                                                                                          \
		"id", required_argument, NULL, OPT_ID                                              \
	}

static const struct option exec_options[] = {COMMON, {0}};

static const struct option run_options[] = {
	COMMON,
	{"rootfs", required_argument, NULL, OPT_ROOTFS},
	{"bundle", required_argument, NULL, OPT_BUNDLE},
	{"spec", required_argument, NULL, OPT_SPEC},
	{"hostname", required_argument, NULL, OPT_HOSTNAME},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"cpus", required_argument, NULL, OPT_CPUS},
	{"pids", required_argument, NULL, OPT_PIDS},
	{"cap-add", required_argument, NULL, OPT_CAP_ADD},
	{"cap-drop", required_argument, NULL, OPT_CAP_DROP},
	{"mount", required_argument, NULL, OPT_MOUNT},
	{"share", required_argument, NULL, OPT_SHARE},
	{"seccomp", required_argument, NULL, OPT_SECCOMP},
	{"no-seccomp", no_argument, NULL, OPT_NO_SECCOMP},
	{"privileged-paths", no_argument, NULL, OPT_PRIVILEGED_PATHS},
	{"read-only", no_argument, NULL, OPT_READ_ONLY},
	{"new-network", no_argument, NULL, OPT_NET},
	{"destroy-sandbox", no_argument, NULL, OPT_DESTROY},
	{"dry-run", no_argument, NULL, OPT_DRY_RUN},
	{0},
};

static void push(struct actl_words *w, char *word)
{
	w->p[w->n++] = word;
}

static int limit(int option, const char *text, struct actl_run *o)
{
	char *end;

	if (option == OPT_MEMORY) {
		if (parse_size(text, &o->memory) < 0 || o->memory == 0)
			return actl_say(ACTL_USAGE, "--memory '%s' is not a size", text);
	} else if (option == OPT_PIDS) {
		if (parse_i64(text, &o->pids) < 0 || o->pids < 0)
			return actl_say(ACTL_USAGE, "--pids '%s' is not a number", text);
	} else {
		o->cpus = strtod(text, &end);
		if (end == text || *end != '\0' || !(o->cpus > 0) || o->cpus > 1e6)
			return actl_say(ACTL_USAGE, "--cpus '%s' is not a number", text);
	}
	return ACTL_OK;
}

/* Return: whether @option was a word or list of the specification. */
static bool set_word(int option, char *text, struct actl_run_options *o)
{
	const struct {
		int option;
		const char **word;
		struct actl_words *list;
	} places[] = {
		{OPT_ID, &o->run.id, NULL},
		{OPT_ROOTFS, &o->run.rootfs, NULL},
		{OPT_BUNDLE, &o->run.bundle, NULL},
		{OPT_SPEC, &o->run.spec, NULL},
		{OPT_HOSTNAME, &o->run.hostname, NULL},
		{OPT_CWD, &o->run.cwd, NULL},
		{OPT_USER, &o->run.user, NULL},
		{OPT_SECCOMP, &o->run.seccomp, NULL},
		{OPT_ENV, NULL, &o->run.env},
		{OPT_CAP_ADD, NULL, &o->run.cap_add},
		{OPT_CAP_DROP, NULL, &o->run.cap_drop},
		{OPT_MOUNT, NULL, &o->run.mounts},
		{OPT_SHARE, NULL, &o->shares},
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (places[i].option != option)
			continue;
		if (places[i].word != NULL)
			*places[i].word = text;
		else
			push(places[i].list, text);
		return true;
	}
	return false;
}

/* Return: whether @option was a flag. */
static bool set_flag(int option, struct actl_run_options *o)
{
	const struct {
		int option;
		bool *flag;
	} places[] = {
		{'i', &o->interactive},
		{'t', &o->run.terminal},
		{'d', &o->detach},
		{OPT_NO_SECCOMP, &o->run.no_seccomp},
		{OPT_PRIVILEGED_PATHS, &o->run.privileged_paths},
		{OPT_READ_ONLY, &o->run.readonly},
		{OPT_NET, &o->run.new_network},
		{OPT_DESTROY, &o->destroy},
		{OPT_DRY_RUN, &o->dry_run},
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (places[i].option == option) {
			*places[i].flag = true;
			return true;
		}
	}
	return false;
}

static int make_lists(int argc, struct actl_run_options *o)
{
	struct actl_words *const lists[] = {&o->run.env, &o->run.cap_add, &o->run.cap_drop,
					    &o->run.mounts, &o->shares};
	/* One more than there are words: a share may be implied. */
	size_t each = (size_t)argc + 1;

	o->words = calloc(ARRAY_LEN(lists) * each, sizeof(char *));
	if (o->words == NULL)
		return actl_say(ACTL_FAILED, "no memory");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		lists[i]->p = o->words + i * each;
	return ACTL_OK;
}

/* What a container without a specification needs, and what one with it cannot have. */
static int check_run(const struct actl_run *o)
{
	bool has_spec = o->bundle != NULL || o->spec != NULL;

	if (!has_spec && o->args.n == 0)
		return actl_usage("run");
	if (o->bundle != NULL && o->spec != NULL)
		return actl_say(ACTL_USAGE, "--bundle and --spec: only one is possible");
	if (o->spec == NULL && o->rootfs == NULL)
		return actl_say(ACTL_USAGE, "run needs --rootfs: a path in the guest or share:TAG");
	if (has_spec &&
	    (o->cap_add.n > 0 || o->cap_drop.n > 0 || o->privileged_paths || o->new_network))
		return actl_say(ACTL_USAGE,
				"--cap-add, --cap-drop, --privileged-paths and --new-network are "
				"the specification's own affair");
	return ACTL_OK;
}

int actl_run_options_parse(int argc, char **argv, bool is_exec, struct actl_run_options *ret)
{
	const struct option *options = is_exec ? exec_options : run_options;
	const char *name = is_exec ? "exec" : "run";
	int code = make_lists(argc, ret);
	int c;

	while (code == ACTL_OK && (c = getopt_long(argc, argv, "+itd", options, NULL)) != -1) {
		if (c == '?')
			code = actl_usage(name);
		else if (!set_flag(c, ret) && !set_word(c, optarg, ret))
			code = limit(c, optarg, &ret->run);
	}
	if (code != ACTL_OK)
		return code;
	if (is_exec && optind < argc)
		ret->container = argv[optind++];
	if (optind < argc && optind > 1 && streq(argv[optind], "--"))
		optind++;
	ret->run.args.p = argv + optind;
	ret->run.args.n = (size_t)(argc - optind);
	if (!is_exec)
		return check_run(&ret->run);
	return ret->run.args.n == 0 ? actl_usage(name) : ACTL_OK;
}

void actl_run_options_done(struct actl_run_options *o)
{
	free(o->words);
	o->words = NULL;
}
