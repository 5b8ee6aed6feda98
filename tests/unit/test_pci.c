/* SPDX-License-Identifier: Apache-2.0 */
/* PCI paths: text, and the walk over a tree that looks like sysfs. */
#include "agent/pci.h"

#include <fcntl.h>
#include <string.h>

#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "tests/test.h"

static bool parses(const char *text, struct pci_path *p)
{
	struct err e = {0};

	return pci_path_parse(text, p, &e) == 0;
}

TEST(a_path_is_slots_joined_by_slashes)
{
	struct pci_path p;

	CHECK(parses("02/1f", &p));
	CHECK(p.root == 0 && p.n == 2);
	CHECK(p.v[0].slot == 2 && p.v[1].slot == 0x1f && p.v[1].fn == 0);
}

TEST(a_slot_may_name_its_function)
{
	struct pci_path p;

	CHECK(parses("02.7", &p));
	CHECK(p.n == 1 && p.v[0].slot == 2 && p.v[0].fn == 7);
}

TEST(a_first_element_beyond_the_slots_of_three_names_the_root_complex)
{
	struct pci_path p;

	CHECK(parses("20/02/01", &p));
	CHECK(p.root == 0x20 && p.n == 2 && p.v[0].slot == 2);
	CHECK(parses("02/02/01", &p));
	CHECK(p.root == 0 && p.n == 3);
}

TEST(malformed_paths_are_refused)
{
	static const char *const bad[] = {
		"",    "/",  "02/", "/02",    "20", "20/01", "02/20",   "02.8",   "02.",
		"0x2", "2 ", "..",  "02//01", "g",  "-1",    "ff/20/1", "02.1.1", "20.1/02/01"};
	struct pci_path p;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!parses(bad[i], &p));
}

TEST(a_path_longer_than_the_maximum_is_refused)
{
	char text[3 * (PCI_PATH_MAX + 1)] = "01";
	struct pci_path p;

	for (int i = 1; i < PCI_PATH_MAX; i++)
		memcpy(text + strlen(text), "/01", sizeof("/01"));
	CHECK(parses(text, &p) && p.n == PCI_PATH_MAX);
	memcpy(text + strlen(text), "/1", sizeof("/1"));
	CHECK(!parses(text, &p));
}

TEST(an_address_has_every_digit)
{
	struct pci_addr a;

	CHECK(pci_addr_parse("0000:0a:1f.7", &a) == 0);
	CHECK(a.domain == 0 && a.bus == 10 && a.slot == 31 && a.fn == 7);
	CHECK(pci_addr_parse("0000:0a:20.0", &a) < 0);
	CHECK(pci_addr_parse("0000:0a:1f", &a) < 0);
	CHECK(pci_addr_parse("0000-0a:1f.7", &a) < 0);
	CHECK(pci_addr_parse("0000:0a:1f.70", &a) < 0);
}

/* A tree of directories below a temporary one, as sysfs would have them. */
struct tree {
	char root[sizeof("/tmp/pith-pci-XXXXXX")];
};

static void tree_new(struct tree *t)
{
	*t = (struct tree){.root = "/tmp/pith-pci-XXXXXX"};
	CHECK(mkdtemp(t->root) != NULL);
}

static void tree_add(const struct tree *t, const char *path)
{
	char full[512];

	(void)snprintf(full, sizeof(full), "%s%s", t->root, path);
	CHECK(path_mkdir_all(full, 0755) == 0);
}

static int tree_resolve(const struct tree *t, const char *text, char *buf)
{
	struct err e = {0};
	struct pci_path p;

	CHECK(parses(text, &p));
	return pci_path_resolve(t->root, &p, buf, PCI_DEVPATH_MAX, &e);
}

static void tree_free(const struct tree *t)
{
	cleanup_close int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(path_remove_tree(tmp, path_base(t->root)) == 0);
}

TEST(the_walk_asks_each_bridge_for_its_bus)
{
	char buf[PCI_DEVPATH_MAX];
	struct tree t;

	tree_new(&t);
	tree_add(&t, "/devices/pci0000:00/0000:00:02.0/pci_bus/0000:05");
	tree_add(&t, "/devices/pci0000:00/0000:00:02.0/0000:05:01.0");
	CHECK(tree_resolve(&t, "02/01", buf) == 0);
	CHECK_STR(buf, "/devices/pci0000:00/0000:00:02.0/0000:05:01.0");
	tree_free(&t);
}

TEST(without_a_bus_directory_the_children_tell_the_bus)
{
	char buf[PCI_DEVPATH_MAX];
	struct tree t;

	tree_new(&t);
	tree_add(&t, "/devices/pci0000:00/0000:00:02.0/0000:07:00.0");
	tree_add(&t, "/devices/pci0000:00/0000:00:02.0/0000:07:01.0");
	tree_add(&t, "/devices/pci0000:00/0000:00:02.0/power");
	CHECK(tree_resolve(&t, "02/01", buf) == 0);
	CHECK_STR(buf, "/devices/pci0000:00/0000:00:02.0/0000:07:01.0");
	tree_free(&t);
}

TEST(a_bridge_with_two_buses_is_an_error)
{
	char buf[PCI_DEVPATH_MAX];
	struct tree t;

	tree_new(&t);
	tree_add(&t, "/devices/pci0000:00/0000:00:02.0/pci_bus/0000:05");
	tree_add(&t, "/devices/pci0000:00/0000:00:02.0/pci_bus/0000:06");
	CHECK(tree_resolve(&t, "02/01", buf) == -EINVAL);
	tree_free(&t);
}

TEST(a_bridge_still_being_probed_is_worth_another_look)
{
	char buf[PCI_DEVPATH_MAX];
	struct tree t;

	tree_new(&t);
	tree_add(&t, "/devices/pci0000:00");
	CHECK(tree_resolve(&t, "02/01", buf) == -EAGAIN);
	tree_add(&t, "/devices/pci0000:00/0000:00:02.0");
	CHECK(tree_resolve(&t, "02/01", buf) == -EAGAIN);
	tree_free(&t);
}

TEST(a_root_complex_starts_the_walk_on_its_own_bus)
{
	char buf[PCI_DEVPATH_MAX];
	struct tree t;

	tree_new(&t);
	tree_add(&t, "/devices/pci0000:20/0000:20:02.0/pci_bus/0000:21");
	tree_add(&t, "/devices/pci0000:20/0000:20:02.0/0000:21:03.1");
	CHECK(tree_resolve(&t, "20/02/03.1", buf) == 0);
	CHECK_STR(buf, "/devices/pci0000:20/0000:20:02.0/0000:21:03.1");
	tree_free(&t);
}

TEST(a_platform_host_bridge_is_found_by_its_name)
{
	char buf[PCI_DEVPATH_MAX];
	struct tree t;

	tree_new(&t);
	tree_add(&t, "/devices/platform/4010000000.pcie/pci0000:00/0000:00:01.0");
	CHECK(tree_resolve(&t, "01", buf) == 0);
	CHECK_STR(buf, "/devices/platform/4010000000.pcie/pci0000:00/0000:00:01.0");
	tree_free(&t);
}
