/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules as a v2 program, asked through an interpreter, and as a v1 set. */
#include "tests/test.h"
#include "tests/torture.h"

#include <errno.h>

#include "base/err.h"
#include "base/str.h"
#include "container/devices.h"
#include "container/spec.h"

#define NULL_DEV 'c', 1, 3
#define KMSG_DEV 'c', 1, 11
#define DISK_DEV 'b', 253, 0
#define ANY_ALLOW                                                                                  \
	{                                                                                          \
		true, 'a', -1, -1, NULL                                                            \
	}

/* Enough of eBPF for these programs. Return: r0, or -1 for anything unexpected. */
static int interpret(const struct bpf_insn *p, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t r[11] = {0};

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &p[pc];
		uint64_t imm = (uint64_t)(int64_t)i->imm;
		uint32_t word;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			memcpy(&word, (const char *)ctx + i->off, sizeof(word));
			r[i->dst_reg] = word;
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			r[i->dst_reg] = (uint32_t)r[i->src_reg];
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] & (uint32_t)imm;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			r[i->dst_reg] = imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += r[i->dst_reg] != imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += r[i->dst_reg] == imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)r[0];
		default:
			return -1;
		}
	}
	return -1;
}

static bool lets(const struct ctr_device_rule *rules, size_t n, unsigned access, char type,
		 uint32_t major, uint32_t minor)
{
	struct bpf_cgroup_dev_ctx ctx = {.access_type = access << 16 | (type == 'b' ? 1 : 2),
					 .major = major,
					 .minor = minor};
	cleanup_free struct ctr_dev_rules *l = malloc(sizeof(*l));
	cleanup_free struct bpf_insn *insns = NULL;
	struct err e = {0};
	size_t n_insns = 0;
	int r;

	CHECK(ctr_dev_rules_build(rules, n, l, &e) == 0);
	CHECK(ctr_dev_bpf_build(l, &insns, &n_insns) == 0);
	r = interpret(insns, n_insns, &ctx);
	CHECK(r == 0 || r == 1);
	return r == 1;
}

TEST(without_rules_only_the_defaults_are_let_through)
{
	CHECK(lets(NULL, 0, CTR_DEV_ALL, NULL_DEV));
	CHECK(lets(NULL, 0, CTR_DEV_MKNOD, DISK_DEV));
	CHECK(!lets(NULL, 0, CTR_DEV_READ, DISK_DEV));
	CHECK(!lets(NULL, 0, CTR_DEV_READ, KMSG_DEV));
	CHECK(!lets(NULL, 0, CTR_DEV_READ | CTR_DEV_MKNOD, KMSG_DEV));
	CHECK(lets(NULL, 0, CTR_DEV_READ, 'c', 136, 99));
	CHECK(!lets(NULL, 0, CTR_DEV_WRITE, 'b', 1, 3));
}

TEST(the_last_rule_that_mentions_a_right_decides_it)
{
	const struct ctr_device_rule rules[] = {
		{true, 'c', 1, -1, "rw"}, {false, 'c', 1, 11, "w"}, {true, 'b', 253, 0, "r"}};

	CHECK(lets(rules, 3, CTR_DEV_READ, KMSG_DEV));
	CHECK(!lets(rules, 3, CTR_DEV_WRITE, KMSG_DEV));
	CHECK(!lets(rules, 3, CTR_DEV_READ | CTR_DEV_WRITE, KMSG_DEV));
	CHECK(lets(rules, 3, CTR_DEV_READ | CTR_DEV_WRITE, 'c', 1, 4));
	CHECK(lets(rules, 3, CTR_DEV_READ, DISK_DEV));
	CHECK(!lets(rules, 3, CTR_DEV_WRITE, DISK_DEV));
}

TEST(rights_from_several_allow_rules_add_up)
{
	const struct ctr_device_rule rules[] = {{true, 'b', 253, 0, "r"}, {true, 'b', -1, 0, "w"}};

	CHECK(lets(rules, 2, CTR_DEV_READ | CTR_DEV_WRITE, DISK_DEV));
	CHECK(!lets(rules, 2, CTR_DEV_READ | CTR_DEV_WRITE, 'b', 8, 0));
}

TEST(allow_all_lets_everything_through_and_a_later_deny_still_counts)
{
	const struct ctr_device_rule rules[] = {ANY_ALLOW, {false, 'b', 253, 0, NULL}};
	const struct ctr_device_rule zeros = {true, 'a', 0, 0, "rwm"};

	CHECK(lets(rules, 1, CTR_DEV_ALL, DISK_DEV));
	CHECK(!lets(rules, 2, CTR_DEV_READ, DISK_DEV));
	CHECK(lets(rules, 2, CTR_DEV_ALL, 'b', 8, 1));
	CHECK(lets(&zeros, 1, CTR_DEV_ALL, DISK_DEV));
}

TEST(deny_all_forgets_what_came_before)
{
	const struct ctr_device_rule rules[] = {ANY_ALLOW,
						{false, 'a', CTR_UNSET, CTR_UNSET, "rwm"}};

	CHECK(!lets(rules, 2, CTR_DEV_READ, DISK_DEV));
	CHECK(lets(rules, 2, CTR_DEV_ALL, NULL_DEV));
}

TEST(rules_that_say_nothing_sensible_are_refused)
{
	static const struct ctr_device_rule bad[] = {{true, 'x', 1, 1, "r"},
						     {true, 'c', 1, 1, "rx"},
						     {true, 'c', -2, 1, "r"},
						     {true, 'c', 1, INT64_C(1) << 40, "r"}};
	cleanup_free struct ctr_dev_rules *l = malloc(sizeof(*l));

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		CHECK(ctr_dev_rules_build(&bad[i], 1, l, &e) == -EINVAL && e.kind == ERR_INVALID);
	}
}

static struct ctr_dev_set set;

static int build(const struct ctr_device_rule *rules, size_t n)
{
	struct err e = {0};

	return ctr_dev_set_build(rules, n, &set, &e);
}

TEST(the_v1_set_holds_the_defaults_and_reads_back_in_any_order)
{
	static const char *const list =
		"c 10:200 rwm\nc *:* m\nb *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\n"
		"c 1:8 rwm\nc 1:9 rwm\nc 5:0 rwm\nc 5:2 rwm\nc 136:* rwm\n";

	CHECK(build(NULL, 0) == 0);
	CHECK(!set.allow_all && set.n == 11);
	CHECK(ctr_dev_set_matches(&set, list));
	CHECK(!ctr_dev_set_matches(&set, list + 13));
	CHECK(!ctr_dev_set_matches(&set, "a *:* rwm"));
}

TEST(the_v1_set_merges_rights_and_drops_denied_ones)
{
	const struct ctr_device_rule rules[] = {{true, 'b', 8, 0, "r"},
						{true, 'b', 8, 0, "w"},
						{true, 'b', 8, 1, "rw"},
						{false, 'b', 8, -1, "w"}};
	char text[CTR_DEV_RULE_TEXT];

	CHECK(build(rules, 2) == 0);
	ctr_dev_rule_text(&set.v[0], text);
	CHECK_STR(text, "b 8:0 rw");
	CHECK(build(rules, 4) == 0);
	ctr_dev_rule_text(&set.v[0], text);
	CHECK_STR(text, "b 8:0 r");
	ctr_dev_rule_text(&set.v[1], text);
	CHECK_STR(text, "b 8:1 r");
}

TEST(a_hole_in_a_wider_rule_is_refused_on_v1)
{
	const struct ctr_device_rule rules[] = {{true, 'c', 1, -1, "rw"}, {false, 'c', 1, 11, "w"}};

	CHECK(build(rules, 2) == -EINVAL);
}

TEST(allow_all_on_v1_has_its_denials_as_exceptions)
{
	const struct ctr_device_rule rules[] = {ANY_ALLOW, {false, 'b', 253, 0, NULL}};

	CHECK(build(rules, 2) == 0);
	CHECK(set.allow_all && set.n == 1);
	CHECK(ctr_dev_set_matches(&set, "a *:* rwm"));
}

static int build_both(void *data)
{
	cleanup_free struct ctr_dev_rules *l = malloc(sizeof(*l));
	cleanup_free struct bpf_insn *insns = NULL;
	struct err e = {0};
	size_t n = 0;
	int r;

	(void)data;
	if (l == NULL)
		return -ENOMEM;
	r = ctr_dev_rules_build(NULL, 0, l, &e);
	if (r == 0)
		r = ctr_dev_bpf_build(l, &insns, &n);
	return r < 0 ? r : build(NULL, 0);
}

TEST(building_reports_every_failed_allocation)
{
	CHECK(torture_each(build_both, NULL) == 3);
}
