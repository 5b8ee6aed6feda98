/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives the agent: for each container and process a small record in a memfd and the fds
 * that cannot be made again, kept by init under a key. Without init nothing is kept.
 */
#pragma once

#include <stdint.h>

#define JOURNAL_MAGIC   UINT32_C(0x6a687470)
#define JOURNAL_VERSION 1

/* The record, first fd of the key "<container id>" and of "<container id>/<exec id>". */
struct journal_record {
	uint32_t magic, version;
	char id[132];
	char exec_id[132]; /* "" in a container's record */
	int32_t pid;       /* as the agent saw it; 0 in a container's record */
	uint32_t state;    /* enum ctr_state, of a container's record */
	uint32_t has_tty;
	uint32_t is_init;
};

struct container;
struct process;

/* The key "<container id>": record, pid namespace of init, where it has one. */
void journal_container(struct container *c);
/* The key "<container id>/<exec id>": record, pidfd, terminal, stdout. Further keys with "/in" and
 * "/err": stdin and stderr. */
void journal_process(struct process *p);
/* Stdin is closed: as long as init has its pipe, the process sees no end of file. */
void journal_forget_stdin(struct process *p);
void journal_forget_container(struct container *c);
void journal_forget_process(struct process *p);
