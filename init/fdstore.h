/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the agent's file descriptors across its death: pipes, terminals, rings and namespaces that
 * cannot be made again. Bounded; what it holds it owns.
 */
#pragma once

#include <stddef.h>

#include "base/init_proto.h"
#include "base/map.h"

struct fdstore {
	struct map entries; /* key → struct fdstore_entry */
};

void fdstore_done(struct fdstore *s);
/* Takes the fds whatever happens; replaces what @key held. Return: 0, -ENOSPC when full, -EINVAL, -ENOMEM. */
int fdstore_put_consume(struct fdstore *s, const char *key, const int *fds, size_t n) must_check;
void fdstore_del(struct fdstore *s, const char *key);
size_t fdstore_count(const struct fdstore *s);
/* Sends every entry and the end mark on a SEQPACKET socket. Return: 0 or -errno (the peer went away or does not read). */
int fdstore_send_all(const struct fdstore *s, int sock) must_check;
