/* SPDX-License-Identifier: Apache-2.0 */
/* What a spec is refused for, and the field that the refusal names. */
#include "tests/unit/plan_spec.h"

#include "container/child_user.h"
#include "container/process.h"
#include "container/spec_check.h"
#include "container/state.h"

static void refused(const struct ctr_spec *s, const char *words)
{
	struct err e = {0};

	CHECK_INT(ctr_spec_check(s, "c1", true, &e), -EINVAL);
	CHECK_STR(e.msg, words);
	CHECK_INT(e.kind, ERR_INVALID);
	arena_done(&spec_arena);
}

TEST(a_typical_spec_is_fine)
{
	struct err e = {0};

	CHECK_INT(ctr_spec_check(spec_typical(), "c1", true, &e), 0);
	arena_done(&spec_arena);
}

TEST(ids_are_plain)
{
	static const char *const good[] = {"a", "0", "A.b_c-9", "x.."};
	static const char *const bad[] = {"",    ".",   "..",  "-a",      "_a",
					  "a/b", "a b", "a\n", "\xc3\xa9"};
	char longest[130];
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK_INT(ctr_id_check(good[i], &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(ctr_id_check(bad[i], &e) < 0 && e.kind == ERR_INVALID);
	CHECK(ctr_id_check(NULL, &e) < 0);
	memset(longest, 'a', sizeof(longest));
	longest[128] = '\0';
	CHECK_INT(ctr_id_check(longest, &e), 0);
	longest[128] = 'a';
	longest[129] = '\0';
	CHECK(ctr_id_check(longest, &e) < 0);
}

TEST(the_process_is_checked)
{
	struct ctr_spec *s = spec_typical();
	static struct ctr_rlimit twice[] = {{"RLIMIT_CPU", 1, 2}, {"RLIMIT_CPU", 1, 2}};
	static struct ctr_rlimit above = {"RLIMIT_CPU", 3, 2};

	s->process = NULL;
	refused(s, "process is missing");
	s = spec_typical();
	s->process->args.n = 0;
	refused(s, "process.args is empty");
	s = spec_typical();
	s->process->cwd = "work";
	refused(s, "process.cwd \"work\" is not absolute");
	s = spec_typical();
	s->process->env = WORDS("A=1", "=x");
	refused(s, "process.env[1]: not NAME=value");
	s = spec_typical();
	s->process->oom_score_adj = 1001;
	refused(s, "process.oomScoreAdj 1001 is not within -1000..1000");
	s = spec_typical();
	s->process->rlimits = twice;
	s->process->n_rlimits = 2;
	refused(s, "process.rlimits: RLIMIT_CPU is given twice");
	s = spec_typical();
	s->process->rlimits = &above;
	s->process->n_rlimits = 1;
	refused(s, "process.rlimits RLIMIT_CPU: soft 3 above hard 2");
	s = spec_typical();
	s->process->uid = UINT32_MAX;
	refused(s, "process.user: id 4294967295 is not a user");
}

TEST(namespaces_are_checked)
{
	struct ctr_spec *s = spec_typical();
	static struct ctr_idmap map = {0, 1000, 10};

	spec_ns(s, CTR_NS_IPC);
	refused(s, "linux.namespaces: ipc is given twice");
	s = spec_typical();
	s->n_namespaces = 1;
	refused(s, "linux.namespaces: pid is missing");
	s = spec_typical();
	s->n_namespaces = 3;
	refused(s, "hostname without a uts namespace");
	s = spec_typical();
	spec_ns(s, CTR_NS_USER);
	refused(s, "linux.uidMappings: a new user namespace needs an entry");
	s = spec_typical();
	s->gid_maps = (struct ctr_idmaps){&map, 1};
	refused(s, "linux.gidMappings without a new user namespace");
}

TEST(the_rest_is_checked)
{
	struct ctr_spec *s = spec_typical();
	static struct ctr_hook hook = {.path = "rel", .timeout_s = CTR_UNSET};
	static struct ctr_device device = {"/dev/x", 'x', 1, 1, 0, 0, 0};

	s->version = "2.0.0";
	refused(s, "ociVersion \"2.0.0\" is not supported");
	s = spec_typical();
	s->root_path = "/a/..";
	refused(s, "root.path is the root of the system");
	s = spec_typical();
	s->rootfs_propagation = "public";
	refused(s, "linux.rootfsPropagation \"public\" is unknown");
	s = spec_typical();
	s->masked_paths = WORDS("proc");
	refused(s, "linux.maskedPaths[0] \"proc\" is not absolute");
	s = spec_typical();
	s->hooks[CTR_HOOK_POSTSTART] = (struct ctr_hooks){&hook, 1};
	refused(s, "hooks.poststart[0].path is not absolute");
	s = spec_typical();
	s->devices = &device;
	s->n_devices = 1;
	refused(s, "linux.devices /dev/x: unknown type");
	s = spec_typical();
	s->mounts[0].destination = "";
	refused(s, "mounts[0].destination is empty");
}

TEST(term_is_lost_only_on_an_init_that_does_not_care)
{
	CHECK(ctr_process_term_is_lost("Name:\tx\nSigBlk:\t0000000000000000\n"
				       "SigIgn:\t0000000000000000\nSigCgt:\t0000000000000002\n"));
	CHECK(!ctr_process_term_is_lost("Name:\tx\nSigBlk:\t0000000000004000\n"
					"SigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n"));
	CHECK(!ctr_process_term_is_lost("\nSigIgn:\t0000000000004000\n"));
	CHECK(!ctr_process_term_is_lost("\nSigCgt:\tffffffffffffffff\n"));
	CHECK(ctr_process_term_is_lost("\nSigCgt:\t40"));
}

TEST(the_state_document_is_escaped)
{
	static struct ctr_kv kv = {"a\"b", "line\nbreak"};
	struct ctr_spec s = {.version = "1.1.0", .annotations = {&kv, 1}};
	struct str out = STR_INIT(4096);

	CHECK_INT(ctr_state_json(&out, &s, "c1", "creating", 7, "/b"), 0);
	CHECK_STR(str_text(&out), "{\"ociVersion\":\"1.1.0\",\"id\":\"c1\",\"status\":\"creating\","
				  "\"pid\":7,\"bundle\":\"/b\",\"annotations\":{\"a\\\"b\":"
				  "\"line\\nbreak\"}}");
	str_clear(&out);
	CHECK_INT(ctr_state_json(&out, &s, "c1", "stopped", 0, "/b"), 0);
	CHECK(strstr(str_text(&out), "pid") == NULL);
	str_done(&out);
}

static int find(const char *text, const char *name, uint32_t uid, struct child_user *ret)
{
	return child_user_find(text, strlen(text), name, uid, ret);
}

TEST(a_user_is_found_by_name_or_number_in_sound_lines_only)
{
	static const char text[] =
		"bad\n\nx:y:z\nroot:x:zero:0:r:/r:/s\nroot:x:-1:0:r:/r:/s\n"
		"root:x:4294967295:0:r:/r:/s\nroot:x:0:0:root:/root:/bin/sh:more\n"
		"root:x:0:0:root:/root:/bin/sh\njoe:x:7:8::/home/joe:";
	struct child_user u = {0};

	CHECK_INT(find(text, "root", 0, &u), 0);
	CHECK(u.home_n == 5 && memcmp(u.home, "/root", 5) == 0);
	CHECK_INT(find(text, NULL, 7, &u), 0);
	CHECK(u.uid == 7 && u.gid == 8 && u.home_n == 9);
	CHECK_INT(find(text, "jo", 0, &u), -ENOENT);
	CHECK_INT(find(text, "", 0, &u), -ENOENT);
	CHECK_INT(find(text, NULL, 9, &u), -ENOENT);
	CHECK_INT(find("", "root", 0, &u), -ENOENT);
}
