/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's monitor: what a line is, and a whole conversation with a stand-in. */
#include "tests/test.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "vmm/qmp.h"
#include "vmm/sockets.h"

static enum vmm_qmp_kind kind(const char *line, char desc[64])
{
	return vmm_qmp_classify(line, strlen(line), desc, 64);
}

TEST(lines_are_told_apart)
{
	char d[64] = "";

	CHECK(kind("{\"QMP\":{\"version\":{}}}", d) == VMM_QMP_GREETING);
	CHECK(kind("{\"return\":{}}", d) == VMM_QMP_RETURN);
	CHECK(kind("{\"event\":\"STOP\"}", d) == VMM_QMP_OTHER);
	CHECK(kind("{\"error\":{\"class\":\"X\",\"desc\":\"no way\"}}", d) == VMM_QMP_ERROR);
	CHECK_STR(d, "no way");
}

TEST(what_is_no_object_is_bad)
{
	char d[64];

	CHECK(kind("", d) == VMM_QMP_BAD);
	CHECK(kind("[1]", d) == VMM_QMP_BAD);
	CHECK(kind("{\"return\":", d) == VMM_QMP_BAD);
	CHECK(kind("{\"error\":7}", d) == VMM_QMP_ERROR);
}

/* Plays QEMU: a greeting, then one line of @script for each line that comes. */
struct stand_in {
	int fd;
	const char *const *script;
};

static void *play(void *data)
{
	const struct stand_in *s = data;
	int c = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	for (const char *const *line = s->script; *line != NULL; line++) {
		char ch = 0;

		if (fd_write_full(c, *line, strlen(*line)) < 0)
			break;
		while (line[1] != NULL && read(c, &ch, 1) == 1 && ch != '\n')
			;
	}
	(void)fd_close(c);
	return NULL;
}

static int talk(const char *const *script, char **ret, struct err *e)
{
	char dir[] = "/tmp/pith-qmp-XXXXXX", path[64];
	struct stand_in s = {.script = script};
	pthread_t t;
	int r;

	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/q", dir);
	s.fd = vmm_socket_listen(path, e);
	CHECK(s.fd >= 0);
	CHECK_INT(pthread_create(&t, NULL, play, &s), 0);
	r = vmm_qmp_command(path, "{\"execute\":\"x\"}", 5000000000ULL, ret, e);
	CHECK_INT(pthread_join(t, NULL), 0);
	(void)fd_close(s.fd);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}

TEST(a_command_returns_its_reply_and_skips_events)
{
	static const char *const script[] = {"{\"QMP\":{}}\n",
					     "{\"event\":\"A\"}\n{\"return\":{}}\n",
					     "{\"event\":\"B\"}\n{\"return\":{\"n\":1}}\n", NULL};
	struct err e = {0};
	char *reply = NULL;

	CHECK_INT(talk(script, &reply, &e), 0);
	CHECK_STR(reply, "{\"return\":{\"n\":1}}");
	free(reply);
}

TEST(an_error_of_qemu_is_passed_on_in_its_words)
{
	static const char *const script[] = {"{\"QMP\":{}}\n", "{\"return\":{}}\n",
					     "{\"error\":{\"desc\":\"bus full\"}}\n", NULL};
	struct err e = {0};

	CHECK_INT(talk(script, NULL, &e), -EIO);
	CHECK(strstr(e.msg, "bus full") != NULL);
}

TEST(a_monitor_that_closes_is_an_error)
{
	static const char *const script[] = {"{\"QMP\":{}}\n", NULL};
	struct err e = {0};

	int r = talk(script, NULL, &e);

	/* Seen while writing or while reading. */
	CHECK(r == -ECONNRESET || r == -EPIPE);
}
