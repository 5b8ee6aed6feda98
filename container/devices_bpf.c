/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the v2 device program. Pure: loading and attaching is cgroup_v2_devices.c. */
#include "container/devices.h"

#include <errno.h>

/*
 * r2: 1 block, 2 char (low half of access_type); r3: the rights not decided yet; r4, r5: the device.
 * Rules run from the last to the first: an allow rule strikes its rights off r3 and lets the access
 * through when none is left; a deny rule that mentions a right still open refuses.
 */
#define HEAD_INSNS 6
#define TAIL_INSNS 2
#define RULE_INSNS 8

struct out {
	struct bpf_insn *v;
	size_t n;
};

static void emit(struct out *o, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	o->v[o->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 0xfU, .src_reg = src & 0xfU, .off = off, .imm = imm};
}

static void emit_return(struct out *o, int32_t v)
{
	emit(o, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, v);
	emit(o, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_head(struct out *o)
{
	emit(o, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(o, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	emit(o, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit(o, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(o, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(o, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1,
	     offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

static void emit_rule(struct out *o, const struct ctr_dev_rule *r)
{
	size_t skips[3], n_skips = 0;

	if (r->type == 'a') {
		emit_return(o, r->allow);
		return;
	}
	skips[n_skips++] = o->n;
	emit(o, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0,
	     r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0) {
		skips[n_skips++] = o->n;
		emit(o, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, r->major);
	}
	if (r->minor >= 0) {
		skips[n_skips++] = o->n;
		emit(o, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, r->minor);
	}
	if (r->allow) {
		emit(o, BPF_ALU | BPF_AND | BPF_K, BPF_REG_3, 0, 0, CTR_DEV_ALL & ~r->access);
		emit(o, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, 0);
		emit_return(o, 1);
	} else {
		emit(o, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_0, BPF_REG_3, 0, 0);
		emit(o, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, r->access);
		emit(o, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0);
		emit_return(o, 0);
	}
	for (size_t i = 0; i < n_skips; i++)
		o->v[skips[i]].off = (int16_t)(o->n - skips[i] - 1);
}

int ctr_dev_bpf_build(const struct ctr_dev_rules *rules, struct bpf_insn **ret, size_t *ret_n)
{
	struct out o = {.v = calloc(HEAD_INSNS + TAIL_INSNS + RULE_INSNS * rules->n,
				    sizeof(struct bpf_insn))};
	bool decided = false;

	if (o.v == NULL)
		return -ENOMEM;
	emit_head(&o);
	/* The verifier refuses code that nothing reaches, so what comes before "all" is left out. */
	for (size_t i = rules->n; i > 0 && !decided; i--) {
		emit_rule(&o, &rules->v[i - 1]);
		decided = rules->v[i - 1].type == 'a';
	}
	if (!decided)
		emit_return(&o, 0);
	*ret = o.v;
	*ret_n = o.n;
	return 0;
}
