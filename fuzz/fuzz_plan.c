/* SPDX-License-Identifier: Apache-2.0 */
/* A spec put together from lines ("m" mount, "e" env, ...): any plan it gives keeps the rules. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "container/plan.h"
#include "container/spec_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 64
static const char *opts[LINES_MAX][4], *env[LINES_MAX + 1], *paths[LINES_MAX + 1], *args[2];
static struct ctr_mount mounts[LINES_MAX];
static struct ctr_kv sysctls[LINES_MAX];
static struct ctr_device devices[LINES_MAX];

static void line(struct ctr_spec *s, const char *l, char *words[6])
{
	if (l[0] == 'm' && s->n_mounts < LINES_MAX) {
		struct ctr_mount *m = &mounts[s->n_mounts];

		memcpy(opts[s->n_mounts], words + 3, 3 * sizeof(char *));
		*m = (struct ctr_mount){words[0], words[1], words[2], {opts[s->n_mounts++], 3},
					{0},      {0}};
	} else if (l[0] == 'e' && s->process->env.n < LINES_MAX) {
		env[s->process->env.n++] = words[0];
	} else if (l[0] == 'k' && s->sysctl.n < LINES_MAX) {
		sysctls[s->sysctl.n++] = (struct ctr_kv){words[0], words[1]};
	} else if (l[0] == 'd' && s->n_devices < LINES_MAX) {
		devices[s->n_devices++] = (struct ctr_device){words[0], words[1][0], 1, 2, 0, 0, 0};
	} else if (l[0] == 'p' && s->masked_paths.n < LINES_MAX) {
		paths[s->masked_paths.n++] = words[0];
		s->readonly_paths.n = s->masked_paths.n;
	} else if (l[0] == 'a') {
		args[0] = words[0];
	}
}

static void check(const struct plan *p)
{
	struct str text = STR_INIT(1U << 20);

	assert(p->n_ops > 2 && p->op[0].type == PLAN_BEGIN);
	assert(p->op[p->n_ops - 1].type == PLAN_EXEC && p->op[p->n_ops - 2].type == PLAN_MARK);
	for (uint32_t i = 0; i < p->n_ops; i++) {
		const char *to = p->op[i].type == PLAN_MOUNT    ? p->op[i].mount->target
				 : p->op[i].type == PLAN_DEVICE ? p->op[i].device->path
								: "/x";

		assert(to[0] == '/' && strstr(to, "/../") == NULL && strstr(to, "//") == NULL);
		if (p->op[i].type == PLAN_DEVICE)
			assert(path_is_below(to, "/dev"));
		plan_op_words(p, i, &text);
		str_clear(&text);
	}
	plan_print(p, &text);
	str_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ctr_namespace ns[] = {{CTR_NS_MOUNT, NULL, -EBADF},
					    {CTR_NS_PID, NULL, -EBADF},
					    {CTR_NS_IPC, NULL, -EBADF}};
	struct ctr_process_spec proc;
	struct ctr_spec s;
	struct plan_in in = {.spec = &s,
			     .process = &proc,
			     .id = "x",
			     .bundle = "/b",
			     .is_agent = true,
			     .cgroup_path = "/x",
			     .null_fd = 9,
			     .stdio = {-EBADF, 10, 11}};
	char *text = calloc(1, size + 1), *rest = text, *l;
	struct plan *p = NULL;
	struct err e = {0};

	ctr_spec_init(&s);
	ctr_process_spec_init(&proc);
	args[0] = "sh";
	proc.args = (struct ctr_strv){args, 1};
	proc.env.v = env;
	proc.cwd = "/";
	s.process = &proc;
	s.root_path = "/r";
	s.has_linux = true;
	s.mounts = mounts;
	s.sysctl.v = sysctls;
	s.devices = devices;
	s.masked_paths.v = s.readonly_paths.v = paths;
	s.namespaces = ns;
	s.n_namespaces = 3;
	memset(in.ns_fd, 0xff, sizeof(in.ns_fd));
	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	while ((l = strsep(&rest, "\n")) != NULL) {
		char *words[6], *cut = l[0] == '\0' ? l : l + 1;

		for (int i = 0; i < 6; i++) {
			words[i] = strsep(&cut, "|");
			if (words[i] == NULL)
				words[i] = l + strlen(l);
		}
		line(&s, l, words);
	}
	if (ctr_spec_check(&s, "x", true, &e) == 0 && plan_build_init(&in, &p, &e) == 0)
		check(p);
	else
		assert(e.code < 0 && e.msg[0] != '\0');
	plan_free(p);
	free(text);
	return 0;
}
