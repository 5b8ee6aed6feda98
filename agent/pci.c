/* SPDX-License-Identifier: Apache-2.0 */
/* PCI paths: text to slots, slots to a sysfs directory. Reads sysfs, waits for nothing. */
#include "agent/pci.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/str.h"

/* First bus number that cannot be a slot: slots are five bits. */
#define PCI_SLOTS 0x20

/* A directory of sysfs, with the name of a tree in front for tests. */
#define PATH_BUF (PCI_DEVPATH_MAX + 256)

static int parse_hex_slice(struct slice s, uint64_t max, uint64_t *ret)
{
	char text[8];
	uint64_t v;
	int r;

	if (s.n == 0 || s.n >= sizeof(text))
		return -EINVAL;

	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	r = parse_hex64(text, &v);
	if (r < 0)
		return r;
	if (v > max)
		return -EINVAL;

	*ret = v;
	return 0;
}

/* "1f" or "1f.7"; @max_slot is wider for the element that may name a root complex. */
static int parse_slot(struct slice s, uint64_t max_slot, uint64_t *ret_slot, uint64_t *ret_fn)
{
	struct slice slot, fn;
	uint64_t f = 0;
	int r;

	fn = s;
	if (!slice_cut(&fn, '.', &slot))
		return -EINVAL;
	if (fn.p != NULL) {
		r = parse_hex_slice(fn, 7, &f);
		if (r < 0)
			return r;
	}

	r = parse_hex_slice(slot, max_slot, ret_slot);
	if (r < 0)
		return r;

	*ret_fn = f;
	return 0;
}

int pci_path_parse(const char *text, struct pci_path *ret, struct err *e)
{
	struct slice rest = slice_of(text), part;
	uint64_t slot[PCI_PATH_MAX + 1], fn[PCI_PATH_MAX + 1];
	size_t n = 0, first = 0;

	while (slice_cut(&rest, '/', &part)) {
		if (n == ARRAY_LEN(slot) ||
		    parse_slot(part, n == 0 ? 0xff : 0x1f, &slot[n], &fn[n]) < 0)
			return err_set(e, -EINVAL, "PCI path '%.64s'", text);
		n++;
	}

	if (n >= 3 && slot[0] >= PCI_SLOTS)
		first = 1;
	if (n - first == 0 || n - first > PCI_PATH_MAX || slot[first] >= PCI_SLOTS ||
	    (first == 1 && fn[0] != 0))
		return err_set(e, -EINVAL, "PCI path '%.64s'", text);

	*ret = (struct pci_path){.root = first == 1 ? (uint8_t)slot[0] : 0,
				 .n = (uint8_t)(n - first)};
	for (size_t i = first; i < n; i++)
		ret->v[i - first] = (struct pci_slot){(uint8_t)slot[i], (uint8_t)fn[i]};
	return 0;
}

int pci_addr_parse(const char *text, struct pci_addr *ret)
{
	static const char shape[] = "xxxx:xx:xx.x";
	uint64_t domain, bus, slot, fn;

	if (strlen(text) != sizeof(shape) - 1)
		return -EINVAL;
	for (size_t i = 0; shape[i] != '\0'; i++)
		if (shape[i] != 'x' && text[i] != shape[i])
			return -EINVAL;

	if (parse_hex_slice((struct slice){text, 4}, UINT16_MAX, &domain) < 0 ||
	    parse_hex_slice((struct slice){text + 5, 2}, UINT8_MAX, &bus) < 0 ||
	    parse_hex_slice((struct slice){text + 8, 2}, 0x1f, &slot) < 0 ||
	    parse_hex_slice((struct slice){text + 11, 1}, 7, &fn) < 0)
		return -EINVAL;

	*ret = (struct pci_addr){(uint16_t)domain, (uint8_t)bus, (uint8_t)slot, (uint8_t)fn};
	return 0;
}

/* The directory of the root bus below sysfs. On a device-tree arm64 the host bridge is a platform device. */
static int root_bus_path(const char *sysfs, uint8_t root, char *buf, size_t size)
{
	cleanup_closedir DIR *dir = NULL;
	char full[PATH_BUF];
	const struct dirent *d;

	(void)snprintf(buf, size, "/devices/pci0000:%02x", root);
	(void)snprintf(full, sizeof(full), "%s%s", sysfs, buf);
	if (access(full, F_OK) == 0)
		return 0;

	(void)snprintf(full, sizeof(full), "%s/devices/platform", sysfs);
	dir = opendir(full);
	if (dir == NULL)
		return -EAGAIN;
	while ((d = readdir(dir)) != NULL) {
		if (!str_ends(d->d_name, ".pcie"))
			continue;
		(void)snprintf(buf, size, "/devices/platform/%s/pci0000:%02x", d->d_name, root);
		(void)snprintf(full, sizeof(full), "%s%s", sysfs, buf);
		if (access(full, F_OK) == 0)
			return 0;
	}
	return -EAGAIN;
}

/* "0000:01" of an entry of <bridge>/pci_bus, or the bus part of a device address below the bridge. */
static int bus_of(const char *name, bool is_bus_dir, uint32_t *ret)
{
	char address[sizeof("0000:00:00.0")];
	struct pci_addr a;

	if (is_bus_dir) {
		if (strlen(name) != sizeof("0000:00") - 1)
			return -EINVAL;
		(void)snprintf(address, sizeof(address), "%.7s:00.0", name);
		name = address;
	}
	if (pci_addr_parse(name, &a) < 0)
		return -EINVAL;

	*ret = (uint32_t)a.domain << 8 | a.bus;
	return 0;
}

/* The one bus named by the entries of a directory. Return: 0, -EAGAIN none, -EINVAL several. */
static int single_bus(const char *path, bool is_bus_dir, uint32_t *ret)
{
	cleanup_closedir DIR *dir = opendir(path);
	const struct dirent *d;
	uint32_t bus, found = 0;
	bool any = false;

	if (dir == NULL)
		return -EAGAIN;

	while ((d = readdir(dir)) != NULL) {
		if (bus_of(d->d_name, is_bus_dir, &bus) < 0)
			continue;
		if (any && bus != found)
			return -EINVAL;
		found = bus;
		any = true;
	}
	if (!any)
		return -EAGAIN;

	*ret = found;
	return 0;
}

static int next_bus(const char *bridge, uint32_t *ret)
{
	char path[PATH_BUF];
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/pci_bus", bridge) >= sizeof(path))
		return -ENAMETOOLONG;

	r = single_bus(path, true, ret);
	return r == -EAGAIN ? single_bus(bridge, false, ret) : r;
}

int pci_path_resolve(const char *sysfs, const struct pci_path *path, char *buf, size_t size,
		     struct err *e)
{
	char rel[PCI_DEVPATH_MAX], full[PATH_BUF];
	uint32_t bus = path->root;
	size_t len;
	int r;

	r = root_bus_path(sysfs, path->root, rel, sizeof(rel));
	if (r < 0)
		return err_set(e, r, "PCI root bus %02x", path->root);

	for (uint8_t i = 0; i < path->n; i++) {
		const struct pci_slot *s = &path->v[i];

		len = strlen(rel);
		if ((size_t)snprintf(rel + len, sizeof(rel) - len, "/%04x:%02x:%02x.%x", bus >> 8,
				     bus & 0xff, s->slot, s->fn) >= sizeof(rel) - len ||
		    (size_t)snprintf(full, sizeof(full), "%s%s", sysfs, rel) >= sizeof(full))
			return err_set(e, -ENAMETOOLONG, "PCI device path");
		if (access(full, F_OK) < 0)
			return err_set(e, -EAGAIN, "PCI device '%s'", rel);
		if (i + 1 == path->n)
			break;

		r = next_bus(full, &bus);
		if (r < 0)
			return err_set(e, r, "bus behind PCI bridge '%s'", rel);
	}

	if (str_copy(buf, size, rel) < 0)
		return err_set(e, -ENAMETOOLONG, "PCI device path");
	return 0;
}
