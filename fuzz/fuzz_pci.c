/* SPDX-License-Identifier: Apache-2.0 */
/* PCI paths and addresses, IP and MAC addresses, mount points: the texts of hosts. */
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/net.h"
#include "agent/pci.h"
#include "agent/storage_mount.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *text)
{
	const struct storage_env env = {.run = "/run/kata-containers", .sysfs = "/sys"};
	char clean[PATH_MAX];
	struct err e = {0};

	if (storage_path_clean(&env, text, clean, sizeof(clean), &e) == 0 &&
	    (clean[0] != '/' || strstr(clean, "/../") != NULL || strstr(clean, "//") != NULL ||
	     strstr(clean, "/run/kata-containers/") == NULL))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pci_addr address;
	struct pci_path path;
	struct err e = {0};
	struct net_ip ip;
	uint8_t mac[NET_MAC_LEN];
	char text[512];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';

	if (pci_path_parse(text, &path, &e) == 0 && (path.n == 0 || path.n > PCI_PATH_MAX))
		__builtin_trap();
	if (pci_addr_parse(text, &address) == 0 && (address.slot > 31 || address.fn > 7))
		__builtin_trap();
	if (net_ip_parse(text, &ip) == 0) {
		if (ip.prefix > ip.n * 8)
			__builtin_trap();
		net_ip_mask(&ip);
	}
	(void)!net_mac_parse(text, mac);
	(void)net_name_is_valid(text);
	check_path(text);
	return 0;
}
