/* SPDX-License-Identifier: Apache-2.0 */
/* Control group files into numbers. The texts are as kernels 6.1 to 6.18 print them. */
#include "tests/test.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "container/stats.h"

TEST(a_new_struct_has_no_limits_and_no_numbers)
{
	cleanup_stats struct ctr_stats s;

	ctr_stats_init(&s);
	CHECK(s.mem.limit == UINT64_MAX && s.swap.limit == UINT64_MAX);
	CHECK(s.kernel.limit == UINT64_MAX && s.mem.usage == 0 && s.pids_limit == 0);
}

TEST(cpu_stat_of_v2_is_in_nanoseconds)
{
	cleanup_stats struct ctr_stats s;

	ctr_stats_init(&s);
	ctr_stats_parse(&s, CTR_STATS_CPU_V2,
			"usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\n"
			"nice_usec 0\ncore_sched.force_idle_usec 0\nnr_periods 10\n"
			"nr_throttled 3\nthrottled_usec 50\nnr_bursts 0\nburst_usec 0");
	CHECK(s.cpu_total_ns == 1234567000 && s.cpu_user_ns == 1000000000);
	CHECK(s.cpu_kernel_ns == 234567000);
	CHECK(s.throttling_periods == 10 && s.throttled_periods == 3 && s.throttled_ns == 50000);
}

TEST(cpu_files_of_v1_are_in_nanoseconds_ticks_and_one_number_per_cpu)
{
	cleanup_stats struct ctr_stats s;
	uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);

	ctr_stats_init(&s);
	ctr_stats_parse(&s, CTR_STATS_CPU_V1, "nr_periods 4\nnr_throttled 2\nthrottled_time 777");
	ctr_stats_parse(&s, CTR_STATS_CPUACCT_STAT, "user 150\nsystem 20");
	ctr_stats_parse(&s, CTR_STATS_PERCPU, "100 200 0 ");
	CHECK(s.throttled_ns == 777 && s.throttling_periods == 4);
	CHECK(s.cpu_user_ns == 150 * tick && s.cpu_kernel_ns == 20 * tick);
	CHECK(s.n_percpu == 3 && s.percpu_ns[0] == 100 && s.percpu_ns[1] == 200);
}

TEST(memory_stat_of_v2_also_speaks_the_words_of_v1)
{
	cleanup_stats struct ctr_stats s;

	ctr_stats_init(&s);
	ctr_stats_parse(&s, CTR_STATS_MEMORY_V2,
			"anon 100\nfile 200\nkernel 5\ninactive_file 30\nfile_mapped 7");
	CHECK_INT(ctr_stats_mem_value(&s, "anon"), 100);
	CHECK_INT(ctr_stats_mem_value(&s, "rss"), 100);
	CHECK_INT(ctr_stats_mem_value(&s, "cache"), 200);
	CHECK_INT(ctr_stats_mem_value(&s, "total_inactive_file"), 30);
	CHECK_INT(ctr_stats_mem_value(&s, "mapped_file"), 7);
	CHECK_INT(s.mem_cache, 200);
}

TEST(memory_stat_of_v1_also_speaks_the_words_of_v2_and_means_the_whole_tree)
{
	cleanup_stats struct ctr_stats s;

	ctr_stats_init(&s);
	ctr_stats_parse(&s, CTR_STATS_MEMORY_V1,
			"cache 10\nrss 20\ninactive_file 3\ntotal_cache 100\ntotal_rss 200\n"
			"total_inactive_file 30");
	CHECK_INT(ctr_stats_mem_value(&s, "file"), 100);
	CHECK_INT(ctr_stats_mem_value(&s, "anon"), 200);
	CHECK_INT(ctr_stats_mem_value(&s, "inactive_file"), 3);
	CHECK_INT(s.mem_cache, 10);
	for (size_t i = 0; i < s.n_mem_stat; i++) {
		for (size_t k = 0; k < i; k++)
			CHECK(!streq(s.mem_stat[i].key, s.mem_stat[k].key));
	}
}

TEST(io_stat_takes_lines_with_any_keys_and_wide_minors)
{
	cleanup_stats struct ctr_stats s;
	const struct ctr_blkio_entries *l = &s.blkio[CTR_BLKIO_SERVICE_BYTES];

	ctr_stats_init(&s);
	ctr_stats_parse(&s, CTR_STATS_IO_V2,
			"8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
			"253:1048575 rbytes=9 cost.usage=7\n7:0\n8:32 ");
	CHECK_INT(l->n, 7);
	CHECK(l->v[0].major == 8 && l->v[0].minor == 16 && l->v[0].value == 1);
	CHECK_STR(l->v[0].op, "read");
	CHECK_STR(l->v[1].op, "write");
	CHECK_STR(l->v[5].op, "dios");
	CHECK(l->v[6].minor == 1048575 && l->v[6].value == 9);
}

TEST(blkio_files_of_v1_give_lower_case_operations_and_no_grand_total)
{
	cleanup_stats struct ctr_stats s;

	ctr_stats_init(&s);
	CHECK_INT(ctr_stats_parse_blkio_v1(&s, CTR_BLKIO_SERVICED,
					   "8:0 Read 5\n8:0 Write 6\n8:0 Discard 0\n8:0 Total 11\n"
					   "Total 11"),
		  4);
	CHECK_STR(s.blkio[CTR_BLKIO_SERVICED].v[0].op, "read");
	CHECK_STR(s.blkio[CTR_BLKIO_SERVICED].v[3].op, "total");
	CHECK_INT(ctr_stats_parse_blkio_v1(&s, CTR_BLKIO_TIME, "8:0 77\n8:16 78"), 2);
	CHECK_STR(s.blkio[CTR_BLKIO_TIME].v[1].op, "");
	CHECK(s.blkio[CTR_BLKIO_TIME].v[1].value == 78);
	CHECK_INT(ctr_stats_parse_blkio_v1(&s, CTR_BLKIO_SECTORS, "Total 0"), 0);
}

TEST(pressure_is_in_hundredths_of_a_percent)
{
	cleanup_stats struct ctr_stats s;

	ctr_stats_init(&s);
	ctr_stats_parse(&s, CTR_STATS_MEM_PSI,
			"some avg10=1.50 avg60=100.00 avg300=0.07 total=123456\n"
			"full avg10=0.00 avg60=0.01 avg300=0.00 total=9");
	CHECK(s.mem_psi.present && !s.cpu_psi.present);
	CHECK(s.mem_psi.some.avg10 == 150 && s.mem_psi.some.avg60 == 10000);
	CHECK(s.mem_psi.some.avg300 == 7 && s.mem_psi.some.total_us == 123456);
	CHECK(s.mem_psi.full.avg60 == 1 && s.mem_psi.full.total_us == 9);
}

TEST(a_number_that_overflows_its_unit_stops_at_the_top)
{
	cleanup_stats struct ctr_stats s;

	ctr_stats_init(&s);
	ctr_stats_parse(&s, CTR_STATS_CPU_V2, "usage_usec 18446744073709551615");
	CHECK(s.cpu_total_ns == UINT64_MAX);
}

TEST(malformed_lines_are_left_out)
{
	static const char *const bad[] = {
		"",         "\n\n",      "x", "usage_usec",  "usage_usec -1",
		"8:0 Read", "8: Read x", ":", "some avg10=", "full"};

	for (int f = 0; f < CTR_STATS_FILES; f++) {
		for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
			cleanup_stats struct ctr_stats s;

			ctr_stats_init(&s);
			ctr_stats_parse(&s, (enum ctr_stats_file)f, bad[i]);
			CHECK_INT(ctr_stats_parse_blkio_v1(&s, CTR_BLKIO_TIME, bad[i]), 0);
			CHECK(s.cpu_total_ns == 0 && s.n_mem_stat == 0 && s.n_percpu == 0);
			CHECK(s.blkio[CTR_BLKIO_SERVICE_BYTES].n == 0);
		}
	}
}
