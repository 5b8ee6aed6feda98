/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that fail, and their hooks: the words, and that everything is undone. */
#include "tests/unit/ctr_box.h"

static struct arena *a = &box.arena;

static int fails(const char *words)
{
	char procs[128];
	int r = box_create(&box);

	if (r == 0 && !box_start(&box))
		r = e.code;
	if (r == 0 || strstr(e.msg, words) == NULL) {
		(void)fprintf(stderr, "# %d: %s\n", r, e.msg);
		return 1;
	}
	if (box.ctr != NULL && ctr_get_state(box.ctr) == CTR_STOPPED && ctr_init(box.ctr) != NULL &&
	    box.has_exited)
		STEP(box_delete(&box));
	(void)snprintf(procs, sizeof(procs), "/sys/fs/cgroup/pids/%s", box.id);
	STEP(access(procs, F_OK) < 0);
	STEP(waitpid(-1, NULL, WNOHANG) == -1);
	box_drop(&box);
	return 0;
}

CASE(a_missing_program_is_told_by_create)
{
	box_init(&box, "");
	box.spec->process->args = STRV(a, "nothing");
	STEP(fails("the file nothing was not found: exec: \"nothing\": executable file not found in "
		   "$PATH") == 0);
	box_init(&box, "");
	box.spec->process->args = STRV(a, "/no/file");
	STEP(fails("the file /no/file was not found: exec: \"/no/file\": stat /no/file: no such file "
		   "or directory") == 0);
	host.is_agent = false;
	box_init(&box, "");
	box.spec->process->args = STRV(a, "nothing");
	STEP(fails("exec: \"nothing\": executable file not found in $PATH") == 0);
	return 0;
}

CASE(a_program_that_cannot_be_run_is_told_by_create)
{
	box_init(&box, "");
	box.spec->process->args = STRV(a, "/etc/passwd");
	STEP(fails("exec: \"/etc/passwd\": permission denied") == 0);
	box_init(&box, "");
	box.spec->process->args = STRV(a, "/etc");
	STEP(fails("exec: \"/etc\": is a directory") == 0);
	return 0;
}

CASE(a_program_of_no_format_is_told_by_start)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/bin/bad", rootfs);
	STEP(mknod(path, S_IFREG | 0755, 0) == 0);
	box_init(&box, "");
	box.spec->process->args = STRV(a, "bad");
	STEP(box_create(&box) == 0);
	STEP(!box_start(&box));
	STEP(streq(e.msg, "exec: \"bad\": exec format error"));
	STEP(wait_for(&box, &box.has_exited));
	STEP(ctr_process_exit_code(ctr_init(box.ctr)) == 126);
	STEP(box_delete(&box));
	return 0;
}

CASE(our_own_program_is_never_run_inside)
{
	box_init(&box, "");
	box.spec->process->args = STRV(a, "/proc/self/exe");
	return fails("exec: \"/proc/self/exe\": permission denied");
}

CASE(a_missing_root_is_named)
{
	box_init(&box, "true");
	box.spec->root_path = "/no/such/root";
	STEP(fails("open the root file system /no/such/root") == 0);
	return 0;
}

CASE(a_root_behind_a_link_is_refused)
{
	char link[128];

	(void)snprintf(link, sizeof(link), "%s/link", base);
	STEP(symlink(rootfs, link) == 0);
	box_init(&box, "true");
	box.spec->root_path = link;
	return fails("open the root file system");
}

static int lands(int fd)
{
	char cwd[32];

	(void)snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", fd);
	box_init(&box, "pwd; ls");
	box.spec->process->cwd = cwd;
	if (fd != 4)
		return fails("chdir to cwd");
	/* The root of the container itself: harmless. */
	STEP(box_run(&box) == 0);
	EXPECT(&box, "/\nbin\n");
	return 0;
}

CASE(a_working_directory_outside_is_refused)
{
	for (int fd = 3; fd < 40; fd++)
		STEP(lands(fd) == 0);
	return 0;
}

CASE(an_unknown_user_name_is_told)
{
	box_init(&box, "true");
	box.spec->process->username = "ghost";
	return fails("user \"ghost\" is not in the container's passwd");
}

CASE(a_bad_spec_is_refused_before_anything_happens)
{
	static struct ctr_rlimit limits[] = {{"RLIMIT_NOSUCH", 1, 1}};
	static struct ctr_kv kv = {"kernel.core_pattern", "|/bin/x"};

	box_init(&box, "true");
	box.spec->process->rlimits = limits;
	box.spec->process->n_rlimits = 1;
	STEP(box_create(&box) == -EINVAL && e.kind == ERR_INVALID);
	STEP(streq(e.msg, "process.rlimits: unknown type \"RLIMIT_NOSUCH\""));
	box_drop(&box);
	box_init(&box, "true");
	box.spec->sysctl = (struct ctr_kvs){&kv, 1};
	STEP(fails("sysctl \"kernel.core_pattern\" is not in a separate kernel namespace") == 0);
	STEP(e.kind == ERR_INVALID);
	box_init(&box, "true");
	box.spec->namespaces[2].path = "/proc/self/ns/uts"; /* the ipc entry */
	STEP(fails("namespace ipc: /proc/self/ns/uts is not of that type") == 0);
	return 0;
}

CASE(a_memory_limit_below_the_set_up_is_called_by_its_name)
{
	box_init(&box, "true");
	box.spec->resources = arena_alloc(a, sizeof(struct ctr_resources));
	ctr_resources_init(box.spec->resources);
	box.spec->resources->memory.limit = 4096;
	box.spec->resources->memory.swap = 4096;
	STEP(box_create(&box) < 0 || !box_start(&box));
	/* Which of the two depends on how far the child got before the limit was written. */
	STEP(strstr(e.msg, "OOM-killed (memory limit too low?)") != NULL ||
	     strstr(e.msg, "memory limit 4096 is below what is in use") != NULL);
	if (box.ctr != NULL && ctr_get_state(box.ctr) != CTR_STOPPED)
		STEP(box_delete(&box));
	else
		box_drop(&box);
	return 0;
}

/* ---- hooks ---- */

static struct ctr_hook sh_hook(const char *script)
{
	return (struct ctr_hook){
		.path = "/bin/sh", .args = STRV(a, "sh", "-c", script), .timeout_s = CTR_UNSET};
}

static const char *log_script(const char *word)
{
	char *text =
		arena_printf(a, "echo \"%s $(cat)\" >> %s/log; pwd >> %s/log", word, base, base);

	if (text == NULL)
		abort();
	return text;
}

static void set_hook(enum ctr_hook_kind kind, struct ctr_hook hook)
{
	box.spec->hooks[kind] = (struct ctr_hooks){dup_array(a, &hook, 1, sizeof(hook)), 1};
}

CASE(hooks_run_in_order_with_the_state_on_stdin)
{
	static char path[128], log[8192], state[64];

	(void)snprintf(path, sizeof(path), "%s/log", base);
	box_init(&box, "true");
	set_hook(CTR_HOOK_PRESTART, sh_hook(log_script("prestart")));
	set_hook(CTR_HOOK_CREATE_RUNTIME, sh_hook(log_script("createRuntime")));
	set_hook(CTR_HOOK_CREATE_CONTAINER, sh_hook(log_script("createContainer")));
	set_hook(CTR_HOOK_START_CONTAINER,
		 sh_hook("read x; echo startContainer $x; hostname; id -u; pwd;"
			 "grep CapEff /proc/self/status; echo $TERM; exit 0"));
	set_hook(CTR_HOOK_POSTSTART, sh_hook(log_script("poststart")));
	set_hook(CTR_HOOK_POSTSTOP, sh_hook(log_script("poststop")));
	STEP(box_run(&box) == 0);
	STEP(fd_read_file(AT_FDCWD, path, log, sizeof(log)) > 0);
	(void)snprintf(state, sizeof(state), "\"status\":\"creating\",\"pid\":1,");
	box.n = (size_t)snprintf(box.text, sizeof(box.text), "%s", log);
	EXPECT(&box, "prestart {\"ociVersion\":\"1.1.0\",\"id\":\"t");
	EXPECT(&box, "\ncreateRuntime {\"ociVersion\"");
	EXPECT(&box, "\ncreateContainer {\"ociVersion\"");
	EXPECT(&box, state);
	EXPECT(&box, rootfs);
	EXPECT(&box, "\npoststart {");
	EXPECT(&box, "\"status\":\"running\",\"pid\":");
	EXPECT(&box, "\npoststop {");
	EXPECT(&box, "\"status\":\"stopped\",\"bundle\":");
	return 0;
}

CASE(a_failing_hook_quotes_its_output_and_undoes_the_create)
{
	box_init(&box, "true");
	set_hook(CTR_HOOK_CREATE_RUNTIME, sh_hook("echo broken pipe dream >&2; exit 3"));
	STEP(fails("createRuntime hook /bin/sh: exit code 3, output: \"broken pipe dream\\n\"") ==
	     0);
	box_init(&box, "true");
	set_hook(CTR_HOOK_CREATE_CONTAINER, sh_hook("exit 4"));
	STEP(fails("createContainer hook /bin/sh: exit code 4") == 0);
	box_init(&box, "true");
	set_hook(CTR_HOOK_PRESTART, (struct ctr_hook){.path = "/no/hook", .timeout_s = CTR_UNSET});
	STEP(fails("prestart hook /no/hook: exec") == 0);
	return 0;
}

CASE(a_failing_start_hook_stops_the_container)
{
	box_init(&box, "true");
	set_hook(CTR_HOOK_START_CONTAINER, sh_hook("id -u; exit 5"));
	STEP(box_create(&box) == 0 && !box_start(&box));
	STEP(strstr(e.msg, "startContainer hook /bin/sh: exit code 5, output: \"0\\n\"") != NULL);
	STEP(wait_for(&box, &box.has_exited));
	STEP(box_delete(&box));
	box_init(&box, "sleep 100");
	set_hook(CTR_HOOK_POSTSTART, sh_hook("exit 6"));
	STEP(box_create(&box) == 0 && !box_start(&box));
	STEP(strstr(e.msg, "poststart hook /bin/sh: exit code 6") != NULL);
	STEP(wait_for(&box, &box.has_exited));
	STEP(box_delete(&box));
	return 0;
}

CASE(a_hook_that_hangs_is_killed_with_its_children)
{
	struct ctr_hook hook;
	uint64_t begin = loop_now_ns();

	box_init(&box, "true");
	hook = sh_hook("trap '' TERM; sleep 100 & sleep 100; sleep 100");
	hook.timeout_s = 1;
	set_hook(CTR_HOOK_CREATE_RUNTIME, hook);
	STEP(fails("createRuntime hook /bin/sh: killed, it ran into its timeout") == 0);
	STEP(loop_now_ns() - begin < 10 * 1000000000ULL);
	return 0;
}

CASE(a_hook_whose_child_keeps_the_pipe_is_not_waited_for)
{
	box_init(&box, "true");
	set_hook(CTR_HOOK_CREATE_RUNTIME, sh_hook("sleep 3 & exit 0"));
	STEP(box_run(&box) == 0);
	return 0;
}
