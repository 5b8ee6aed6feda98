/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device access: OCI rules in order, plus what every container gets, as a v2 BPF program or as the
 * v1 set of default and exceptions. Pure: the backends load and write.
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;
struct ctr_device_rule;

#define CTR_DEV_RULES_MAX 512
#define CTR_DEV_RULE_TEXT 40
#define CTR_DEV_LIST_MAX  ((size_t)CTR_DEV_RULES_MAX * CTR_DEV_RULE_TEXT)

/* Bits as the kernel's device hook counts them, linux/bpf.h BPF_DEVCG_ACC_*. */
enum ctr_dev_access {
	CTR_DEV_MKNOD = 1,
	CTR_DEV_READ = 2,
	CTR_DEV_WRITE = 4,
	CTR_DEV_ALL = 7,
};

struct ctr_dev_rule {
	bool allow;
	char type; /* b or c; a stands for everything and has no numbers */
	uint8_t access;
	int32_t major, minor; /* -1: any */
};

struct ctr_dev_rules {
	struct ctr_dev_rule v[CTR_DEV_RULES_MAX];
	size_t n, n_user; /* the first n_user come from the spec */
};

/* v1: everything allowed or everything denied, and exceptions from that. */
struct ctr_dev_set {
	bool allow_all;
	struct ctr_dev_rule v[CTR_DEV_RULES_MAX];
	size_t n;
};

/**
 * ctr_dev_rules_build() - check and normalise the rules, append the default allowances
 * Defaults: mknod of anything; null, zero, full, random, urandom, tty, ptmx, pts and tun.
 * Return: 0, or -EINVAL (ERR_INVALID) naming the rule.
 */
int ctr_dev_rules_build(const struct ctr_device_rule *rules, size_t n, struct ctr_dev_rules *ret,
			struct err *e) must_check;

/**
 * ctr_dev_bpf_build() - program for BPF_PROG_TYPE_CGROUP_DEVICE
 * The last rule that mentions an access right decides it; a right that no rule mentions is denied.
 * Owns: *ret is the caller's, freed with free(). Return: 0 or -ENOMEM.
 */
int ctr_dev_bpf_build(const struct ctr_dev_rules *rules, struct bpf_insn **ret,
		      size_t *ret_n) must_check;

/* Return: 0, or -EINVAL (ERR_INVALID): a rule that carves a hole into a wider one, which v1 cannot hold. */
int ctr_dev_set_build(const struct ctr_device_rule *rules, size_t n, struct ctr_dev_set *ret,
		      struct err *e) must_check;

/* "c 1:3 rwm" */
void ctr_dev_rule_text(const struct ctr_dev_rule *r, char buf[static CTR_DEV_RULE_TEXT]);
/* Whether devices.list holds exactly @want; exceptions from "all allowed" are not shown by the kernel. */
bool ctr_dev_set_matches(const struct ctr_dev_set *want, const char *list);
