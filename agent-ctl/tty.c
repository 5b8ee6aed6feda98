/* SPDX-License-Identifier: Apache-2.0 */
/* Terminal state. The only globals of the program: a signal handler has nowhere else to look. */
#include "agent-ctl/tty.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

static struct termios saved;
static volatile sig_atomic_t is_raw;

void actl_tty_restore(void)
{
	if (is_raw == 0)
		return;
	is_raw = 0;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

static void on_fatal(int sig)
{
	actl_tty_restore();
	(void)raise(sig); /* SA_RESETHAND: this time it kills */
}

static int restore_on_every_exit(void)
{
	static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
	const struct sigaction action = {.sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
		if (sigaction(fatal[i], &action, NULL) < 0)
			return -errno;
	}
	return atexit(actl_tty_restore) != 0 ? -ENOMEM : 0;
}

int actl_tty_raw(void)
{
	struct termios raw;
	int r;

	if (is_raw != 0 || isatty(STDIN_FILENO) == 0)
		return 0;
	if (tcgetattr(STDIN_FILENO, &saved) < 0)
		return -errno;
	r = restore_on_every_exit();
	if (r < 0)
		return r;
	raw = saved;
	cfmakeraw(&raw);
	is_raw = 1;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0) {
		is_raw = 0;
		return -errno;
	}
	return 0;
}

bool actl_tty_size(uint32_t *ret_rows, uint32_t *ret_columns)
{
	struct winsize ws;

	for (int fd = 0; fd <= 2; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0) {
			*ret_rows = ws.ws_row;
			*ret_columns = ws.ws_col;
			return true;
		}
	}
	return false;
}
