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
	uint32_t ns;       /* 1 << enum ctr_ns_type of those kept, of a container's record */
	uint32_t has_tty;
	uint32_t is_init;
	uint32_t has_exited;
	int32_t exit_code; /* once it has exited */
};

struct agent;
struct container;
struct process;

/* The key "/sandbox": record with the sandbox's id, its ipc and uts namespaces. */
void journal_sandbox(struct agent *a);
void journal_forget_sandbox(struct agent *a);

/* The key "<container id>": the record. Further keys with "//ns0" and "//ns1": its pinned
 * namespaces, by type in rising order, four to a key. */
void journal_container(struct container *c);
/* The record is a file that init has as well: what changes is written in place. */
void journal_container_state(struct container *c);
void journal_process_exited(struct process *p);
/* The key "<container id>/<exec id>": record, pidfd, terminal, stdout. Further keys with "/in" and
 * "/err": stdin and stderr. */
void journal_process(struct process *p);
/* Keys with "/out-ring" and "/err-ring": output that was read and not yet taken, once there is some. */
void journal_rings(struct process *p);
/* Stdin is closed: as long as init has its pipe, the process sees no end of file. */
void journal_forget_stdin(struct process *p);
void journal_forget_container(struct container *c);
void journal_forget_process(struct process *p);
