/* SPDX-License-Identifier: Apache-2.0 */
/* The log on a port: bounded without a reader, whole lines for each reader. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log_port.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "tests/test.h"
#include "ttrpc/addr.h"

struct fixture {
	struct loop *loop;
	struct log_port *port;
	char addr[64];
};

static void setup(struct fixture *f)
{
	struct err e = {0};

	CHECK(loop_new(&f->loop) == 0);
	(void)snprintf(f->addr, sizeof(f->addr), "unix://@pith-log-test-%d", (int)getpid());
	CHECK(log_port_new(f->loop, f->addr, &f->port, &e) == 0);
}

static void teardown(struct fixture *f)
{
	log_port_free(f->port);
	loop_free(f->loop);
}

static int reader(struct fixture *f)
{
	struct ttrpc_addr a;
	struct err e = {0};
	int fd = -1;

	CHECK(ttrpc_addr_parse(f->addr, &a, &e) == 0);
	CHECK(ttrpc_addr_connect(&a, UINT64_C(1000000000), &fd, &e) == 0);
	return fd;
}

/* Runs the loop until what came holds @text. */
static void read_until(struct fixture *f, int fd, char *buf, size_t size, const char *text)
{
	size_t n = 0;

	buf[0] = '\0';
	for (int i = 0; i < 1000 && strstr(buf, text) == NULL; i++) {
		ssize_t r;

		CHECK(loop_once(f->loop, 10) == 0);
		r = recv(fd, buf + n, size - 1 - n, MSG_DONTWAIT);
		if (r > 0)
			n += (size_t)r;
		buf[n] = '\0';
	}
	CHECK(strstr(buf, text) != NULL);
}

TEST(lines_before_the_reader_wait_for_it)
{
	static char buf[8192];
	struct fixture f;
	int fd;

	setup(&f);
	log_warn("early bird");
	fd = reader(&f);
	read_until(&f, fd, buf, sizeof(buf), "early bird");
	CHECK(buf[0] == '{' && buf[strlen(buf) - 1] == '\n');
	log_warn("second worm");
	read_until(&f, fd, buf, sizeof(buf), "second worm");
	(void)close(fd);
	teardown(&f);
}

TEST(second_reader_gets_what_the_first_one_left)
{
	static char buf[8192];
	struct fixture f;
	int fd;

	setup(&f);
	fd = reader(&f);
	log_warn("for the first");
	read_until(&f, fd, buf, sizeof(buf), "for the first");
	(void)close(fd);
	for (int i = 0; i < 5; i++)
		CHECK(loop_once(f.loop, 5) == 0);
	log_warn("for the second");
	fd = reader(&f);
	read_until(&f, fd, buf, sizeof(buf), "for the second");
	CHECK(buf[0] == '{' && strstr(buf, "for the first") == NULL);
	(void)close(fd);
	teardown(&f);
}

TEST(without_a_reader_the_newest_lines_are_kept_and_the_rest_is_counted)
{
	static char buf[2 * LOG_PORT_BUFFER];
	struct fixture f;
	int fd;

	setup(&f);
	for (int i = 0; i < 3000; i++)
		log_warn("line number %d of many", i);
	CHECK(log_port_dropped(f.port) > 1000);
	fd = reader(&f);
	read_until(&f, fd, buf, sizeof(buf), "line number 2999 of many");
	CHECK(buf[0] == '{' && strlen(buf) <= LOG_PORT_BUFFER);
	(void)close(fd);
	teardown(&f);
}
