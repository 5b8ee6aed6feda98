/* SPDX-License-Identifier: Apache-2.0 */
/* Interprets the classic BPF that seccomp filters use, so that tests can ask a program anything. */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A verdict that no filter gives: the program is malformed. */
#define BPF_SIM_BAD UINT32_C(0xdeadbeef)

static inline bool bpf_sim_jump(uint16_t op, uint32_t a, uint32_t k)
{
	return op == BPF_JEQ   ? a == k
	       : op == BPF_JGT ? a > k
	       : op == BPF_JGE ? a >= k
			       : (a & k) != 0;
}

static inline uint32_t bpf_sim_run(const struct sock_filter *p, size_t n,
				   const struct seccomp_data *data)
{
	uint32_t a = 0, word;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &p[pc];

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (i->code != (BPF_LD | BPF_W | BPF_ABS) || i->k % 4 != 0 ||
			    i->k + 4 > sizeof(*data))
				return BPF_SIM_BAD;
			memcpy(&word, (const char *)data + i->k, 4);
			a = word;
			break;
		case BPF_ALU:
			if (i->code != (BPF_ALU | BPF_AND | BPF_K))
				return BPF_SIM_BAD;
			a &= i->k;
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				pc += i->k;
			else
				pc += bpf_sim_jump(BPF_OP(i->code), a, i->k) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return i->k;
		default:
			return BPF_SIM_BAD;
		}
	}
	return BPF_SIM_BAD;
}
