/* SPDX-License-Identifier: Apache-2.0 */
/* QMP client. Keeps no state between commands; events are skipped. */
#include "vmm/qmp.h"

#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"
#include "vmm/sockets.h"

#define QUIT_WAIT_NS (1ULL * 1000000000)

enum vmm_qmp_kind vmm_qmp_classify(const char *line, size_t n, char *desc, size_t size)
{
	json_t *j = json_loadb(line, n, 0, NULL), *error;
	enum vmm_qmp_kind kind = VMM_QMP_OTHER;

	if (!json_is_object(j)) {
		kind = VMM_QMP_BAD;
	} else if (json_object_get(j, "QMP") != NULL) {
		kind = VMM_QMP_GREETING;
	} else if (json_object_get(j, "return") != NULL) {
		kind = VMM_QMP_RETURN;
	} else if ((error = json_object_get(j, "error")) != NULL) {
		const char *text = json_string_value(json_object_get(error, "desc"));

		kind = VMM_QMP_ERROR;
		(void)str_copy(desc, size, text != NULL ? text : "no reason given");
	}
	json_decref(j);
	return kind;
}

/* One line into @s, without its newline. */
static int read_line(int fd, struct str *s, uint64_t deadline_ns, struct err *e)
{
	str_clear(s);
	for (;;) {
		uint64_t now = loop_now_ns();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char c;

		if (now >= deadline_ns ||
		    poll(&p, 1, (int)((deadline_ns - now) / 1000000) + 1) == 0)
			return err_set(e, -ETIMEDOUT, "QEMU's monitor");
		if (read(fd, &c, 1) != 1)
			return err_set(e, -ECONNRESET, "QEMU's monitor");
		if (c == '\n')
			return 0;
		if (str_add_char(s, c) < 0)
			return err_set(e, -E2BIG, "QEMU's monitor");
	}
}

static int await(int fd, enum vmm_qmp_kind want, struct str *line, uint64_t deadline_ns,
		 struct err *e)
{
	char desc[256];
	int r;

	for (;;) {
		enum vmm_qmp_kind kind;

		r = read_line(fd, line, deadline_ns, e);
		if (r < 0)
			return r;
		kind = vmm_qmp_classify(str_text(line), line->n, desc, sizeof(desc));
		if (kind == want)
			return 0;
		if (kind == VMM_QMP_ERROR)
			return err_set(e, -EIO, "QEMU: %s", desc);
		if (kind == VMM_QMP_BAD)
			return err_set(e, -EBADMSG, "QEMU's monitor");
	}
}

static int say(int fd, const char *text, struct err *e)
{
	size_t n = strlen(text);

	if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n || send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
		return err_set(e, -errno, "QEMU's monitor");
	return 0;
}

int vmm_qmp_command(const char *socket_path, const char *command, uint64_t timeout_ns, char **ret,
		    struct err *e)
{
	uint64_t deadline = loop_now_ns() + timeout_ns;
	cleanup_str struct str line = STR_INIT(VMM_QMP_MAX);
	cleanup_close int fd = vmm_socket_connect(socket_path);
	int r;

	if (fd < 0)
		return err_set(e, fd, "connect to '%s'", socket_path);
	r = await(fd, VMM_QMP_GREETING, &line, deadline, e);
	if (r == 0)
		r = say(fd, "{\"execute\":\"qmp_capabilities\"}", e);
	if (r == 0)
		r = await(fd, VMM_QMP_RETURN, &line, deadline, e);
	if (r == 0)
		r = say(fd, command, e);
	if (r == 0)
		r = await(fd, VMM_QMP_RETURN, &line, deadline, e);
	if (r == 0 && ret != NULL) {
		*ret = str_take(&line);
		r = *ret == NULL ? err_set(e, -ENOMEM, "QEMU's monitor") : 0;
	}
	return r;
}

int vmm_qmp_quit(const char *socket_path)
{
	struct err e = {0};

	return vmm_qmp_command(socket_path, "{\"execute\":\"quit\"}", QUIT_WAIT_NS, NULL, &e);
}
