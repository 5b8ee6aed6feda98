/* SPDX-License-Identifier: Apache-2.0 */
/* The life of containers: exec, terminal, signals, pause, delete, and that nothing is left. */
#include "tests/unit/ctr_box.h"

static struct arena *a = &box.arena;

/* ---- exec ---- */

struct exec {
	struct box io; /* output and flags only */
	struct arena arena;
	struct ctr_process *p;
};

static int exec_start(struct exec *x, const char *id, struct ctr_process_spec *spec)
{
	int out[2], r;

	if (pipe2(out, O_CLOEXEC) < 0)
		abort();
	x->io.out = out[0];
	e = (struct err){0};
	r = ctr_exec(box.ctr, id, spec, &x->arena, (const int[3]){-EBADF, out[1], out[1]}, on_done,
		     &x->io, &x->p, &e);
	(void)close(out[1]);
	if (r == 0 && !finished(&x->io))
		r = e.code;
	if (r == 0)
		ctr_process_on_exit(x->p, on_exit_of, &x->io);
	return r;
}

static void exec_init(struct exec *x)
{
	*x = (struct exec){.io = {.in = -EBADF, .out = -EBADF}};
	x->arena = ARENA_INIT(1U << 20);
}

/* Return: exit code, or -1. */
static int exec_run(struct exec *x, const char *command)
{
	int code;

	exec_init(x);
	if (exec_start(x, "x1", make_process(&x->arena, command)) < 0 ||
	    !wait_for(&x->io, &x->io.has_exited))
		return -1;
	drain(&x->io);
	code = ctr_process_exit_code(x->p);
	ctr_process_free(x->p);
	x->io.out = fd_close(x->io.out);
	return code;
}

static struct exec exec;

static int running(const char *command)
{
	box_init(&box, command);
	STEP(box_create(&box) == 0);
	STEP(box_start(&box));
	STEP(ctr_get_state(box.ctr) == CTR_RUNNING);
	return 0;
}

CASE(an_exec_joins_the_container)
{
	STEP(running("sleep 100") == 0);
	STEP(exec_run(
		     &exec,
		     "hostname; until grep -q sleep /proc/1/cmdline; do :; done; head -c 5 /proc/1/cmdline; echo; grep -E 'CapEff|NoNew' /proc/self/status;"
		     "readlink /proc/self/ns/* > /tmp/b; readlink /proc/1/ns/* > /tmp/a;"
		     "cat /proc/1/cgroup > /tmp/c; cat /proc/self/cgroup > /tmp/d;"
		     "cmp /tmp/a /tmp/b && cmp /tmp/c /tmp/d && ls /proc/self/fd; exit 5") == 5);
	EXPECT(&exec.io, "box\nsleep");
	EXPECT(&exec.io, "CapEff:\t00000000000000e1\nNoNewPrivs:\t1");
	EXPECT(&exec.io, "\n0\n1\n2\n3\n");
	STEP(box_delete(&box));
	return 0;
}

CASE(an_exec_also_works_before_the_start_and_inherits_rights)
{
	struct ctr_process_spec *spec;

	box_init(&box, "true");
	STEP(box_create(&box) == 0);
	exec_init(&exec);
	spec = make_process(&exec.arena, "grep -E 'CapEff|NoNew' /proc/self/status");
	spec->has_caps = false;
	spec->no_new_privs = false;
	STEP(exec_start(&exec, "x", spec) == 0);
	STEP(wait_for(&exec.io, &exec.io.has_exited));
	drain(&exec.io);
	EXPECT(&exec.io, "CapEff:\t00000000000000e1\nNoNewPrivs:\t1");
	ctr_process_free(exec.p);
	exec.io.out = fd_close(exec.io.out);
	STEP(box_delete(&box));
	return 0;
}

CASE(an_exec_of_something_missing_says_so)
{
	struct ctr_process_spec *spec;

	STEP(running("sleep 100") == 0);
	exec_init(&exec);
	spec = make_process(&exec.arena, "");
	spec->args = STRV(&exec.arena, "nothing");
	STEP(exec_start(&exec, "x", spec) < 0);
	STEP(streq(e.msg, "the file nothing was not found: exec: \"nothing\": executable file not "
			  "found in $PATH"));
	ctr_process_free(exec.p);
	exec.io.out = fd_close(exec.io.out);
	STEP(box_delete(&box));
	return 0;
}

CASE(an_exec_into_a_stopped_container_is_refused)
{
	box_init(&box, "true");
	STEP(box_create(&box) == 0 && box_start(&box));
	STEP(wait_for(&box, &box.has_exited));
	STEP(ctr_get_state(box.ctr) == CTR_STOPPED);
	exec_init(&exec);
	STEP(exec_start(&exec, "x", make_process(&exec.arena, "true")) < 0);
	STEP(e.kind == ERR_PRECONDITION);
	arena_done(&exec.arena);
	exec.io.out = fd_close(exec.io.out);
	STEP(box_delete(&box));
	return 0;
}

CASE(an_exec_in_a_user_namespace_is_root_there)
{
	static struct ctr_idmap map[] = {{0, 100000, 65536}};

	box_init(&box, "sleep 100");
	(void)!chown(rootfs, 100000, 100000);
	add_ns(&box, CTR_NS_USER);
	add_ns(&box, CTR_NS_NET);
	box.spec->uid_maps = box.spec->gid_maps = (struct ctr_idmaps){map, 1};
	STEP(box_create(&box) == 0 && box_start(&box));
	STEP(exec_run(&exec, "id -u; grep CapEff /proc/self/status; "
			     "test $(readlink /proc/self/ns/user) = $(readlink /proc/1/ns/user) &&"
			     "echo same") == 0);
	EXPECT(&exec.io, "0\nCapEff:\t00000000000000e1\nsame\n");
	STEP(box_delete(&box));
	return 0;
}

CASE(an_exec_lands_in_a_moved_root)
{
	host.no_pivot = true;
	STEP(running("sleep 100") == 0);
	STEP(exec_run(&exec,
		      "ls /; test $(stat -c %i /) = $(stat -c %i /proc/1/root/) && echo same;"
		      "cd ..; pwd; ls -d bin") == 0);
	EXPECT(&exec.io, "bin\ndev\netc\nhome\nproc\nsys\ntmp\nvol\nsame\n/\nbin\n");
	STEP(box_delete(&box));
	return 0;
}

/* ---- terminal ---- */

static void read_master(int master, char *text, size_t size, const char *until)
{
	uint64_t end = loop_now_ns() + DEADLINE_MS * 1000000ULL;
	size_t n = strlen(text);

	while (loop_now_ns() < end && strstr(text, until) == NULL) {
		struct pollfd p = {.fd = master, .events = POLLIN};
		ssize_t got;

		(void)!loop_once(host.loop, 0);
		if (poll(&p, 1, 100) <= 0)
			continue;
		got = read(master, text + n, size - 1 - n);
		if (got <= 0)
			return;
		n += (size_t)got;
		text[n] = '\0';
	}
}

CASE(a_terminal_is_the_controlling_one_and_has_the_size)
{
	static char text[8192];
	int master;

	box_init(&box,
		 "tty; stty size; ls -l /dev/console; echo x > /dev/tty; ps -o pid,tty; echo end");
	box.spec->process->terminal = true;
	box.spec->process->rows = 33;
	box.spec->process->columns = 111;
	STEP(box_create(&box) == 0);
	master = ctr_process_take_master(ctr_init(box.ctr));
	STEP(master >= 0);
	STEP(ctr_process_take_master(ctr_init(box.ctr)) == -EBADF);
	STEP(box_start(&box));
	read_master(master, text, sizeof(text), "end\r\n");
	STEP(wait_for(&box, &box.has_exited));
	if (strstr(text, "/dev/pts/0\r\n33 111\r\n") == NULL || strstr(text, "\nx\r\n") == NULL ||
	    strstr(text, "136,   0") == NULL) {
		(void)fprintf(stderr, "# %s\n", text);
		return 1;
	}
	(void)close(master);
	STEP(box_delete(&box));
	return 0;
}

CASE(an_exec_gets_a_terminal_of_its_own)
{
	static char text[8192];
	struct ctr_process_spec *spec;
	int master;

	STEP(running("sleep 100") == 0);
	exec_init(&exec);
	spec = make_process(&exec.arena, "tty; id -u; stat -c %u /dev/pts/0; read x; echo got $x");
	spec->terminal = true;
	spec->uid = 1000;
	STEP(exec_start(&exec, "x", spec) == 0);
	master = ctr_process_take_master(exec.p);
	STEP(master >= 0);
	read_master(master, text, sizeof(text), "\r\n1000\r\n1000\r\n");
	STEP(write(master, "word\n", 5) == 5);
	read_master(master, text, sizeof(text), "got word\r\n");
	if (strstr(text, "/dev/pts/0\r\n1000\r\n1000\r\n") == NULL) {
		(void)fprintf(stderr, "# %s\n", text);
		return 1;
	}
	STEP(wait_for(&exec.io, &exec.io.has_exited));
	(void)close(master);
	ctr_process_free(exec.p);
	exec.io.out = fd_close(exec.io.out);
	STEP(box_delete(&box));
	return 0;
}

/* ---- signals, pause, delete ---- */

CASE(term_kills_an_init_that_does_not_care)
{
	STEP(running("sleep 100 & wait") == 0);
	STEP(ctr_process_signal(ctr_init(box.ctr), SIGTERM, &e) == 0);
	STEP(wait_for(&box, &box.has_exited));
	STEP(ctr_process_exit_code(ctr_init(box.ctr)) == 137);
	STEP(ctr_process_signal(ctr_init(box.ctr), SIGTERM, &e) == 0);
	STEP(box_delete(&box));
	return 0;
}

CASE(term_reaches_an_init_that_catches_it)
{
	box_init(&box, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done");
	STEP(box_create(&box) == 0 && box_start(&box));
	for (int i = 0; i < 200 && box.n == 0; i++) {
		STEP(loop_once(host.loop, 50) == 0);
		drain(&box);
	}
	STEP(ctr_process_signal(ctr_init(box.ctr), SIGTERM, &e) == 0);
	STEP(wait_for(&box, &box.has_exited));
	STEP(ctr_process_exit_code(ctr_init(box.ctr)) == 9);
	STEP(box_delete(&box));
	return 0;
}

CASE(a_created_container_can_be_killed_and_deleted)
{
	box_init(&box, "true");
	STEP(box_create(&box) == 0);
	STEP(ctr_kill_all(box.ctr, &e) == 0);
	STEP(wait_for(&box, &box.has_exited));
	STEP(ctr_process_exit_code(ctr_init(box.ctr)) == 137);
	STEP(box_delete(&box));
	return 0;
}

CASE(a_paused_container_stands_still_and_can_be_killed)
{
	STEP(running("sleep 100") == 0);
	STEP(ctr_pause(box.ctr, on_done, &box, &e) == 0 && finished(&box));
	STEP(ctr_get_state(box.ctr) == CTR_PAUSED);
	STEP(ctr_pause(box.ctr, on_done, &box, &e) < 0 && e.kind == ERR_PRECONDITION);
	STEP(ctr_resume(box.ctr, on_done, &box, &e) == 0 && finished(&box));
	STEP(ctr_get_state(box.ctr) == CTR_RUNNING);
	STEP(ctr_pause(box.ctr, on_done, &box, &e) == 0 && finished(&box));
	STEP(ctr_kill_all(box.ctr, &e) == 0);
	STEP(wait_for(&box, &box.has_exited));
	STEP(box_delete(&box));
	return 0;
}

CASE(a_delete_takes_running_processes_with_it)
{
	STEP(running("sleep 100 & sleep 100 & (sleep 100 &) ; wait") == 0);
	STEP(ctr_pause(box.ctr, on_done, &box, &e) == 0 && finished(&box));
	STEP(box_delete(&box));
	STEP(box.has_exited);
	return 0;
}

CASE(a_cancelled_create_is_undone)
{
	static struct ctr_hook hook;

	box_init(&box, "true");
	hook = (struct ctr_hook){
		.path = "/bin/sleep", .args = STRV(a, "sleep", "100"), .timeout_s = CTR_UNSET};
	box.spec->hooks[CTR_HOOK_CREATE_RUNTIME] = (struct ctr_hooks){&hook, 1};
	STEP(ctr_new(&host, box.id, base, box.spec, &box.arena, &box.ctr, &e) == 0);
	STEP(ctr_create(box.ctr, (const int[3]){-EBADF, -EBADF, -EBADF}, on_done, &box, &e) == 0);
	for (int i = 0; i < 5; i++)
		STEP(loop_once(host.loop, 50) == 0);
	ctr_cancel(box.ctr);
	STEP(!finished(&box) && e.kind == ERR_TIMEOUT);
	box_drop(&box);
	return 0;
}

/* ---- nothing is left ---- */

static int count_lines(const char *path)
{
	static char text[262144];
	ssize_t n = fd_read_file(AT_FDCWD, path, text, sizeof(text));
	int lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

CASE(fifty_containers_leave_no_descriptor_mount_or_child)
{
	int fds = 0, mounts = 0;

	for (int i = 0; i < 51; i++) {
		box_init(&box, "true");
		STEP(box_run(&box) == 0);
		if (i == 0) { /* what is opened once stays open */
			fds = count_fds();
			mounts = count_lines("/proc/self/mountinfo");
		}
	}
	STEP(count_fds() == fds);
	STEP(count_lines("/proc/self/mountinfo") == mounts);
	STEP(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}
