/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of init: command line, mount list, clock decision, the agent's last words, fd store. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/timeline.h"
#include "init/clock.h"
#include "init/cmdline.h"
#include "init/fdstore.h"
#include "init/mountlist.h"
#include "init/supervise.h"
#include "tests/test.h"

static unsigned n_bad;

static void count_bad(void *data unused_arg, struct slice word unused_arg)
{
	n_bad++;
}

static struct boot_params parse(const char *text)
{
	struct boot_params p;

	n_bad = 0;
	boot_params_parse(slice_of(text), &p, count_bad, NULL);
	return p;
}

TEST(an_empty_command_line_gives_cgroup_v2_and_the_default_agent)
{
	struct boot_params p = parse("");

	CHECK(!p.cgroup_v1 && !p.show_timeline);
	CHECK(p.shutdown_grace_ms == BOOT_GRACE_DEFAULT_MS);
	CHECK(streq(p.agent, "/usr/bin/pith-agent"));
}

TEST(cgroup_v1_only_when_the_unified_hierarchy_is_refused)
{
	CHECK(parse("systemd.unified_cgroup_hierarchy=0").cgroup_v1);
	CHECK(parse("systemd.unified_cgroup_hierarchy=false").cgroup_v1);
	CHECK(!parse("systemd.unified_cgroup_hierarchy=1").cgroup_v1);
	CHECK(!parse("systemd.unified_cgroup_hierarchy=true").cgroup_v1);
	CHECK(!parse("systemd.unified_cgroup_hierarchy").cgroup_v1);
	CHECK(!parse("systemd.unified_cgroup_hierarchy=0 cgroup_no_v1=all").cgroup_v1);
	CHECK(parse("systemd.unified_cgroup_hierarchy=0 cgroup_no_v1=memory").cgroup_v1);
}

TEST(the_last_of_a_repeated_word_counts)
{
	CHECK(!parse("systemd.unified_cgroup_hierarchy=0 systemd.unified_cgroup_hierarchy=1")
		       .cgroup_v1);
	CHECK(parse("pith.shutdown_grace=1 pith.shutdown_grace=7").shutdown_grace_ms == 7000);
}

TEST(a_quoted_value_with_our_words_in_it_is_one_foreign_word)
{
	CHECK(!parse("dm-mod.create=\"v,,,ro,0 8 pith.timeline verity\" quiet\n").show_timeline);
	CHECK(parse("a=\"b c\" pith.timeline").show_timeline);
}

TEST(values_that_are_not_usable_are_told_and_leave_the_default)
{
	CHECK(parse("pith.shutdown_grace=61").shutdown_grace_ms == BOOT_GRACE_DEFAULT_MS);
	CHECK(n_bad == 1);
	CHECK(parse("pith.shutdown_grace=-1").shutdown_grace_ms == BOOT_GRACE_DEFAULT_MS);
	CHECK(n_bad == 1);
	CHECK(streq(parse("pith.agent=relative pith.agent=").agent, "/usr/bin/pith-agent"));
	CHECK(n_bad == 2);
	CHECK(streq(parse("pith.agent=/opt/a").agent, "/opt/a"));
	CHECK(n_bad == 0);
}

TEST(mount_points_are_unescaped_and_short_lines_skipped)
{
	struct slice rest = slice_of("22 1 0:21 / /proc rw - proc proc rw\n"
				     "short line\n"
				     "23 1 0:22 / /a\\040b\\134c rw - tmpfs x rw\n"
				     "24 1 0:23 / /end\\04");
	char buf[64];

	CHECK(mountlist_next(&rest, buf, sizeof(buf)) && streq(buf, "/proc"));
	CHECK(mountlist_next(&rest, buf, sizeof(buf)) && streq(buf, "/a b\\c"));
	CHECK(mountlist_next(&rest, buf, sizeof(buf)) && streq(buf, "/end\\04"));
	CHECK(!mountlist_next(&rest, buf, sizeof(buf)));
}

TEST(a_mount_point_too_long_for_the_buffer_is_skipped_not_cut)
{
	struct slice rest = slice_of("1 1 0:1 / /12345678 rw\n2 1 0:1 / /ok rw\n");
	char buf[8];

	CHECK(mountlist_next(&rest, buf, sizeof(buf)) && streq(buf, "/ok"));
}

TEST(clock_is_left_slewed_or_stepped_by_the_size_of_the_error)
{
	CHECK(clock_decide(0) == CLOCK_LEAVE && clock_decide(-100000) == CLOCK_LEAVE);
	CHECK(clock_decide(100001) == CLOCK_SLEW && clock_decide(-1000000000) == CLOCK_SLEW);
	CHECK(clock_decide(1000000001) == CLOCK_STEP && clock_decide(-5000000000) == CLOCK_STEP);
}

TEST(the_agents_end_is_told_as_status_or_signal)
{
	char buf[128];

	supervise_describe_exit(CLD_EXITED, 3, buf, sizeof(buf));
	CHECK(streq(buf, "agent exited with status 3"));
	supervise_describe_exit(CLD_KILLED, SIGKILL, buf, sizeof(buf));
	CHECK(streq(buf, "agent was killed by signal 9 (Killed)"));
	supervise_describe_exit(CLD_DUMPED, SIGSEGV, buf, sizeof(buf));
	CHECK(streq(buf, "agent was killed by signal 11 (Segmentation fault), core dumped"));
}

static int open_null(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

TEST(fd_store_owns_what_it_is_given_and_closes_what_it_replaces)
{
	struct fdstore s = {0};
	int a = open_null(), b = open_null();

	CHECK(fdstore_put_consume(&s, "c1/stdout", &a, 1) == 0);
	CHECK(fdstore_put_consume(&s, "c1/stdout", &b, 1) == 0);
	CHECK(fdstore_count(&s) == 1 && !is_open(a) && is_open(b));
	fdstore_del(&s, "c1/stdout");
	fdstore_del(&s, "never there");
	CHECK(fdstore_count(&s) == 0 && !is_open(b));
	fdstore_done(&s);
}

TEST(fd_store_refuses_an_empty_key_and_closes_the_fds)
{
	struct fdstore s = {0};
	int a = open_null();

	CHECK(fdstore_put_consume(&s, "", &a, 1) == -EINVAL);
	CHECK(!is_open(a));
	fdstore_done(&s);
}

TEST(fd_store_is_bounded)
{
	struct fdstore s = {0};
	char key[32];
	int fd;

	for (unsigned i = 0; i < INIT_STORE_KEYS; i++) {
		(void)snprintf(key, sizeof(key), "k%u", i);
		/* Not an open fd: the store does not look, and the test needs no 8192 of them. */
		fd = -EBADF;
		CHECK(fdstore_put_consume(&s, key, &fd, 1) == 0);
	}
	fd = open_null();
	CHECK(fdstore_put_consume(&s, "one more", &fd, 1) == -ENOSPC);
	CHECK(!is_open(fd));
	fd = open_null();
	CHECK(fdstore_put_consume(&s, "k7", &fd, 1) == 0);
	CHECK(is_open(fd));
	fdstore_done(&s);
	CHECK(!is_open(fd));
}

TEST(fd_store_hands_every_entry_to_a_new_agent)
{
	struct fdstore s = {0};
	int pair[2], fds[2] = {open_null(), open_null()}, got[INIT_FDS_MAX];
	struct init_msg msg;
	size_t n = 0;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(fdstore_put_consume(&s, "x", fds, 2) == 0);
	CHECK(fdstore_send_all(&s, pair[0]) == 0);
	CHECK(fd_recv(pair[1], &msg, sizeof(msg), got, INIT_FDS_MAX, &n) == sizeof(msg));
	CHECK(msg.type == INIT_MSG_FD_ENTRY && streq(msg.key, "x") && n == 2);
	CHECK(fd_same_inode(got[0], fds[0]) == 1);
	(void)fd_close(got[0]);
	(void)fd_close(got[1]);
	CHECK(fd_recv(pair[1], &msg, sizeof(msg), got, INIT_FDS_MAX, &n) == sizeof(msg));
	CHECK(msg.type == INIT_MSG_FD_END && n == 0);
	(void)fd_close(pair[0]);
	(void)fd_close(pair[1]);
	fdstore_done(&s);
}

TEST(timeline_is_shared_bounded_and_not_fooled_by_its_count)
{
	struct timeline *t, *peer;
	int fd;

	CHECK(timeline_new(&t, &fd) == 0);
	CHECK(timeline_map(fd, &peer) == 0);
	timeline_mark(t, "init");
	timeline_mark(peer, "a name that is much longer than the room for it");
	CHECK(timeline_count(t) == 2 && streq(t->entry[0].name, "init"));
	CHECK(t->entry[1].ns >= t->entry[0].ns && t->entry[1].name[TIMELINE_NAME_MAX - 1] == '\0');
	peer->n = 4000000000u;
	CHECK(timeline_count(t) == TIMELINE_MAX);
	timeline_mark(t, "ignored");
	CHECK(ftruncate(fd, 0) < 0);
	timeline_unmap(t);
	timeline_unmap(peer);
	(void)fd_close(fd);
}
