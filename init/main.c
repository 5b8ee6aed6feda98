/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pith-init, PID 1 of the guest: the boot steps from top to bottom, then the agent, then the end.
 * It never exits: that would be a kernel panic. What fails is said on the console.
 */
#include <fcntl.h>

#define LOG_MODULE "root"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/timeline.h"
#include "init/shutdown.h"
#include "init/steps.h"
#include "init/supervise.h"

#define CMDLINE_MAX 4097 /* COMMAND_LINE_SIZE is at most 4096 */

static const struct {
	const char *name;
	int (*run)(const struct boot_params *p, struct err *e);
	bool must; /* a failure ends the boot */
} steps[] = {
	{"modules", step_modules, true},    {"cgroups", step_cgroups, true},
	{"console", step_console, true},    {"loopback", step_loopback, false},
	{"hostname", step_hostname, false}, {"entropy", step_entropy, false},
	{"harden", step_harden, false},     {"probe", step_probe, false},
};

static void bad_word(void *data unused_arg, struct slice word)
{
	log_warn("kernel parameter '%.*s' is not usable, default kept", (int)word.n, word.p);
}

static void read_params(struct boot_params *ret)
{
	char text[CMDLINE_MAX];
	ssize_t n = fd_read_file(AT_FDCWD, "/proc/cmdline", text, sizeof(text));

	if (n < 0)
		log_warn("read /proc/cmdline: %s, defaults are used", strerror((int)-n));
	boot_params_parse((struct slice){text, n > 0 ? (size_t)n : 0}, ret, bad_word, NULL);
}

static noreturn void die(const struct boot_params *p, const struct err *e)
{
	char text[ERR_TEXT_MAX];

	log_crit("boot failed: %s; powering off", err_text(e, text, sizeof(text)));
	guest_shutdown(p->shutdown_grace_ms);
}

static void run_steps(const struct boot_params *p, struct timeline *tl)
{
	char text[ERR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct err e = {0};

		if (steps[i].run(p, &e) < 0) {
			if (steps[i].must)
				die(p, &e);
			log_warn("%s: %s, going on", steps[i].name,
				 err_text(&e, text, sizeof(text)));
		}
		timeline_mark(tl, steps[i].name);
	}
}

/* Unknown boot words arrive as arguments; none of them means anything to us. */
int main(int argc unused_arg, char **argv unused_arg)
{
	struct boot_params params = {.shutdown_grace_ms = BOOT_GRACE_DEFAULT_MS};
	struct timeline *tl = NULL;
	int timeline_fd = -EBADF, end;
	struct err e = {0};
	char why[256] = "";

	if (getpid() != 1) {
		(void)fprintf(stderr, "pith-init %s: runs only as PID 1 of a guest\n",
			      PITH_VERSION);
		return 1;
	}
	log_setup("pith-init", "init", LOG_JSON);
	if (step_stdio(&params, &e) < 0 || timeline_new(&tl, &timeline_fd) < 0)
		die(&params, &e);
	timeline_mark(tl, "init");
	if (step_mounts(&params, &e) < 0)
		die(&params, &e);
	timeline_mark(tl, "mounts");
	read_params(&params);
	run_steps(&params, tl);

	end = supervise_run(&params, tl, timeline_fd, why, sizeof(why), &e);
	if (end < 0)
		die(&params, &e);
	if (end == GUEST_END_AGENT_DIED)
		log_crit("%s; powering off", why);
	else
		log_info("%s; powering off", why);
	guest_shutdown(params.shutdown_grace_ms);
}
