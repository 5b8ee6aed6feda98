/* SPDX-License-Identifier: Apache-2.0 */
/* The unix sockets between QEMU, its helpers and the host. */
#pragma once

#include "base/cleanup.h"

struct err;

/* Listens at @path, mode 0600. Return: fd or -errno. */
int vmm_socket_listen(const char *path, struct err *e) must_check;

/* A listening socket without a name in the file system, and a connection to it. Return: 0 or -errno. */
int vmm_socket_pair_listening(int *ret_listen, int *ret_connected, struct err *e) must_check;

/* Connects to @path. Return: fd or -errno. */
int vmm_socket_connect(const char *path) must_check;
