/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a device in a tree like sysfs, waiting for it, and its numbers in a spec. */
#include "agent/device.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/path.h"
#include "container/spec.h"
#include "tests/test.h"

#define FUNCTION "/sys/devices/pci0000:00/0000:00:02.0"

struct world {
	char root[sizeof("/tmp/pith-device-XXXXXX")];
	char sysfs[64], dev[64];
	struct device_env env;
	struct loop *loop;
	struct pci_path path;
};

static void make_dir(const struct world *w, const char *path)
{
	char full[512];

	(void)snprintf(full, sizeof(full), "%s%s", w->root, path);
	CHECK(path_mkdir_all(full, 0755) == 0);
}

static void make_file(const struct world *w, const char *path, const char *text)
{
	cleanup_close int fd = -EBADF;
	char full[512];

	(void)snprintf(full, sizeof(full), "%s%s", w->root, path);
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void world_new(struct world *w, uint64_t timeout_ns)
{
	struct err e = {0};

	*w = (struct world){.root = "/tmp/pith-device-XXXXXX"};
	CHECK(mkdtemp(w->root) != NULL);
	(void)snprintf(w->sysfs, sizeof(w->sysfs), "%s/sys", w->root);
	(void)snprintf(w->dev, sizeof(w->dev), "%s/dev", w->root);
	CHECK(loop_new(&w->loop) == 0);
	w->env = (struct device_env){
		.loop = w->loop, .sysfs = w->sysfs, .dev = w->dev, .timeout_ns = timeout_ns};
	CHECK(pci_path_parse("02", &w->path, &e) == 0);
	make_dir(w, FUNCTION);
	make_dir(w, "/dev");
}

static void world_free(struct world *w)
{
	cleanup_close int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(path_remove_tree(tmp, path_base(w->root)) == 0);
	loop_free(w->loop);
}

static void make_disk(const struct world *w)
{
	make_dir(w, FUNCTION "/virtio3/block/vdb/vdb1");
	make_file(w, FUNCTION "/virtio3/block/vdb/dev", "254:16\n");
}

static bool make_node(const struct world *w, dev_t numbers)
{
	char full[512];

	(void)snprintf(full, sizeof(full), "%s/vdb", w->dev);
	return mknod(full, S_IFBLK | 0600, numbers) == 0;
}

static int find(const struct world *w, enum device_kind kind, struct device *d)
{
	struct err e = {0};

	return device_find(&w->env, kind, &w->path, d, &e);
}

TEST(a_disk_is_the_whole_one_below_the_virtio_device)
{
	struct device d;
	struct world w;

	world_new(&w, 0);
	make_disk(&w);
	if (!make_node(&w, makedev(254, 16))) {
		world_free(&w);
		SKIP("making a block node needs root");
	}
	CHECK(find(&w, DEVICE_BLOCK, &d) == 0);
	CHECK_STR(d.name, "vdb");
	CHECK(d.major == 254 && d.minor == 16);
	CHECK_STR(d.path, "/devices/pci0000:00/0000:00:02.0");
	world_free(&w);
}

TEST(a_disk_without_its_node_is_not_there_yet)
{
	struct device d;
	struct world w;

	world_new(&w, 0);
	make_disk(&w);
	CHECK(find(&w, DEVICE_BLOCK, &d) == -EAGAIN);
	world_free(&w);
}

TEST(a_node_with_other_numbers_is_not_the_disk)
{
	struct device d;
	struct world w;

	world_new(&w, 0);
	make_disk(&w);
	if (!make_node(&w, makedev(254, 32))) {
		world_free(&w);
		SKIP("making a block node needs root");
	}
	CHECK(find(&w, DEVICE_BLOCK, &d) == -EAGAIN);
	world_free(&w);
}

TEST(an_interface_of_a_virtio_device_is_one_level_deeper)
{
	struct device d;
	struct world w;

	world_new(&w, 0);
	CHECK(find(&w, DEVICE_NET, &d) == -EAGAIN);
	make_dir(&w, FUNCTION "/virtio0/net/eth5");
	CHECK(find(&w, DEVICE_NET, &d) == 0);
	CHECK_STR(d.name, "eth5");
	world_free(&w);
}

struct outcome {
	struct device_wait wait;
	bool is_done;
	char name[DEVICE_NAME_MAX];
	int code;
};

static void note(struct device_wait *wait, const struct device *d, const struct err *e)
{
	struct outcome *o = container_of(wait, struct outcome, wait);

	o->is_done = true;
	if (d != NULL)
		(void)snprintf(o->name, sizeof(o->name), "%s", d->name);
	else
		o->code = e->code;
}

static void run(struct world *w, struct outcome *o)
{
	while (!o->is_done)
		CHECK(loop_once(w->loop, 5000) == 0);
}

TEST(a_device_that_is_there_already_needs_no_event)
{
	struct outcome o = {0};
	struct err e = {0};
	struct world w;

	world_new(&w, 1000ULL * 1000 * 1000);
	make_dir(&w, FUNCTION "/net/eth1");
	CHECK(device_wait_start(&o.wait, &w.env, DEVICE_NET, &w.path, note, &e) == 0);
	CHECK(!o.is_done);
	run(&w, &o);
	CHECK_STR(o.name, "eth1");
	world_free(&w);
}

TEST(a_device_that_comes_without_an_event_is_found_by_looking_again)
{
	struct outcome o = {0};
	struct err e = {0};
	struct world w;

	world_new(&w, 5000ULL * 1000 * 1000);
	CHECK(device_wait_start(&o.wait, &w.env, DEVICE_NET, &w.path, note, &e) == 0);
	CHECK(loop_once(w.loop, 5000) == 0);
	CHECK(!o.is_done);
	make_dir(&w, FUNCTION "/net/eth1");
	run(&w, &o);
	CHECK_STR(o.name, "eth1");
	world_free(&w);
}

TEST(a_device_that_never_comes_ends_the_wait_in_time)
{
	struct outcome o = {0};
	struct err e = {0};
	uint64_t begin = loop_now_ns();
	struct world w;

	world_new(&w, 150ULL * 1000 * 1000);
	CHECK(device_wait_start(&o.wait, &w.env, DEVICE_NET, &w.path, note, &e) == 0);
	run(&w, &o);
	CHECK(o.code == -ETIMEDOUT);
	CHECK(loop_now_ns() - begin >= w.env.timeout_ns);
	world_free(&w);
}

TEST(only_the_arrival_of_the_right_kind_counts)
{
	const char *at = "/devices/pci0000:00/0000:00:02.0";
	struct uevent ev = {"add", "/devices/pci0000:00/0000:00:02.0/virtio0/net/eth0", "net"};

	CHECK(uevent_is_arrival(&ev, "net", at));
	CHECK(!uevent_is_arrival(&ev, "block", at));
	CHECK(!uevent_is_arrival(&ev, "net", "/devices/pci0000:00/0000:00:02"));
	ev.action = "change";
	CHECK(!uevent_is_arrival(&ev, "net", at));
}

static struct ctr_device nodes[2];
static struct ctr_device_rule rules[1];

static void spec_new(struct ctr_spec *s, struct ctr_resources *res)
{
	ctr_spec_init(s);
	ctr_resources_init(res);
	nodes[0] = (struct ctr_device){.path = "/dev/a", .type = 'b', .major = 8, .minor = 1};
	nodes[1] = (struct ctr_device){.path = "/dev/b", .type = 'b', .major = 254, .minor = 16};
	rules[0] = (struct ctr_device_rule){
		.allow = true, .type = 'b', .major = 8, .minor = 1, .access = "r"};
	s->devices = nodes;
	s->n_devices = 2;
	res->devices = rules;
	res->n_devices = 1;
	s->resources = res;
}

TEST(a_node_its_rules_and_a_new_rule_get_the_guests_numbers)
{
	const struct device_update u = {"/dev/a", 'b', 254, 16};
	cleanup_arena struct arena arena = ARENA_INIT(1 << 20);
	struct ctr_resources res;
	struct ctr_spec s;
	struct err e = {0};

	spec_new(&s, &res);
	CHECK(device_update_spec(&s, &arena, &u, 1, &e) == 0);
	CHECK(s.devices[0].major == 254 && s.devices[0].minor == 16);
	CHECK(res.n_devices == 2);
	CHECK(res.devices[0].major == 254 && res.devices[0].minor == 16);
	CHECK_STR(res.devices[0].access, "r");
	CHECK(res.devices[1].allow && res.devices[1].major == 254);
	CHECK_STR(res.devices[1].access, "rwm");
}

TEST(swapped_numbers_are_translated_by_what_they_were_before)
{
	const struct device_update u[] = {{"/dev/a", 'b', 254, 16}, {"/dev/b", 'b', 8, 1}};
	cleanup_arena struct arena arena = ARENA_INIT(1 << 20);
	struct ctr_resources res;
	struct ctr_spec s;
	struct err e = {0};

	spec_new(&s, &res);
	CHECK(device_update_spec(&s, &arena, u, 2, &e) == 0);
	CHECK(res.devices[0].major == 254);
	CHECK(s.devices[1].major == 8);
}

TEST(a_spec_without_resources_gets_the_rule_all_the_same)
{
	const struct device_update u = {"/dev/a", 'b', 254, 16};
	cleanup_arena struct arena arena = ARENA_INIT(1 << 20);
	struct ctr_resources res;
	struct ctr_spec s;
	struct err e = {0};

	spec_new(&s, &res);
	s.resources = NULL;
	CHECK(device_update_spec(&s, &arena, &u, 1, &e) == 0);
	CHECK(s.resources != NULL && s.resources->n_devices == 1);
}

TEST(a_device_that_the_spec_does_not_list_changes_nothing)
{
	const struct device_update u[] = {{"/dev/a", 'b', 254, 16}, {"/dev/x", 'b', 254, 32}};
	cleanup_arena struct arena arena = ARENA_INIT(1 << 20);
	struct ctr_resources res;
	struct ctr_spec s;
	struct err e = {0};

	spec_new(&s, &res);
	CHECK(device_update_spec(&s, &arena, u, 2, &e) < 0);
	CHECK(strstr(e.msg, "Missing devices in OCI spec") != NULL);
	CHECK(s.devices[0].major == 8 && res.n_devices == 1);
}

TEST(two_updates_of_one_path_are_refused)
{
	const struct device_update u[] = {{"/dev/a", 'b', 254, 16}, {"/dev/a", 'b', 254, 32}};
	cleanup_arena struct arena arena = ARENA_INIT(1 << 20);
	struct ctr_resources res;
	struct ctr_spec s;
	struct err e = {0};

	spec_new(&s, &res);
	CHECK(device_update_spec(&s, &arena, u, 2, &e) < 0);
}
