/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI paths as a Kata host writes them: hexadecimal slots joined by "/", every one but the last a
 * bridge. Turning one into a sysfs device path needs the bus numbers that the guest's kernel chose,
 * so the bridges are walked in sysfs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;

/* A path names bridges from the root complex down; QEMU nests a handful, sysfs itself stops at 256 buses. */
#define PCI_PATH_MAX 16

/* Longest devpath that pci_path_resolve produces, with the NUL: "/devices/platform/<name>/pci0000:xx" and the elements. */
#define PCI_DEVPATH_MAX (320 + PCI_PATH_MAX * sizeof("/0000:00:00.0"))

struct pci_slot {
	uint8_t slot, fn;
};

struct pci_path {
	uint8_t root; /* bus number of the root complex */
	uint8_t n;    /* at least 1 */
	struct pci_slot v[PCI_PATH_MAX];
};

struct pci_addr {
	uint16_t domain;
	uint8_t bus, slot, fn;
};

/**
 * pci_path_parse() - "02/01" or "20/02/01.1" into slots
 *
 * With three or more elements a first one of 20 or above names the root complex (a NUMA expander).
 *
 * Return: 0, or -EINVAL (ERR_INTERNAL: hosts expect that status).
 */
int pci_path_parse(const char *text, struct pci_path *ret, struct err *e) must_check;

/* "0000:00:1f.7", hexadecimal, all digits there, nothing after. Return: 0 or -EINVAL. */
int pci_addr_parse(const char *text, struct pci_addr *ret) must_check;

/**
 * pci_path_resolve() - the sysfs device path of a PCI path, as in DEVPATH of a uevent
 * @sysfs: where sysfs is mounted
 * @buf:   at least PCI_DEVPATH_MAX bytes; "/devices/pci0000:00/0000:00:02.0/0000:01:00.0"
 *
 * Return: 0; -EAGAIN when a bridge or the device is not there yet (the guest may still be probing
 *         it); -EINVAL when a bridge leads to several buses.
 */
int pci_path_resolve(const char *sysfs, const struct pci_path *path, char *buf, size_t size,
		     struct err *e) must_check;
